"""`mynah status`, `mynah watch` and `mynah` alone, on terminals of several widths."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from bot.clock import stamp
from bot.commands.standing.next_step import Contents, next_step
from bot.commands.standing.summary import eight_lines, tasks
from bot.commands.standing.watch import page
from bot.config.settings import Settings
from bot.config.state_dir import StateDir
from bot.history.store import Store
from bot.running.logs.file import NAME
from bot.running.status import row as status_row
from bot.text.wrapping import cells
from bot.values import Draft, Slot
from tests.fakes import NOON, FakeClock

if TYPE_CHECKING:
    from pathlib import Path

WORDS = "A small bell rings in the roof of the station, and nobody who is carrying two umbrellas looks up at it."
CONTENTS = Contents(0, (), None, "", is_running=False, posts=0)
CODES = re.compile(r"\x1b\[\d+m")


@pytest.fixture
def folder(tmp_path: Path) -> StateDir:
    folder = StateDir(tmp_path / "state")
    folder.make()
    with Store.open(folder.history) as store:
        post = store.add_draft(
            Draft(WORDS), slot=Slot("s", NOON), norm=WORDS, length=len(WORDS), dry=True, model="m", at=NOON
        )
        for state in ("approved", "sending", "dry"):
            store.move(post, state, at=NOON)
    return folder


@pytest.fixture
def settings(folder: StateDir) -> Settings:
    return Settings(state=folder.root, bot="stationmynah")


def row(settings: Settings, folder: StateDir, **changes: Any) -> dict[str, Any]:
    return status_row(settings, folder, NOON + timedelta(minutes=5)) | changes


def test_the_state_is_eight_lines(settings: Settings, folder: StateDir) -> None:
    text = eight_lines(row(settings, folder), NOON + timedelta(minutes=5), "Europe/Berlin", width=100, colour=False)

    names = [re.split(r"  +", line)[0] for line in text.splitlines()]
    assert names == ["bot", "health", "model", "said", "next", "posts", "cost", "to do"]
    assert "@stationmynah, a dry run: nothing goes to X" in text
    assert "(5 min ago)" in text
    assert re.search(r"next    in .* \(.*\d\d:\d\d CET\), once it runs", text)
    assert "1 in dry runs" in text


@pytest.mark.parametrize("width", [40, 80, 120])
def test_no_line_of_the_state_is_longer_than_the_terminal_and_no_word_is_cut(
    settings: Settings, folder: StateDir, width: int
) -> None:
    alerts = {"alerts": [f"{folder.root}/history.db is damaged: `mynah restore FILE` a backup"], "unknown": [7]}

    text = eight_lines(row(settings, folder, **alerts), NOON, "UTC", width=width, colour=True)

    lines = [CODES.sub("", line) for line in text.splitlines()]
    assert [line for line in lines if cells(line) > width and len(line.split()) > 1] == []
    assert set(CODES.sub("", text).split()) >= {"damaged:", "1", "problem,", "see", "below"}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"model": None}, "`mynah retrain` trains a model"),
        ({"model": "m"}, "`mynah run` starts the bot"),
        ({"model": "m", "mode": "live"}, "`mynah run --live` starts the bot"),
        ({"to_review": 2, "next_expires": stamp(NOON + timedelta(hours=3))}, "`mynah review`: 2 drafts wait"),
        ({"unknown": [7], "next_look": "later"}, "post 7 may or may not be on X: the bot looks for it"),
        ({"paused": "paused: by hand; `mynah resume` ends it"}, "`mynah resume` ends it"),
        ({"alerts": ["the disk is full"]}, "the disk is full"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_needs_a_person_is_a_task(
    settings: Settings, folder: StateDir, changes: dict[str, Any], sentence: str
) -> None:
    assert any(sentence in task for task in tasks(row(settings, folder, **changes), NOON))


def test_a_bot_that_is_well_leaves_nothing_to_do(settings: Settings, folder: StateDir) -> None:
    well = row(settings, folder, running=True, pid=7, model="m", heartbeat_age=4.0)

    text = eight_lines(well, NOON, "UTC", width=80, colour=False)

    assert "health  well; it is running as process 7, last heartbeat just now" in text
    assert text.endswith("to do   nothing")


@pytest.mark.parametrize(
    ("changes", "command"),
    [
        ({}, "`mynah import FILE`"),
        ({"tweets": 9}, "`mynah retrain`"),
        ({"tweets": 9, "model": "m"}, "`mynah run`"),
        ({"model": "m", "damage": "it is damaged"}, "`mynah models`"),
        ({"model": "m", "is_running": True}, "`mynah status`"),
    ],
    ids=["no tweets", "no model", "ready", "damaged", "running"],
)
def test_mynah_alone_names_the_next_command(changes: dict[str, Any], command: str) -> None:
    assert command in next_step(CONTENTS._replace(**changes), live=False)


@pytest.mark.parametrize(("width", "height"), [(40, 12), (80, 24), (120, 60)])
def test_a_page_of_watch_fits_its_terminal(settings: Settings, folder: StateDir, width: int, height: int) -> None:
    event = f'{{"event": "backup.made", "level": "info", "at": "{stamp(NOON)}", "files": "{"a file, " * 20}"}}\n'
    (folder.root / NAME).write_text(event * 90)

    text = page(settings, folder, FakeClock(), width, height, colour=True)

    lines = [CODES.sub("", line) for line in text.splitlines()]
    assert [line for line in lines if cells(line) > width and len(line.split()) > 1] == []
    assert len(lines) == height or height < 20
    assert {"posts", "log"} <= {line.strip() for line in lines}
    assert any("dry  A small bell" in line for line in lines)


def test_a_page_of_watch_shows_a_damaged_history_and_goes_on(settings: Settings, folder: StateDir) -> None:
    folder.history.write_bytes(b"nothing" * 999)

    text = page(settings, folder, FakeClock(), 80, 24, colour=False)

    assert "no SQLite file" in text
    assert "q quits" in text
