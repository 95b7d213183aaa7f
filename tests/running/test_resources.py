"""Memory pressure as the kernel reports it; for disk space see test_disk_full.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.running import resources

if TYPE_CHECKING:
    from pathlib import Path

PRESSURE = "some avg10={} avg60=0.40 avg300=0.10 total=3797141\nfull avg10=99.00 avg60=0.00 avg300=0.00 total=1081766\n"


@pytest.mark.parametrize(
    ("text", "is_short"),
    [
        (PRESSURE.format("0.00"), False),
        (PRESSURE.format("9.99"), False),
        (PRESSURE.format("10.00"), True),
        (PRESSURE.format("100.00"), True),
        ("full avg10=99.00\n", False),
        ("", False),
        ("\0" * 9, False),
    ],
)
def test_memory_is_short_when_processes_keep_waiting_for_it(tmp_path: Path, text: str, is_short: bool) -> None:
    pressure = tmp_path / "memory"
    pressure.write_text(text)

    assert resources.is_short_of_memory(pressure) is is_short


def test_memory_is_not_short_where_the_kernel_does_not_count(tmp_path: Path) -> None:
    assert not resources.is_short_of_memory(tmp_path / "memory")
    assert not resources.is_short_of_memory(tmp_path)
