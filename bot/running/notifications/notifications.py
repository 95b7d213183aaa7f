"""Tells the operator's targets what there is to tell, on a thread of its own, so that a slow one never delays a post.

What was told is in the history, so that a restart repeats nothing. A target that fails is tried again, at first after a
minute, at last every hour. All that waits for a target goes in one message.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from bot.clock import why_doubted
from bot.errors import MynahError
from bot.history import notifications as ledger
from bot.history.notifications import Notice
from bot.history.store import Store
from bot.running import status
from bot.running.notifications import messages
from bot.running.notifications.messages import ALERT, DIGEST, DRAFT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from structlog.stdlib import BoundLogger

    from bot.clock import Clock
    from bot.config.settings import Settings
    from bot.config.state_dir import StateDir
    from bot.history.notifications import Queued
    from bot.running.notifications.targets import Target

PERIOD = 15.0  # seconds, as between two heartbeats
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=1)  # after an error
REMINDER = timedelta(days=1)  # an alert that lasts is told again
CALM = timedelta(minutes=10)  # an alert that was away for so long is a new one
RESERVED = 2  # of the messages of a day, which drafts leave to alerts and the digest


class Notifications:
    """`settings` returns those in effect, which a reload replaces."""

    def __init__(
        self, settings: Callable[[], Settings], state_dir: StateDir, *, clock: Clock, log: BoundLogger
    ) -> None:
        self._settings = settings
        self._state_dir = state_dir
        self._clock = clock
        self._log = log
        self._urls: Mapping[str, str] = {}
        self._targets: Mapping[str, Target] = {}
        self._began: dict[str, datetime] = {}  # of each alert, by its key
        self._gone: dict[str, datetime] = {}  # since when an alert is away
        self._error = ""

    def turn(self) -> None:
        """Queue what is new, and send what is due. Errors are logged, each once while it lasts."""
        try:
            self._turn(self._settings())
        except Exception as error:  # noqa: BLE001  a notification never ends the bot
            if str(error) != self._error:
                trace = not isinstance(error, MynahError)
                self._log.error("notifications.failed", why=str(error), exc_info=trace)
            self._error = str(error)
        else:
            self._error = ""

    def _turn(self, settings: Settings) -> None:
        now, config = self._clock.now(), settings.notify
        targets = self._open(config.urls())
        if not targets or why_doubted(now):
            return
        with Store.open(self._state_dir.history, create=False) as store:
            notices = list(self._notices(store, settings, now))
            due = {name: self._due(store, name, notices, settings, now) for name in targets}
            ledger.prune(store, now)
        for name, queued in due.items():
            if queued:
                self._send(targets[name], queued, settings)

    def _open(self, urls: Mapping[str, str]) -> Mapping[str, Target]:
        """The targets; a second or so when the URLs are new, since Apprise is imported."""
        if urls != self._urls:
            from bot.running.notifications.targets import open_targets

            try:
                self._targets, self._urls = open_targets(urls), urls
            except ModuleNotFoundError as error:
                raise MynahError(f"{error.name} is not installed: pip install 'mynah-bot[notify]'") from error
        return self._targets

    def _notices(self, store: Store, settings: Settings, now: datetime) -> Iterator[Notice]:
        tell = settings.notify.tell
        if DRAFT in tell:
            yield from messages.drafts(store, settings, now)
        if ALERT in tell:
            row = status.row(settings, self._state_dir, now)
            alerts = {messages.alert_key(alert): alert for alert in messages.alerts(row, store, settings, now)}
            self._follow(set(alerts), now)
            for key, sentence in alerts.items():
                since = max(self._began[key], now - REMINDER)
                yield Notice(key, messages.bounded(sentence, messages.LONGEST_TEXT), since)
        if DIGEST in tell and (digest := messages.digest(store, settings, now)):
            yield digest

    def _follow(self, keys: AbstractSet[str], now: datetime) -> None:
        """Note when each alert began. One that is new to this process may have been told by an earlier one."""
        for key in self._began.keys() - keys:
            self._gone.setdefault(key, now)
        for key in keys:
            gone = self._gone.pop(key, None)
            if gone and now - gone > CALM:
                self._began[key] = now
            self._began.setdefault(key, now - REMINDER)

    def _due(
        self, store: Store, target: str, notices: Sequence[Notice], settings: Settings, now: datetime
    ) -> list[Queued]:
        """What to send to this target now."""
        others = [notice for notice in notices if not messages.is_about(notice, target)]
        with store.atomic():
            ledger.add(store, target, others, now=now)
            current = {notice.key for notice in others}
            for queued in ledger.waiting(store, target):
                if queued.key not in current:
                    ledger.drop(store, queued)
        waiting = ledger.waiting(store, target)
        again = max((queued.again for queued in waiting), default=now)
        if now < again <= now + LONGEST_PAUSE:  # later ones were set by a clock that was ahead
            return []
        zone = ZoneInfo(settings.schedule.timezone)
        if settings.notify.is_quiet(now.astimezone(zone).time()):
            return []
        left = settings.notify.max_per_day - _sent_today(store, target, now, zone)
        only_drafts = all(queued.key.startswith(DRAFT) for queued in waiting)
        return waiting if left > (min(RESERVED, settings.notify.max_per_day - 1) if only_drafts else 0) else []

    def _send(self, target: Target, queued: Sequence[Queued], settings: Settings) -> None:
        """Outside of any transaction: the history is open to the bot while this waits for an answer."""
        title, body = messages.composed([(notice.key, notice.text) for notice in queued], settings)
        error = target.send(title, body)
        now, tries = self._clock.now(), max(notice.tries for notice in queued)
        again = now + min(FIRST_PAUSE * 2 ** min(tries, 10), LONGEST_PAUSE)
        with Store.open(self._state_dir.history, create=False) as store:
            ledger.record(store, queued, error=error, now=now, again=again)
        about = [notice.key for notice in queued]
        if error:
            self._log.warning("notification.failed", target=target.name, why=error, again=again, about=about)
        else:
            self._log.info("notification.sent", target=target.name, about=about)


def _sent_today(store: Store, target: str, now: datetime, zone: ZoneInfo) -> int:
    midnight = datetime.combine(now.astimezone(zone).date(), time(), zone)
    return ledger.sent_between(store, target, midnight, midnight + timedelta(days=1))


@contextmanager
def running(notifications: Notifications, *, period: float = PERIOD) -> Iterator[None]:
    """Take turns on a thread until the end of the block, which does not wait for an answer from a target."""
    stop = threading.Event()

    def work() -> None:
        while not stop.wait(period):
            notifications.turn()

    threading.Thread(target=work, name="notifications", daemon=True).start()
    try:
        yield
    finally:
        stop.set()
