"""One heartbeat: what must hold before a round, the round, and what there is time for after it.

What stands in the way for a while, such as a full disk, is said once and waited out: starting again would not help,
and an init system that tries ten times gives up.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from bot.clock import why_doubted
from bot.errors import Busy, Damaged, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

    from structlog.stdlib import BoundLogger

    from bot.agenda import Agenda
    from bot.backup import Backups
    from bot.clock import Clock
    from bot.diary import Diary

AGAIN = timedelta(hours=1)  # after a backup that failed


class Heartbeat:
    def __init__(
        self,
        agenda: Agenda,
        diary: Diary,
        *,
        refresh: Callable[[], None],
        room: Callable[[], str | None],
        backups: Backups,
        clock: Clock,
        log: BoundLogger,
    ) -> None:
        self._agenda = agenda
        self._diary = diary
        self._refresh = refresh
        self._room = room
        self._backups = backups
        self._clock = clock
        self._log = log
        self._waiting = ""
        self._backup_from = float("-inf")  # monotonic

    def beat(self) -> None:
        if why := why_doubted(self._clock.now()) or self._room():
            self._wait(why)
            return
        try:
            self._refresh()
            ended = self._agenda.turn()
            if ended:
                self._diary.write(ended)
            self._agenda.answer()
        except Damaged:  # nothing to wait for: the watchdog ends us, and the next start says what to restore
            raise
        except StoreError as error:  # no room, though there was a moment ago; or another program holds the history
            self._wait(str(error))
            return
        if self._waiting:
            self._waiting = ""
            self._log.info("daemon.goes_on")
        if not ended:
            self._back_up()

    def _wait(self, why: str) -> None:
        if why != self._waiting:  # what could not be written down may be told nowhere else
            self._log.error("daemon.waits", why=why)
        self._waiting = why

    def _back_up(self) -> None:
        """When it is time; one that fails keeps nobody from speaking."""
        now, elapsed = self._clock.now(), self._clock.monotonic()
        if elapsed < self._backup_from or not self._backups.due(now):
            return
        try:
            made = self._backups.make(now)
        except (StoreError, Busy) as error:
            self._backup_from = elapsed + AGAIN.total_seconds()
            self._log.error("backup.failed", why=str(error))
        else:
            self._log.info("backup.made", files=[str(path) for path in made])
