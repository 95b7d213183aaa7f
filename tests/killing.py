"""Kills a speaking bot at random moments and counts what it did: `python -m tests.killing --kills 200`.

One process forks a child per life. The child takes its turns with the real agenda, outbox and store against a "server"
that is a file: a post exists there from the moment its line is written, and in the timeline a minute later. The parent
kills it again and again, lets it end its looking, and compares server and history. Nobody resolves anything by hand.
With `--naive` the child sends first and remembers afterwards, as bots do: the control that must double.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NoReturn

import structlog

from bot import build
from bot.agenda import Agenda
from bot.budget import Prices
from bot.dialects import Account, id_at
from bot.lookout import Lookout
from bot.outbox import Outbox
from bot.posting import Manner
from bot.screen import chain
from bot.slots import Every
from bot.store import Store
from bot.tweets import Draft, Receipt, Timeline

FAST = 5_000  # its clock runs that much faster: a quarter of an hour of looking lasts 0.2 s
PERIOD = timedelta(milliseconds=10) * FAST
LAG = timedelta(minutes=1)
BEGAN = datetime.now(UTC)
BRAKES = replace(build.NO_BRAKES, grace=timedelta(days=1))
WORDS = ("rain", "soup", "bell", "crumb", "clock", "train", "hat", "bench", "roof", "piano", "pigeon", "whistle")


class Voice:
    """Says the same for the same seed, as a model does."""

    name = "words"

    def draft(self, prompt: str, *, n: int, seed: int) -> list[Draft]:
        chance = random.Random(seed)
        return [Draft(" ".join(chance.choices(WORDS, k=8)) + ".", prompt, seed) for _ in range(n)]

    def copied(self, _: str) -> bool:
        return False


class FastClock:
    """The same for every process of this test: the wall clock, but fast."""

    def now(self) -> datetime:
        return BEGAN + timedelta(seconds=(time.time() - BEGAN.timestamp()) * FAST)

    def monotonic(self) -> float:
        return time.monotonic() * FAST


class Server:
    """A file that posts are appended to in one write: an id and a text a line. One account, and nobody else."""

    def __init__(self, path: Path, clock: FastClock) -> None:
        self._path = path
        self._clock = clock
        path.touch()

    def post(self, text: str) -> Receipt:
        time.sleep(0.003)  # the way there takes its time, and so does the way back
        receipt = Receipt(str(id_at(self._clock.now())), text)
        handle = os.open(self._path, os.O_WRONLY | os.O_APPEND)
        os.write(handle, f"{receipt.id} {text}\n".encode())
        os.close(handle)
        time.sleep(0.003)
        return receipt

    def posts(self) -> list[Receipt]:
        return [Receipt(*line.split(" ", 1)) for line in self._path.read_text().splitlines()]

    def me(self) -> Account:
        return Account("1", "words", "Words")

    def own_posts(self, account_id: str, *, since_id: str | None = None, limit: int = 5) -> Timeline:
        """As X has it: what is younger than the lag is not there yet."""
        seen = id_at(self._clock.now() - LAG)
        found = [post for post in reversed(self.posts()) if int(since_id or 0) < int(post.id) <= seen]
        return Timeline(tuple(found[:limit]), whole=len(found) <= limit)


def bird(folder: Path) -> Agenda:
    path, voice, clock = folder / "history.db", Voice(), FastClock()
    server = Server(folder / "server.txt", clock)
    log = structlog.wrap_logger(None, processors=[_nothing])
    return Agenda(
        open_store=lambda: Store.open(path),
        voice=voice,
        screen=lambda store: chain.build(said=lambda norm: store.said(norm, dry=False), copied=voice.copied),
        outbox=Outbox(server, BRAKES, clock, dry=False, price=lambda _: 15_000),
        lookout=Lookout(server, BRAKES.caps, clock, prices=Prices(), log=log),
        schedule=Every(PERIOD),
        manner=Manner(("",), candidates=2, tries=2),
        clock=clock,
    )


def _nothing(*_: object) -> NoReturn:
    raise structlog.DropEvent


def live(folder: Path) -> None:
    """One life: turn after turn, until killed."""
    agenda = bird(folder)
    agenda.begin()
    while True:
        agenda.turn()


def live_naively(folder: Path) -> None:
    """What most bots do: send, then remember; after a restart, say what is not remembered."""
    said, server = folder / "said.txt", Server(folder / "server.txt", FastClock())
    said.touch()
    for number in range(len(said.read_text().splitlines()), sys.maxsize):
        text = f"post number {number}"
        server.post(text)
        with said.open("a") as out:
            out.write(f"{text}\n")


def settle(folder: Path) -> None:
    """A last life without kills, until nothing is left that may or may not exist."""
    agenda = bird(folder)
    agenda.begin()
    late = time.monotonic() + 10
    while time.monotonic() < late:
        agenda.turn()
        with Store.open(folder / "history.db") as store:
            if not store.posts_in("sending", "unknown", "approved", dry=False):
                return


def kill_and_count(kills: int, seed: int, *, naive: bool) -> dict[str, object]:
    """A life lasts up to three posts and a random part of one more, on a fast machine as on a slow one."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        began = time.monotonic()
        _life(folder, posts=5, after=0.0, naive=naive)
        post = (time.monotonic() - began) / 5
        for _ in range(kills):
            _life(folder, posts=chance.randint(0, 3), after=chance.uniform(0, post), naive=naive)
        if not naive:
            settle(folder)
        return count(folder, kills, naive=naive)


def _life(folder: Path, *, posts: int, after: float, naive: bool) -> None:
    server = Server(folder / "server.txt", FastClock())
    wanted = len(server.posts()) + posts
    child = os.fork()
    if child == 0:
        (live_naively if naive else live)(folder)
    while len(server.posts()) < wanted:
        if os.waitpid(child, os.WNOHANG) != (0, 0):
            raise RuntimeError("it died by itself")
        time.sleep(0.001)
    time.sleep(after)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def count(folder: Path, kills: int, *, naive: bool) -> dict[str, object]:
    server = [post.text for post in Server(folder / "server.txt", FastClock()).posts()]
    row: dict[str, object] = {
        "kills": kills,
        "posts_on_server": len(server),
        "doubled": sum(times - 1 for times in Counter(server).values()),
    }
    if naive:
        return row
    plain = sqlite3.connect(folder / "history.db")
    posted = [text for (text,) in plain.execute("SELECT text FROM post WHERE state = 'posted'")]
    slots = plain.execute("SELECT count(*), count(DISTINCT slot) FROM post").fetchone()
    row |= {
        "missing_from_history": len(set(server) - set(posted)),
        "posted_but_not_on_server": len(set(posted) - set(server)),
        "slots_used_twice": slots[0] - slots[1],
        "left_unknown": counted(plain, "post WHERE state IN ('sending', 'unknown')"),
        "abandoned": counted(plain, "post WHERE state = 'abandoned'"),
        "found_by_looking": counted(plain, "look WHERE outcome = 'found'"),
        "looks": counted(plain, "look"),
        "integrity": plain.execute("PRAGMA integrity_check").fetchone()[0],
    }
    plain.close()
    return row


def counted(plain: sqlite3.Connection, what: str) -> int:
    return int(plain.execute(f"SELECT count(*) FROM {what}").fetchone()[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--naive", action="store_true")
    args = parser.parse_args()
    print(json.dumps(kill_and_count(args.kills, args.seed, naive=args.naive)))  # noqa: T201  its answer


if __name__ == "__main__":
    main()
