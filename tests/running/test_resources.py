"""How much memory there is, by what a kernel says; the disk is in test_disk_full.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.running import resources

if TYPE_CHECKING:
    from pathlib import Path

SAID = "some avg10={} avg60=0.40 avg300=0.10 total=3797141\nfull avg10=99.00 avg60=0.00 avg300=0.00 total=1081766\n"


@pytest.mark.parametrize(
    ("said", "is_short"),
    [
        (SAID.format("0.00"), False),
        (SAID.format("9.99"), False),
        (SAID.format("10.00"), True),
        (SAID.format("100.00"), True),
        ("full avg10=99.00\n", False),
        ("", False),
        ("\0" * 9, False),
    ],
)
def test_memory_is_short_when_somebody_keeps_waiting_for_it(tmp_path: Path, said: str, is_short: bool) -> None:
    waits = tmp_path / "memory"
    waits.write_text(said)

    assert resources.is_short_of_memory(waits) is is_short


def test_where_nobody_counts_memory_is_not_short(tmp_path: Path) -> None:
    assert not resources.is_short_of_memory(tmp_path / "memory")
    assert not resources.is_short_of_memory(tmp_path)
