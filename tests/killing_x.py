"""The X that the kill tests speak to: a process of its own, faults by chance, and every post a line of a file.

Its clock is that of all processes of the test, and runs fast: a quarter of an hour of looking for a post is 45 ms.
"""

from __future__ import annotations

import os
import random
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from tests.fake_x.faults import End
from tests.fake_x.server import FakeX
from tests.fake_x.state import World, newcomer

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fake_x.api import Reply, Request
    from tests.fake_x.faults import Fault
    from tests.fake_x.state import Post, User

FAST = 20_000
BEGAN = datetime.now(UTC)
CALM, HANGS = "calm", "hangs"
LAG = timedelta(minutes=1)
# In a hundred answers: what the network and X do to a bot that posts, far more often than they do it.
MIX = {
    "ok": 56, "too_many": 5, "too_many_no_reset": 3, "unavailable": 6, "unavailable_after": 6, "reset_before": 5,
    "reset_after": 7, "cut": 4, "created_html": 2, "html": 2, "hang_before": 1, "hang_after": 2, "forbidden": 1,
}  # fmt: skip


class FastClock:
    """The wall clock of everybody in this test, but fast."""

    def now(self) -> datetime:
        return BEGAN + timedelta(seconds=(time.time() - BEGAN.timestamp()) * FAST)

    def monotonic(self) -> float:
        return time.monotonic() * FAST


class Kept(World):
    """Writes each post down before anybody hears of it, in one write."""

    def __init__(self, user: User, folder: Path) -> None:
        super().__init__(user, now=FastClock().now, refuses_duplicates=False, lag=LAG)
        self._file = os.open(folder / "server.txt", os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def create(self, author: User, text: str, **about: str | None) -> Post:  # type: ignore[override]
        post = super().create(author, text, **about)  # type: ignore[arg-type]
        os.write(self._file, f"{post.id} {text}\n".encode())
        return post


class Moody(FakeX):
    """All is well while a file `calm` lies in its folder; one named `hangs` there says that an answer never comes."""

    def __init__(self, folder: Path, seed: int) -> None:
        super().__init__(Kept(newcomer(), folder))
        self._calm, self._hangs = folder / CALM, folder / HANGS
        self._chance = random.Random(seed)
        self._one = threading.Lock()

    def take(self, request: Request) -> tuple[Fault, Reply | None]:
        with self._one:
            if not self._calm.exists():
                self.fail_with(*self._chance.choices([*MIX], weights=[*MIX.values()]))
            fault, reply = super().take(request)
            if fault.end is End.HANG:
                self._hangs.touch()
            return fault, reply


def start(folder: Path, seed: int) -> tuple[int, str]:
    """Its process and its address. Forked: nothing of this process may run in threads yet."""
    told, tells = os.pipe()
    parent, child = os.getpid(), os.fork()
    if child == 0:
        os.close(told)
        with Moody(folder, seed) as x:
            os.write(tells, x.url.encode())
            os.close(tells)
            while os.getppid() == parent:
                time.sleep(0.2)
        os._exit(0)
    os.close(tells)
    with os.fdopen(told) as pipe:
        return child, pipe.read()


def posts(folder: Path) -> list[tuple[str, str]]:
    """(id, text) of everything that was ever created, the oldest first."""
    path = folder / "server.txt"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [(number, text) for number, _, text in (line.partition(" ") for line in lines)]
