"""The X of the kill tests: a process of its own with random faults, which writes every post as a line of a file.

Other users post there too, on commands through a pipe. All processes of the test share its clock, which runs fast: a
quarter of an hour of searching for a post takes 45 ms.
"""

from __future__ import annotations

import json
import os
import random
import select
import signal
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from tests.fake_x.faults import End
from tests.fake_x.server import FakeX
from tests.fake_x.state import User, World, newcomer

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fake_x.api import Reply, Request
    from tests.fake_x.faults import Fault
    from tests.fake_x.state import Post

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


class Said(NamedTuple):
    """A post on the server, whoever wrote it."""

    id: str
    by: str
    to: str | None  # what it answers
    text: str


class Server(NamedTuple):
    pid: int
    url: str
    calls: int  # a pipe: what is written there, see `call`, somebody says


class Kept(World):
    """Writes each post down before anybody hears of it, in one write."""

    def __init__(self, user: User, folder: Path) -> None:
        super().__init__(user, now=FastClock().now, refuses_duplicates=False, lag=LAG)
        self._file = os.open(folder / "server.txt", os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def create(self, author: User, text: str, **about: str | None) -> Post:  # type: ignore[override]
        post = super().create(author, text, **about)  # type: ignore[arg-type]
        os.write(self._file, json.dumps(Said(post.id, author.id, post.reply_to, text)).encode() + b"\n")
        return post

    def say(self, number: int, text: str) -> None:
        """By somebody of whom nothing is known but the number."""
        who = User(str(number), f"caller{number}", f"Caller {number}", f"{number}-no-token", newcomer().secrets)
        self.create(self.users.setdefault(who.id, who), text)


class Moody(FakeX):
    """All is well while a file `calm` lies in its folder; one named `hangs` there says that an answer never comes."""

    def __init__(self, world: World, folder: Path, seed: int) -> None:
        super().__init__(world)
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


def start(folder: Path, seed: int) -> Server:
    """Forked: nothing of this process may run in threads yet."""
    (told, tells), (hears, calls) = os.pipe(), os.pipe()
    parent, child = os.getpid(), os.fork()
    if child == 0:
        os.close(told)
        os.close(calls)
        world = Kept(newcomer(), folder)
        with Moody(world, folder, seed) as x:
            os.write(tells, x.url.encode())
            os.close(tells)
            while os.getppid() == parent:
                _hear(hears, world)
        os._exit(0)
    os.close(tells)
    os.close(hears)
    with os.fdopen(told) as pipe:
        return Server(child, pipe.read(), calls)


def stop(server: Server) -> None:
    os.kill(server.pid, signal.SIGKILL)
    os.waitpid(server.pid, 0)
    os.close(server.calls)


def call(server: Server, number: int, text: str) -> None:
    os.write(server.calls, json.dumps([number, text]).encode() + b"\n")  # shorter than a pipe takes in one piece


def _hear(pipe: int, world: Kept) -> None:
    if select.select([pipe], [], [], 0.2)[0]:
        for line in os.read(pipe, 1 << 16).splitlines():
            world.say(*json.loads(line))


def said(folder: Path) -> list[Said]:
    """Everything that was ever created, the oldest first."""
    path = folder / "server.txt"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [Said(*json.loads(line)) for line in lines]


def posts(folder: Path) -> list[tuple[str, str]]:
    """(id, text) of what the bot said."""
    return [(post.id, post.text) for post in said(folder) if post.by == newcomer().id]
