"""With a clock that is centuries off, each command gives an answer or one sentence, and nothing is posted for real."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from bot import cli
from bot.clock import FIRST, LAST, SystemClock, why_doubted
from bot.history.store import Store
from bot.values import Draft, Slot
from bot.x.payloads import GREATEST_ID, id_at
from tests.fakes import NOON
from tests.installed import environment

if TYPE_CHECKING:
    from pathlib import Path

CLOCKS = {
    "1971": FIRST,
    "2081, after the last id of 63 bits": datetime(2081, 1, 1, tzinfo=UTC),
    "2500": datetime(2500, 1, 1, tzinfo=UTC),
    "9000": LAST,
}
COMMANDS = (
    ("status", "--json"), ("doctor", "--quick"), ("history",), ("spend",), ("spend", "--dry"),
    ("review", "list", "--json"),
    ("post", "The bell is early today.", "--dry-run"), ("post", "The bell is early today.", "--live"),
    ("pause", "--for", "2h"), ("pause", "--until", "18:30"), ("resume",), ("backup",), ("library",), ("block",),
    ("models",), ("run", "--once", "--dry-run"), ("run", "--once", "--live"), ("delete", "1"),
    ("resolve", "1", "abandoned"),
)  # fmt: skip


@pytest.fixture
def history(state: Path) -> Path:
    with Store.open(state / "history.db") as store:
        post = store.add_draft(
            Draft("Soup."), slot=Slot("a", NOON), norm="soup", length=5, dry=False, model="m", at=NOON
        )
        for move in ("approved", "sending", "unknown"):
            store.move(post, move, at=NOON)
    return state


@pytest.mark.parametrize("year", CLOCKS)
def test_a_command_under_a_wrong_clock_ends_with_an_answer_or_a_sentence(
    history: Path, year: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    monkeypatch.setattr(SystemClock, "now", lambda _: CLOCKS[year])

    codes = {" ".join(command): cli.main(["--state", str(history), *command]) for command in COMMANDS}

    output = capsys.readouterr()
    assert set(codes.values()) <= {0, 1, 75, 78}
    assert codes["run --once --live"] == codes["post The bell is early today. --live"] == 78
    for sign in ("Traceback", "cannot hold a value", "out of range"):
        assert sign not in output.out + output.err


def test_ids_of_x_stay_within_63_bits() -> None:
    assert id_at(LAST) == GREATEST_ID
    assert id_at(FIRST) == 0


@pytest.mark.parametrize(("moment", "is_doubted"), [(NOON, False), (datetime(2081, 1, 1, tzinfo=UTC), True)])
def test_a_clock_from_after_the_last_id_is_not_believed(moment: datetime, is_doubted: bool) -> None:
    assert bool(why_doubted(moment)) is is_doubted
