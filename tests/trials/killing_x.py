"""The fake X of the kill trial: a process with random faults, which writes every post as a line of a file.

Other users post there too, on commands through a pipe. All processes of the trial share its fast clock: a quarter of
an hour of looking up a post takes 45 ms.
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
    from collections.abc import Sequence
    from pathlib import Path

    from tests.fake_x.api import Reply, Request
    from tests.fake_x.faults import Fault
    from tests.fake_x.state import Post

FAST = 20_000
BEGAN = datetime.now(UTC)
CALM, HANGS = "calm", "hangs"
LAG = timedelta(minutes=1)
# Percentages of the responses to a bot that posts; real faults are far rarer.
MIX = {
    "ok": 56, "too_many": 5, "too_many_no_reset": 3, "unavailable": 6, "unavailable_after": 6, "reset_before": 5,
    "reset_after": 7, "cut": 4, "created_html": 2, "html": 2, "hang_before": 1, "hang_after": 2, "forbidden": 1,
}  # fmt: skip


class FastClock:
    """The wall clock of all processes of the trial, but FAST times as fast."""

    def now(self) -> datetime:
        return BEGAN + timedelta(seconds=(time.time() - BEGAN.timestamp()) * FAST)

    def monotonic(self) -> float:
        return time.monotonic() * FAST


class ServerPost(NamedTuple):
    """A post on the server, by the bot or another user."""

    id: str
    by: str
    to: str | None  # the post that it replies to
    text: str


class Server(NamedTuple):
    pid: int
    url: str
    calls: int  # a pipe for `call`


class RecordingWorld(World):
    """Writes each post to a file, in one write, before anybody sees it."""

    def __init__(self, user: User, folder: Path) -> None:
        super().__init__(user, now=FastClock().now, refuses_duplicates=False, lag=LAG)
        self._file = os.open(folder / "server.txt", os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def create(self, author: User, text: str, **about: str | None) -> Post:  # type: ignore[override]
        post = super().create(author, text, **about)  # type: ignore[arg-type]
        os.write(self._file, json.dumps(ServerPost(post.id, author.id, post.reply_to, text)).encode() + b"\n")
        return post

    def post_as(self, number: int, text: str) -> None:
        """A post by the user with this number, who is created if new."""
        user = User(str(number), f"caller{number}", f"Caller {number}", f"{number}-no-token", newcomer().secrets)
        self.create(self.users.setdefault(user.id, user), text)


class FaultyX(FakeX):
    """Without faults while a file `calm` exists in its folder; creates `hangs` when a response will never come."""

    def __init__(self, world: World, folder: Path, seed: int) -> None:
        super().__init__(world)
        self._calm, self._hangs = folder / CALM, folder / HANGS
        self._rng = random.Random(seed)
        self._lock = threading.Lock()

    def take(self, request: Request) -> tuple[Fault, Reply | None]:
        with self._lock:
            if not self._calm.exists():
                self.fail_with(*self._rng.choices([*MIX], weights=[*MIX.values()]))
            fault, reply = super().take(request)
            if fault.end is End.HANG:
                self._hangs.touch()
            return fault, reply


def start(folder: Path, seed: int, users: Sequence[User] = ()) -> Server:
    """Forks, so this process must not have threads yet. `users`: further accounts with keys."""
    (url_reader, url_writer), (calls_reader, calls) = os.pipe(), os.pipe()
    parent, child = os.getpid(), os.fork()
    if child == 0:
        os.close(url_reader)
        os.close(calls)
        world = RecordingWorld(newcomer(), folder)
        world.users.update({user.id: user for user in users})
        with FaultyX(world, folder, seed) as x:
            os.write(url_writer, x.url.encode())
            os.close(url_writer)
            while os.getppid() == parent:
                _take_calls(calls_reader, world)
        os._exit(0)
    os.close(url_writer)
    os.close(calls_reader)
    with os.fdopen(url_reader) as pipe:
        return Server(child, pipe.read(), calls)


def stop(server: Server) -> None:
    os.kill(server.pid, signal.SIGKILL)
    os.waitpid(server.pid, 0)
    os.close(server.calls)


def call(server: Server, number: int, text: str) -> None:
    os.write(server.calls, json.dumps([number, text]).encode() + b"\n")  # short enough for an atomic write to a pipe


def _take_calls(pipe: int, world: RecordingWorld) -> None:
    if select.select([pipe], [], [], 0.2)[0]:
        for line in os.read(pipe, 1 << 16).splitlines():
            world.post_as(*json.loads(line))


def all_posts(folder: Path) -> list[ServerPost]:
    """Every post ever created, the oldest first."""
    path = folder / "server.txt"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [ServerPost(*json.loads(line)) for line in lines]


def posts(folder: Path) -> list[tuple[str, str]]:
    """(id, text) of the bot's posts."""
    return [(post.id, post.text) for post in all_posts(folder) if post.by == newcomer().id]
