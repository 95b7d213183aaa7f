"""One bot of a fleet, from its start to its end. One thread at a time calls it, and no error of it reaches another."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from bot.clock import stamp
from bot.config.state_dir import StateDir
from bot.errors import Damaged, MynahError
from bot.fleet import rest
from bot.fleet.account import without_secrets
from bot.history.store import Store
from bot.running import resources
from bot.running.app import Process
from bot.running.heartbeat import Heartbeat
from bot.running.round_log import RoundLog
from bot.running.systemd import Notifier

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from datetime import datetime
    from pathlib import Path

    from bot.clock import Clock
    from bot.config.settings import Settings
    from bot.running.app import App
    from bot.voice.model_voice import ModelVoice

LONGEST_PAUSE = timedelta(minutes=10)  # between two tries to start a bot that fails
WRITTEN = timedelta(seconds=2)  # age of a configuration that is read again
SAVED = timedelta(minutes=1)  # how often a resting bot's heartbeat is written to its folder


class NotYet(MynahError):
    """The bot cannot start before something else has been done, which is under way."""


@dataclass(frozen=True, slots=True)
class Services:
    """What all members of a fleet use."""

    load: Callable[[Path], Settings]  # the configuration in a bot's folder, with its secrets
    begin: Callable[[Settings, Process], App]  # check the bot, and make it
    serve: Callable[[App, Process], AbstractContextManager[None]]  # what lasts as long as the bot, such as its metrics
    open_voice: Callable[[Path, Settings], ModelVoice]
    clock: Clock
    every: timedelta | None  # `--every`, in place of every bot's schedule
    period: timedelta  # of heartbeats


class Member:
    """`beat` starts the bot if it is not running, and is a heartbeat after that."""

    def __init__(self, home: Path, services: Services) -> None:
        self.home = home
        self.name = home.name
        self.why_failed = ""
        self._services = services
        self._clock = services.clock
        self._log = structlog.get_logger()
        self._state_dir = StateDir(home)
        self._stack = ExitStack()
        self._app: App | None = None
        self._heartbeat: Heartbeat | None = None
        self._failures = 0
        self._is_to_reload = False
        self._stamp = rest.stamp(self._state_dir)
        self._config = rest.config_stamp(home)
        self._next = services.clock.now()
        self._latest = services.clock.monotonic()  # a clock that is set back must not make the bot sleep for longer
        self._beaten = self._saved = services.clock.monotonic()

    @property
    def is_running(self) -> bool:
        return self._app is not None

    @property
    def last_beat(self) -> float:
        """Monotonic."""
        return self._beaten

    def reload(self) -> None:
        """At the next heartbeat, which is due now."""
        self._is_to_reload = True

    def has_slot(self, now: datetime) -> bool:
        """Whether a slot is due, so that the next heartbeat may draft."""
        return self._app is not None and self._app.now.schedule.due(now) is not None

    def is_due(self, now: datetime) -> bool:
        """Whether there is something to do. If not, this look was the heartbeat of a bot that rests."""
        elapsed = self._clock.monotonic()
        if self._is_to_reload or now >= self._next or elapsed >= self._latest:
            return True
        if rest.stamp(self._state_dir) != self._stamp or rest.config_stamp(self.home) != self._config:
            return True
        if self._app:
            self._beaten = elapsed
            if elapsed - self._saved >= SAVED.total_seconds():
                self._saved = elapsed
                self._state_dir.beat()
        return False

    def beat(self) -> None:
        with structlog.contextvars.bound_contextvars(name=self.name):
            before = rest.stamp(self._state_dir)
            try:
                self._start_or_reload()
                self._beat(before)
            except Exception as error:  # noqa: BLE001  the other bots go on
                self._fail(error)

    def close(self) -> None:
        """Leave the folder to another process. Call it between two heartbeats."""
        was_running, self._app, self._heartbeat = self.is_running, None, None
        self._stack.close()
        if was_running:
            with structlog.contextvars.bound_contextvars(name=self.name):
                self._log.info("bot.stopped")

    def _start_or_reload(self) -> None:
        config = rest.config_stamp(self.home)
        if self._app is None:
            self._config = config
            self._start()
        elif self._is_to_reload or (config != self._config and self._is_written(config)):
            self._config = config
            self._app.reload()
        self._is_to_reload = False

    def _is_written(self, config: tuple[int, ...]) -> bool:
        """Whether an editor is done with the configuration: a file that is half written may be valid too."""
        return not config or self._clock.now().timestamp() - config[-1] / 1e9 > WRITTEN.total_seconds()

    def _start(self) -> None:
        services = self._services
        settings = services.load(self.home)
        process = Process(
            load=lambda: without_secrets(services.load(self.home)),
            state_dir=self._state_dir,
            about={
                "since": stamp(self._clock.now()),
                "live": settings.live,
                "every": services.every.total_seconds() if services.every else None,
                "bot": settings.bot,
            },
            every=services.every,
            clock=self._clock,
            notifier=Notifier(None),
            open_shared=services.open_voice,
        )
        try:
            self._stack.enter_context(self._state_dir.hold(process.about))
            app = services.begin(settings, process)
            self._stack.enter_context(services.serve(app, process))
        except BaseException:
            self._stack.close()
            raise
        self._app = app
        self._heartbeat = Heartbeat(
            lambda: app.now,
            RoundLog(self._log),
            refresh=app.refresh,
            shortage=lambda: resources.why_not(self.home),
            clock=self._clock,
            log=self._log,
        )

    def _beat(self, before: tuple[int, ...]) -> None:
        if self._app is None or self._heartbeat is None:
            return
        is_well = self._heartbeat.beat()
        now, elapsed, period = self._clock.now(), self._clock.monotonic(), self._services.period
        self._next = now + period
        if is_well:
            self._failures, self.why_failed = 0, ""
            self._beaten = self._saved = elapsed
            self._state_dir.beat()
            if rest.stamp(self._state_dir) == before:  # nobody has written meanwhile, not even we
                with Store.open(self._state_dir.history, create=False) as store:
                    self._next = rest.rests_until(self._app.now, store, now, soon=self._next)
        self._stamp = before
        self._latest = elapsed + (self._next - now).total_seconds()

    def _fail(self, error: Exception) -> None:
        """Log it once, and try again later: sooner if somebody changes a file."""
        why = str(error) if isinstance(error, MynahError) else f"{type(error).__name__}: {error}"
        if why != self.why_failed:
            self._log_failure(error, why)
        self.why_failed = why
        self._is_to_reload = False
        if isinstance(error, Damaged):  # `mynah restore` needs the folder
            self.close()
        pause = self._services.period
        if not isinstance(error, NotYet):
            pause = min(pause * 2 ** min(self._failures, 20), LONGEST_PAUSE)
            self._failures += 1
        self._next, self._latest = self._clock.now() + pause, self._clock.monotonic() + pause.total_seconds()
        self._stamp = rest.stamp(self._state_dir)

    def _log_failure(self, error: Exception, why: str) -> None:
        if isinstance(error, NotYet):
            self._log.info("bot.waits", why=why)
        elif isinstance(error, MynahError):
            self._log.error("bot.failed", why=why)
        else:
            self._log.exception("bot.failed")
