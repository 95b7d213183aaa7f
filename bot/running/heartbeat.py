"""One heartbeat: checks, a round, replies, and a backup when nothing else was due.

A temporary obstacle, such as a full disk, is logged once and waited out: a restart would not help, and systemd gives up
after ten of them.
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


BACKUP_RETRY = timedelta(hours=1)  # after a failed backup


class Heartbeat:
    """`parts` returns the current parts of the bot, which a reload replaces; `shortage`: why no round may begin."""

    def __init__(
        self,
        parts: Callable[[], Parts],
        round_log: RoundLog,
        *,
        refresh: Callable[[], None],
        shortage: Callable[[], str | None],
        clock: Clock,
        log: BoundLogger,
    ) -> None:
        self._parts = parts
        self._round_log = round_log
        self._refresh = refresh
        self._shortage = shortage
        self._clock = clock
        self._log = log
        self._waiting = ""
        self._backup_from = float("-inf")  # monotonic

    def beat(self) -> bool:
        """Run one heartbeat. False while a temporary obstacle lasts, which must not count as a healthy heartbeat."""
        if why := why_doubted(self._clock.now()) or self._shortage():
            self._wait(why)
            return False
        try:
            self._refresh()
            agenda = self._parts().agenda
            ended = agenda.turn()
            if ended:
                self._round_log.write(ended)
            agenda.answer()
        except Damaged:  # permanent: the watchdog ends the process, and the next start says what to restore
            raise
        except (StoreError, ModelError) as error:  # the disk filled up meanwhile, or no complete model is left
            self._wait(str(error))
            return False
        except OSError as error:  # the disk itself fails
            self._wait(f"{error}; check the disk and the owner of the file")
            return False
        if self._waiting:
            self._waiting = ""
            self._log.info("daemon.goes_on")
        if not ended:
            self._back_up()
        return True

    def _wait(self, why: str) -> None:
        if why != self._waiting:  # the log may be the only place that can still be written
            self._log.error("daemon.waits", why=why)
        self._waiting = why

    def _back_up(self) -> None:
        """Makes a backup when one is due; a failure does not stop the bot."""
        now, elapsed, backups = self._clock.now(), self._clock.monotonic(), self._parts().backups
        if elapsed < self._backup_from or not backups.due(now):
            return
        try:
            made = backups.make(now)
        except (StoreError, Busy) as error:
            self._backup_from = elapsed + BACKUP_RETRY.total_seconds()
            self._log.error("backup.failed", why=str(error))
        else:
            self._log.info("backup.made", files=[str(path) for path in made])
