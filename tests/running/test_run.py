"""A bot that has no room to begin in: it waits, says why, and can be asked to stop."""

from __future__ import annotations

import os
import signal
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from bot.commands.run import start_when_possible, why_not_yet
from bot.config.state_dir import StateDir
from bot.errors import MynahError, NoRoom, training_errors
from bot.running.systemd import Notifier
from tests.fakes import NOON, FakeClock
from training.errors import OutOfMemory, OutOfRoom

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LIFE: Any = "a life"


def beginning(*outcomes: Any) -> Callable[[], Any]:
    """One after the other; an error is raised."""
    left = iter(outcomes)

    def begin() -> Any:
        outcome = next(left)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return begin


def test_each_reason_to_wait_is_said_once_and_then_it_begins() -> None:
    begin = beginning(NoRoom("needs 9 MB"), NoRoom("needs 9 MB"), LIFE)
    full = beginning("full", "full", None, None, None)

    with capture_logs() as told:
        life = start_when_possible(begin, full, Notifier(None), pauses=(0, 0))

    assert life == LIFE
    assert [(line["event"], line["why"]) for line in told] == [("daemon.waits", "full"), ("daemon.waits", "needs 9 MB")]


def test_a_clock_that_is_not_set_yet_is_waited_for_and_said_once(tmp_path: Path) -> None:
    clock = FakeClock(datetime(1970, 1, 1, 0, 0, tzinfo=UTC))

    def why_not() -> str | None:
        why = why_not_yet(StateDir(tmp_path), clock)
        clock.passes(timedelta(hours=7))
        if why and clock.now().hour == 21:
            clock.is_set(NOON)  # by the network
        return why

    with capture_logs() as told:
        life = start_when_possible(beginning(LIFE), why_not, Notifier(None), pauses=(0, 0))

    assert life == LIFE
    assert [line["event"] for line in told] == ["daemon.waits"]
    assert "the clock says 1970-01-01" in told[0]["why"]


@pytest.mark.parametrize(("error", "is_waited_for"), [(OutOfRoom, True), (OutOfMemory, False)])
def test_a_training_without_room_is_waited_for_and_one_without_memory_is_not(
    error: type[Exception], *, is_waited_for: bool
) -> None:
    with pytest.raises(MynahError, match="needs 9 MB") as excinfo, training_errors():
        raise error("needs 9 MB")

    assert isinstance(excinfo.value, NoRoom) is is_waited_for


class Stopped(Notifier):
    """It is asked to reload, and to stop, as soon as it says that it needs more time."""

    def needs(self, seconds: int) -> None:
        assert seconds > 120, "more than the longest pause"
        os.kill(os.getpid(), signal.SIGHUP)  # nothing to reload yet, and no reason to end
        os.kill(os.getpid(), signal.SIGTERM)


def test_one_that_waits_can_be_asked_to_stop() -> None:
    before = signal.getsignal(signal.SIGTERM)

    assert start_when_possible(beginning(), lambda: "full", Stopped(None)) is None
    assert signal.getsignal(signal.SIGTERM) is before
