"""Many bots in one process: finds them in a folder, and gives each its heartbeats on a few threads."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any

from bot.config.load import CONFIG
from bot.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from concurrent.futures import Future
    from datetime import timedelta
    from pathlib import Path

    from structlog.stdlib import BoundLogger

    from bot.clock import Clock
    from bot.config.state_dir import StateDir
    from bot.fleet.member import Member

# Bots in a heartbeat at a time; rather many, since they mostly wait for X. Those with a slot have threads of their own:
# a hundred bots that wait for their turn to draft must not hold up a start, a reply or the lookup of a lost post.
HEARTBEATS = 32
ROUNDS = 6  # besides those that draft: each that waits for its turn holds its model, 50 MB for SmolLM2


class Fleet:
    """`tick` never waits for a bot. A bot is a folder with a `config.toml`; folders come and go while it runs."""

    def __init__(
        self,
        state_dir: StateDir,
        make: Callable[[Path], Member],
        *,
        about: Mapping[str, Any],
        clock: Clock,
        log: BoundLogger,
        rounds: int,
        heartbeats: int = HEARTBEATS,
    ) -> None:
        """`about` is told to other processes, beside what is wrong with which bot."""
        self._state_dir = state_dir
        self._make = make
        self._about = about
        self._clock = clock
        self._log = log
        self._heartbeats = ThreadPoolExecutor(heartbeats, thread_name_prefix="heartbeat")
        self._rounds = ThreadPoolExecutor(rounds, thread_name_prefix="round")
        self._members: dict[tuple[str, int], Member] = {}  # by name and inode: another folder is another bot
        self._beating: dict[tuple[str, int], Future[None]] = {}
        self._told: Mapping[str, Any] = {}

    @property
    def members(self) -> list[Member]:
        return list(self._members.values())

    def tick(self) -> None:
        """Look for new and removed bots, and begin the heartbeats that are due, the longest overdue first."""
        self._end_beats()
        self._find()
        now = self._clock.now()
        due = [
            (key, member) for key, member in self._members.items() if key not in self._beating and member.is_due(now)
        ]
        for key, member in sorted(due, key=lambda item: item[1].last_beat):
            pool = self._rounds if member.has_slot(now) else self._heartbeats
            self._beating[key] = pool.submit(member.beat)
        self._tell()
        self._state_dir.beat()

    def reload(self) -> None:
        """All bots read their configuration again at their next heartbeat."""
        for member in self.members:
            member.reload()

    def stop(self, within: timedelta) -> bool:
        """Let the heartbeats in progress end, and leave every folder. False if some did not end in time."""
        for pool in (self._heartbeats, self._rounds):
            pool.shutdown(wait=False, cancel_futures=True)
        begun = {key: future for key, future in self._beating.items() if not future.cancelled()}
        _, late = wait(begun.values(), timeout=within.total_seconds())  # it would wait for cancelled ones for ever
        for key, member in self._members.items():
            if begun.get(key) not in late:
                member.close()
        return not late

    def _end_beats(self) -> None:
        for key in [key for key, future in self._beating.items() if future.done()]:
            self._beating.pop(key).result()  # a member catches its own errors; any other ends the tick

    def _find(self) -> None:
        found = {(home.name, inode): home for home, inode in homes(self._state_dir.root)}
        for key in found.keys() - self._members.keys():
            self._members[key] = self._make(found[key])
        for key in self._members.keys() - found.keys() - self._beating.keys():
            self._members.pop(key).close()

    def _tell(self) -> None:
        failed = {member.name: member.why_failed for member in self.members if member.why_failed}
        running = sum(member.is_running for member in self.members)
        told = {**self._about, "bots": len(self._members), "running": running, "failed": failed}
        if told != self._told and self._state_dir.tell(told):
            self._told = told


def homes(root: Path) -> list[tuple[Path, int]]:
    """The folders of the bots, by name, each with its inode."""
    try:
        with os.scandir(root) as entries:
            folders = [(root / entry.name, entry.inode()) for entry in entries if entry.is_dir()]
    except OSError as error:
        raise StoreError(f"{root} cannot be read: {error.strerror}; choose another folder with --bots") from error
    return sorted((home, inode) for home, inode in folders if home.name[0] != "." and (home / CONFIG).is_file())
