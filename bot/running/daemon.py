"""The process: start, heartbeats, signals, stop. The only file that imports apscheduler.

APScheduler only wakes the process; slots.py decides what is due. With jitter it runs a cron job dozens of times when
the clocks go back (3.11.3), and after a step of the wall clock it sleeps on, or makes up for every missed run.
"""

from __future__ import annotations

import os
import signal
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger

from bot.errors import MynahError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from structlog.stdlib import BoundLogger

    from bot.clock import Clock
    from bot.running.systemd import Notifier

STOP_WITHIN = timedelta(seconds=50)  # for the last round; below the unit's TimeoutStopSec
CLOCK_STEP = 2.0  # seconds between wall and monotonic time that are more than drift


class Every(BaseTrigger):  # type: ignore[misc]  # apscheduler has no types
    """Schedules the next run one period from now, so that at most one is due even after the clock was changed."""

    __slots__ = ("period",)

    def __init__(self, period: timedelta) -> None:
        self.period = period

    def get_next_fire_time(self, _: datetime | None, now: datetime) -> datetime:
        return now.astimezone(UTC) + self.period  # in a local zone, adding an hour may add two


class Daemon:
    def __init__(
        self,
        tick: Callable[[], None],
        reload: Callable[[], None],
        *,
        period: timedelta,
        stop_within: timedelta = STOP_WITHIN,
        problem: Callable[[], str] = lambda: "",
        clock: Clock,
        notifier: Notifier,
        log: BoundLogger,
    ) -> None:
        """`problem`: what systemd's status should say, beside the time of the last heartbeat."""
        self._tick = tick
        self._problem = problem
        self._reload = reload
        self._period = period
        self._stop_within = stop_within
        self._clock = clock
        self._notifier = notifier
        self._log = log
        self._stop = threading.Event()
        self._signal = ""
        self._hang_up = threading.Event()
        self._ticking = threading.Lock()

    def run(self) -> bool:
        """Runs until a signal. Returns False if the last round did not end in time; its thread still runs then."""
        scheduler = BackgroundScheduler(timezone=UTC, executors={"default": ThreadPoolExecutor(1)})
        job = scheduler.add_job(
            self._beat,
            Every(self._period),
            next_run_time=self._clock.now(),
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,
        )
        with on_signals(self._request_stop, self._hang_up.set):
            scheduler.start()
            self._notifier.ready()
            try:
                self._watch(job)
                self._log.info("daemon.asked_to_stop", signal=self._signal)
            finally:
                self._notifier.stopping()
                finished = self._ticking.acquire(timeout=self._stop_within.total_seconds())
                if finished:
                    self._ticking.release()  # otherwise a late beat would wait for the lock and keep the process alive
                scheduler.shutdown(wait=False)
        return finished

    def _beat(self) -> None:
        """A tick, after a reload if one was requested. Only success feeds the watchdog."""
        with self._ticking:
            if self._stop.is_set():
                return
            try:
                self._reload_if_requested()
                self._tick()
            except Exception as error:  # noqa: BLE001  the next tick tries again, or the watchdog ends the process
                if isinstance(error, MynahError):
                    self._log.error("tick.failed", why=str(error))
                else:
                    self._log.exception("tick.failed")
                self._notifier.failed()
            else:
                problem = self._problem()
                self._notifier.alive(f"last tick {self._clock.now():%H:%M:%S} UTC{problem and '; '}{problem}")

    def _reload_if_requested(self) -> None:
        """Runs between two rounds, on their thread: two models at once may not fit into memory."""
        if not self._hang_up.is_set():
            return
        self._hang_up.clear()
        self._notifier.reloading(self._clock.monotonic())
        try:
            self._reload()
        finally:
            self._notifier.ready()

    def _watch(self, job: Any) -> None:
        """The loop of the main thread: it gets the signals and notices steps of the wall clock."""
        offset, on_terminal = self._offset(), _terminal()
        while not self._stop.wait(1.0):
            if abs(self._offset() - offset) > CLOCK_STEP:
                self._log.warning("clock.stepped", seconds=round(self._offset() - offset, 1))
                offset = self._offset()
                job.modify(next_run_time=self._clock.now())
            if on_terminal and _is_gone(on_terminal):  # also where the shell has told it not to listen to SIGHUP
                self._request_stop("SIGHUP")
                return
            if self._hang_up.is_set():
                job.modify(next_run_time=self._clock.now())

    def _offset(self) -> float:
        return self._clock.now().timestamp() - self._clock.monotonic()

    def _request_stop(self, name: str) -> None:
        self._signal = name
        self._stop.set()


def _terminal() -> str:
    """The terminal that the process was started from; empty for a service."""
    try:
        return os.ttyname(0)
    except OSError:
        return ""


def _is_gone(terminal: str) -> bool:
    """Whether the terminal was closed. A SIGHUP from a terminal that is still there is a person's."""
    try:
        return os.ttyname(0) != terminal
    except OSError:
        return True


@contextmanager
def on_signals(stop: Callable[[str], None], hang_up: Callable[[], None] | None = None) -> Iterator[None]:
    """SIGTERM and SIGINT call `stop` with their name, a second one kills; SIGHUP calls `hang_up`. Restored at the end.

    `stop` and `hang_up` should only set a flag: the code that a signal interrupts may hold the lock of the log.
    """

    def on_stop(number: int, _: Any) -> None:
        stop(signal.Signals(number).name)
        signal.signal(number, signal.SIG_DFL)

    handlers: dict[int, Any] = {signal.SIGTERM: on_stop, signal.SIGINT: on_stop}
    if hang_up:
        handlers[signal.SIGHUP] = lambda _, __: hang_up()
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
