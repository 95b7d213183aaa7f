"""A bot that cannot start yet: it waits, logs why, and can be stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
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

APP: Any = "an app"


def scripted(*outcomes: Any) -> Callable[[], Any]:
    """Returns the outcomes one after the other; raises those that are errors."""
    queue = iter(outcomes)

    def begin() -> Any:
        outcome = next(queue)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return begin


def test_each_reason_to_wait_is_logged_once_before_the_start() -> None:
    begin = scripted(NoRoom("needs 9 MB"), NoRoom("needs 9 MB"), APP)
    full = scripted("full", "full", None, None, None)

    with capture_logs() as log:
        app = start_when_possible(begin, full, Notifier(None), pauses=(0, 0))

    assert app == APP
    assert [(line["event"], line["why"]) for line in log] == [("daemon.waits", "full"), ("daemon.waits", "needs 9 MB")]


def test_it_waits_until_the_clock_is_set_and_logs_that_once(tmp_path: Path) -> None:
    clock = FakeClock(datetime(1970, 1, 1, 0, 0, tzinfo=UTC))

    def why_not() -> str | None:
        why = why_not_yet(StateDir(tmp_path), clock)
        clock.passes(timedelta(hours=7))
        if why and clock.now().hour == 21:
            clock.is_set(NOON)  # by the network
        return why

    with capture_logs() as log:
        app = start_when_possible(scripted(APP), why_not, Notifier(None), pauses=(0, 0))

    assert app == APP
    assert [line["event"] for line in log] == ["daemon.waits"]
    assert "the clock says 1970-01-01" in log[0]["why"]


@pytest.mark.parametrize(("error", "is_waited_for"), [(OutOfRoom, True), (OutOfMemory, False)])
def test_a_full_disk_during_training_is_waited_out_and_a_lack_of_memory_is_not(
    error: type[Exception], *, is_waited_for: bool
) -> None:
    with pytest.raises(MynahError, match="needs 9 MB") as excinfo, training_errors():
        raise error("needs 9 MB")

    assert isinstance(excinfo.value, NoRoom) is is_waited_for


class StoppingNotifier(Notifier):
    """Sends SIGHUP and SIGTERM as soon as the bot asks systemd for more time."""

    def needs(self, seconds: int) -> None:
        assert seconds > 120, "more than the longest pause"
        os.kill(os.getpid(), signal.SIGHUP)  # ignored: nothing is loaded yet
        os.kill(os.getpid(), signal.SIGTERM)


def test_a_waiting_bot_can_be_stopped() -> None:
    before = signal.getsignal(signal.SIGTERM)

    assert start_when_possible(scripted(), lambda: "full", StoppingNotifier(None)) is None
    assert signal.getsignal(signal.SIGTERM) is before


STARTING = """
import os, signal, sys
from bot import cli
from bot.commands import run
from bot.errors import MynahError

def start(*_):
    os.kill(os.getpid(), signal.SIGHUP)
    raise MynahError("it is still there")

run.start = start
sys.exit(cli.main(["--state", sys.argv[1], "run", "--once", "--dry-run"]))
"""


def test_a_reload_that_is_asked_for_while_it_starts_does_not_end_it(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-c", STARTING, tmp_path],
        check=False,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )

    assert (result.returncode, result.stderr) == (1, "mynah: it is still there\n")
