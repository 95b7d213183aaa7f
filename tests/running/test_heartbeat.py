"""Temporary errors, which a heartbeat waits out and logs once."""

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
    """The heartbeat of a bot with nothing to do."""
    agenda = SimpleNamespace(turn=lambda: None, answer=lambda: None)
    parts: Any = SimpleNamespace(agenda=agenda, backups=SimpleNamespace(due=lambda _: False))
    any_log: Any = log
    return Heartbeat(lambda: parts, any_log, refresh=refresh, shortage=lambda: None, clock=FakeClock(), log=any_log)


@pytest.mark.parametrize(
    "error",
    [ModelError("no model is whole"), StoreError("no history is there"), GONE],
    ids=["model", "history", "disk"],
)
def test_a_temporary_error_is_logged_once_and_the_heartbeat_does_not_count_as_healthy(error: Exception) -> None:
    log = CapturingLogger()
    errors: list[Exception] = [error, error]

    def refresh() -> None:
        if errors:
            raise errors.pop()

    bot = heartbeat(refresh, log)
    results = [bot.beat(), bot.beat(), bot.beat()]

    assert results == [False, False, True]
    assert [call.args for call in log.calls] == [("daemon.waits",), ("daemon.goes_on",)]
    assert "/state/models" in log.calls[0].kwargs["why"] or str(error) == log.calls[0].kwargs["why"]


@pytest.mark.parametrize(
    ("error", "has_stack"), [(Damaged("history.db is damaged"), False), (RuntimeError("?"), True)], ids=["ours", "not"]
)
def test_only_an_unexpected_error_is_logged_with_its_traceback(error: Exception, *, has_stack: bool) -> None:
    stream = io.StringIO()

    def tick() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        raise error

    Daemon(
        tick,
        lambda: None,
        period=timedelta(milliseconds=20),
        clock=SystemClock(),
        notifier=Notifier(None),
        log=structlog.wrap_logger(structlog.PrintLogger(stream)),
    ).run()

    assert "tick.failed" in stream.getvalue()
    assert ("Traceback" in stream.getvalue()) is has_stack
    assert str(error) in stream.getvalue()
