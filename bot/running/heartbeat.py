"""One heartbeat: what must hold before a round, the round, and what there is time for after it.

What stands in the way for a while, such as a full disk, is said once and waited out: starting again would not help,
and an init system that tries ten times gives up.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from bot.clock import why_doubted
from bot.errors import Busy, Damaged, ModelError, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

    from structlog.stdlib import BoundLogger

    from bot.clock import Clock
    from bot.history.backup import Backups
    from bot.rounds.agenda import Agenda
    from bot.running.round_log import RoundLog

    class Parts(Protocol):
        @property
        def agenda(self) -> Agenda: ...

        @property
        def backups(self) -> Backups: ...


AGAIN = timedelta(hours=1)  # after a backup that failed


class Heartbeat:
    """`now` gives the parts of the bot, which a reload makes anew."""

    def __init__(
        self,
        now: Callable[[], Parts],
        round_log: RoundLog,
        *,
        refresh: Callable[[], None],
        room: Callable[[], str | None],
        clock: Clock,
        log: BoundLogger,
    ) -> None:
        self._now = now
        self._round_log = round_log
        self._refresh = refresh
        self._room = room
        self._clock = clock
        self._log = log
        self._waiting = ""
        self._backup_from = float("-inf")  # monotonic

    def beat(self) -> bool:
        """False: it waits, which ends by itself, and which nobody should take for a bot that is well."""
        if why := why_doubted(self._clock.now()) or self._room():
            self._wait(why)
            return False
        try:
            self._refresh()
            agenda = self._now().agenda
            ended = agenda.turn()
            if ended:
                self._round_log.write(ended)
            agenda.answer()
        except Damaged:  # nothing to wait for: the watchdog ends us, and the next start says what to restore
            raise
        except (StoreError, ModelError) as error:  # no room, though there was a moment ago; no model is whole any more
            self._wait(str(error))
            return False
        except OSError as error:  # the disk itself fails
            self._wait(f"{error}; look at the disk, and whose it is")
            return False
        if self._waiting:
            self._waiting = ""
            self._log.info("daemon.goes_on")
        if not ended:
            self._back_up()
        return True

    def _wait(self, why: str) -> None:
        if why != self._waiting:  # what could not be written down may be told nowhere else
            self._log.error("daemon.waits", why=why)
        self._waiting = why

    def _back_up(self) -> None:
        """When it is time; one that fails keeps nobody from speaking."""
        now, elapsed, backups = self._clock.now(), self._clock.monotonic(), self._now().backups
        if elapsed < self._backup_from or not backups.due(now):
            return
        try:
            made = backups.make(now)
        except (StoreError, Busy) as error:
            self._backup_from = elapsed + AGAIN.total_seconds()
            self._log.error("backup.failed", why=str(error))
        else:
            self._log.info("backup.made", files=[str(path) for path in made])
