"""Kills a speaking bot at random moments and counts what it did: `python -m tests.killing --kills 200`.

One process forks a child per life. The child takes its turns with the real agenda, outbox and store against a "server"
that is a file: a post exists there from the moment its line is written. The parent kills it, plays the operator who
resolves what is unknown by looking at the server, and in the end compares server and history. With `--naive` the child
sends first and remembers afterwards, as bots do: the control that must double.
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
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot import build
from bot.agenda import Agenda
from bot.clock import SystemClock
from bot.outbox import Outbox
from bot.posting import Manner
from bot.screen import chain
from bot.slots import Every
from bot.store import Store
from bot.tweets import Draft, Receipt

PERIOD = timedelta(milliseconds=10)
WORDS = ("rain", "soup", "bell", "crumb", "clock", "train", "hat", "bench", "roof", "piano", "pigeon", "whistle")


class Voice:
    """Says the same for the same seed, as a model does."""

    name = "words"

    def draft(self, prompt: str, *, n: int, seed: int) -> list[Draft]:
        chance = random.Random(seed)
        return [Draft(" ".join(chance.choices(WORDS, k=8)) + ".", prompt, seed) for _ in range(n)]

    def copied(self, _: str) -> bool:
        return False


class Server:
    """A file that posts are appended to in one write; the line number is the id."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.touch()

    def post(self, text: str) -> Receipt:
        handle = os.open(self._path, os.O_WRONLY | os.O_APPEND)
        os.write(handle, f"{text}\n".encode())
        os.close(handle)
        return Receipt(str(len(self.texts())), text)

    def texts(self) -> list[str]:
        return self._path.read_text().splitlines()


def live(folder: Path) -> None:
    """One life: turn after turn, until killed."""
    path, voice, clock = folder / "history.db", Voice(), SystemClock()
    agenda = Agenda(
        open_store=lambda: Store.open(path),
        voice=voice,
        screen=lambda store: chain.build(said=lambda norm: store.said(norm, dry=False), copied=voice.copied),
        outbox=Outbox(Server(folder / "server.txt"), build.NO_BRAKES, clock, dry=False, price=lambda _: 15_000),
        schedule=Every(PERIOD),
        manner=Manner(("",), candidates=2, tries=2),
        clock=clock,
    )
    agenda.begin()
    while True:
        agenda.turn()


def live_naively(folder: Path) -> None:
    """What most bots do: send, then remember; after a restart, say what is not remembered."""
    said, server = folder / "said.txt", Server(folder / "server.txt")
    said.touch()
    for number in range(len(said.read_text().splitlines()), sys.maxsize):
        text = f"post number {number}"
        server.post(text)
        time.sleep(0.002)  # an answer takes its time
        with said.open("a") as out:
            out.write(f"{text}\n")


def resolve(folder: Path) -> None:
    """The operator: looks at the server, and says what became of each post that is unknown."""
    server = Server(folder / "server.txt").texts()
    with Store.open(folder / "history.db") as store:
        for post in store.posts_in("sending", dry=False):
            store.move(post.id, "unknown", at=datetime.now(UTC))
        for post in store.posts_in("unknown", dry=False):
            number = server.index(post.text) + 1 if post.text in server else None
            outcome = "posted" if number else "abandoned"
            store.move(post.id, outcome, at=datetime.now(UTC), x_id=str(number) if number else None)


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
        return count(folder, kills, naive=naive)


def _life(folder: Path, *, posts: int, after: float, naive: bool) -> None:
    server = Server(folder / "server.txt")
    wanted = len(server.texts()) + posts
    child = os.fork()
    if child == 0:
        (live_naively if naive else live)(folder)
    while len(server.texts()) < wanted:
        if os.waitpid(child, os.WNOHANG) != (0, 0):
            raise RuntimeError("it died by itself")
        time.sleep(0.001)
    time.sleep(after)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    if not naive and (folder / "history.db").exists():
        resolve(folder)


def count(folder: Path, kills: int, *, naive: bool) -> dict[str, object]:
    server = Server(folder / "server.txt").texts()
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
        "abandoned": plain.execute("SELECT count(*) FROM post WHERE state = 'abandoned'").fetchone()[0],
        "integrity": plain.execute("PRAGMA integrity_check").fetchone()[0],
    }
    plain.close()
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--naive", action="store_true")
    args = parser.parse_args()
    print(json.dumps(kill_and_count(args.kills, args.seed, naive=args.naive)))  # noqa: T201  its answer


if __name__ == "__main__":
    main()
