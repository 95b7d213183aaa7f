"""What a heartbeat waits out, and says in a sentence: what is not there now may be there at the next one."""

from __future__ import annotations

import io
import os
import signal
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import structlog
from structlog.testing import CapturingLogger

from bot.clock import SystemClock
from bot.errors import Damaged, ModelError, StoreError
from bot.running.daemon import Daemon
from bot.running.heartbeat import Heartbeat
from bot.running.systemd import Notifier
from tests.fakes import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable

GONE = OSError(5, "Input/output error", "/state/models")


def heartbeat(refresh: Callable[[], None], log: CapturingLogger) -> Heartbeat:
    """Of a bot with nothing to do."""
    agenda = SimpleNamespace(turn=lambda: None, answer=lambda: None)
    parts: Any = SimpleNamespace(agenda=agenda, backups=SimpleNamespace(due=lambda _: False))
    told: Any = log
    return Heartbeat(lambda: parts, told, refresh=refresh, room=lambda: None, clock=FakeClock(), log=told)


@pytest.mark.parametrize(
    "error",
    [ModelError("no model is whole"), StoreError("no history is there"), GONE],
    ids=["model", "history", "disk"],
)
def test_what_is_not_there_is_waited_for_and_said_once_and_no_such_heartbeat_ended_well(error: Exception) -> None:
    log = CapturingLogger()
    raised: list[Exception] = [error, error]

    def refresh() -> None:
        if raised:
            raise raised.pop()

    heart = heartbeat(refresh, log)
    ended_well = [heart.beat(), heart.beat(), heart.beat()]

    assert ended_well == [False, False, True]
    assert [call.args for call in log.calls] == [("daemon.waits",), ("daemon.goes_on",)]
    assert "/state/models" in log.calls[0].kwargs["why"] or str(error) == log.calls[0].kwargs["why"]


@pytest.mark.parametrize(
    ("error", "has_stack"), [(Damaged("history.db is damaged"), False), (RuntimeError("?"), True)], ids=["ours", "not"]
)
def test_an_error_of_ours_is_a_sentence_in_the_log_and_another_shows_where_it_came_from(
    error: Exception, *, has_stack: bool
) -> None:
    told = io.StringIO()

    def tick() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        raise error

    Daemon(
        tick,
        lambda: None,
        period=timedelta(milliseconds=20),
        clock=SystemClock(),
        notifier=Notifier(None),
        log=structlog.wrap_logger(structlog.PrintLogger(told)),
    ).run()

    assert "tick.failed" in told.getvalue()
    assert ("Traceback" in told.getvalue()) is has_stack
    assert str(error) in told.getvalue()
