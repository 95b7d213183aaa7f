"""The log on a terminal, and the file of its newest lines."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import structlog

from bot.clock import stamp
from bot.running import log
from bot.running.logs import file
from bot.running.logs.lines import LogLines
from tests.fakes import NOON, FakeClock

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

WAITING = {"event": "daemon.waits", "level": "error", "why": "the disk is full " * 5}


def lines(width: int, **event: object) -> list[str]:
    shown = LogLines(zone=ZoneInfo("Europe/Berlin"), width=lambda: width, colour=False)
    return shown(None, "", {"at": stamp(NOON), **event}).split("\n")


def test_a_long_line_is_wrapped_with_an_indent_by_the_clocks_of_the_zone() -> None:
    first, *others = lines(50, **WAITING)

    assert first == "13:00:00  daemon.waits  why=the disk is full the"
    assert {line[:10] for line in others} == {" " * 10}
    assert (" ".join(others).split()[0], max(map(len, others)) <= 50) == ("disk", True)


def test_a_round_is_wrapped_with_its_facts_below() -> None:
    text = "My dream is a quiet crumb under the clock of the station."
    event = {"outcome": "dry", "slot": "s", "prompt": "", "text": text, "length": 57, "cost": "$0.015", "refused": {}}

    first, second, third, *_ = lines(50, event="round.ended", **event)

    assert (first, second) == ("13:00:00  My dream is a quiet crumb under the", " " * 10 + "clock of the station.")
    assert third.startswith(" " * 10 + "dry · slot s")


def configure(folder: Path) -> None:
    log.configure(level="info", stream=io.StringIO(), secrets=["canary"], clock=FakeClock(), folder=folder)


def test_the_newest_lines_are_in_a_file_without_secrets(tmp_path: Path) -> None:
    configure(tmp_path)

    structlog.get_logger().info("backup.made", files="canary\u202e")

    (line,) = file.newest(tmp_path, 9)
    assert (line["event"], line["at"]) == ("backup.made", stamp(NOON))
    assert "canary" not in (tmp_path / file.NAME).read_text()


def test_the_file_stays_small_and_its_older_half_is_read_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file, "LARGEST", 2_000)
    configure(tmp_path)

    for number in range(60):
        structlog.get_logger().info("round.ended", number=number)

    sizes = [path.stat().st_size for path in tmp_path.iterdir()]
    assert len(sizes) == 2
    assert max(sizes) < 2_200
    assert [line["number"] for line in file.newest(tmp_path, 25)] == list(range(35, 60))


def test_a_deleted_file_begins_anew_and_a_full_disk_stops_nothing(tmp_path: Path) -> None:
    configure(tmp_path)
    structlog.get_logger().info("one")
    (tmp_path / file.NAME).unlink()

    structlog.get_logger().info("two")

    assert [line["event"] for line in file.newest(tmp_path, 9)] == ["two"]
    configure(tmp_path / "nowhere")
    structlog.get_logger().info("three")
    assert file.newest(tmp_path / "nowhere", 9) == []


def test_what_is_no_line_of_ours_is_skipped(tmp_path: Path) -> None:
    (tmp_path / file.NAME).write_bytes(b'half a line"}\n[1]\n{"event": "x"}\n\xff\n')

    assert file.newest(tmp_path, 9) == [{"event": "x"}]
