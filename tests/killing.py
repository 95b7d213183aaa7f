"""Kills the command `mynah` and counts what it did: `python -m tests.killing --points 20 --each 5 --random 100`.

This process imports the command once and forks a child per life (killing_lives.py) against a small X in a process of
its own (killing_x.py), whose answers fail in all ways. Nobody resolves anything by hand.

`--points`: lives without kills are traced, and every line that they run from writing a draft down to their end is a
point; SIGKILL comes just before that line, `--each` times. 0 points are all there are. `--random`: SIGKILL at any time,
also while the bot that runs and a person's command are at it together. With `--naive` a bot that sends, tries again
where that failed and remembers afterwards lives through the same: the control, which must double.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sqlite3
import tempfile
import time
from collections import Counter
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.killing_lives import (
    POINTS,
    Ended,
    Life,
    Point,
    begin,
    begin_naively,
    end,
    environment,
    has_ended,
    sentence,
    warm_up,
)
from tests.killing_x import CALM, posts, start

if TYPE_CHECKING:
    from collections.abc import Sequence

# What a person and the bot do. `send`: a round that finds a draft with a yes; `live`: the bot that stays.
ONE_BY_ONE = ("post", "round", "draft", "approve", "edit", "reject", "send")
ANYTHING = (*ONE_BY_ONE, "live", "live", "live")
CLIENTS = ("post", "approve", "reject", "edit")
LONGEST = 0.8  # seconds until it is killed whatever it has written
MOMENT = 0.02  # seconds: a request and a commit or two
TOGETHER = 0.7  # how often a person's command runs beside it
TRIES = 8  # lives until one comes to its point: X may send each another way
ROUNDS = 100  # until a draft waits: one that was killed at its yes has left one that goes first
LOOK_ONLY = ["post", "@nobody", "--live"]  # looks for a lost post, and is turned down by the screen


class Bird:
    """A history and all that happens to it."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.chance = random.Random(seed)
        self.x, self.url = start(folder, seed)
        warm_up()
        self.kills = 0
        self.history = folder / "state" / "history.db"
        self.promised: list[dict[str, Any]] = []  # what commands said of a post before they ended by themselves
        os.environ.update(environment(self.url))

    def words(self, scene: str) -> list[str]:
        """The command line of a scene; where it is about a draft that waits, that is made first."""
        match scene:
            case "post":
                return ["post", f"By hand the {sentence(self.chance)}", "--live", "--json"]
            case "round":
                return ["run", "--live", "--once"]
            case "draft":
                return ["run", "--live", "--once", "--mode", "review"]
            case "live":
                return ["run", "--live", "--every", "1s", "--mode", self.chance.choice(["auto", "review"])]
            case "send":
                if not self.ids("approved"):
                    self._quietly("approve")
                return self.words("draft")
        for _ in range(ROUNDS):
            if self.ids("drafted"):
                break
            self._quietly("draft")  # what has a yes already goes first
        else:
            raise RuntimeError("no draft waits, whatever was tried")
        more = {"edit": ["--text", f"Edited the {sentence(self.chance)}"]}.get(scene, [])
        return ["review", scene, str(self.chance.choice(self.ids("drafted"))), "--json", *more]

    def _quietly(self, scene: str, point: Point | None = None) -> None:
        """A life that nobody disturbs, with all well at X."""
        words = self.words(scene)
        self.settle()
        calm = self.folder / CALM
        calm.touch()
        ended = end(begin(self.folder, words, point=point))
        calm.unlink()
        if ended.killed or ended.code:
            raise RuntimeError(f"{words}: exit {ended.code}: {ended.said}")

    def settle(self) -> None:
        """Until nothing may or may not exist and nothing is about to be sent; a person's yes waits on."""
        late = time.monotonic() + 30
        while self.ids("sending", "unknown") and time.monotonic() < late:
            self._note(end(begin(self.folder, LOOK_ONLY)))

    def finish(self) -> None:
        """A last while without kills and faults, until everything that was approved has found its end."""
        (self.folder / CALM).touch()
        self.settle()
        late = time.monotonic() + 60
        while self.ids("sending", "unknown", "approved") and time.monotonic() < late:
            self._note(end(begin(self.folder, self.words("draft"))))
        while self._is_given_up_and_there() and time.monotonic() < late:
            end(begin(self.folder, ["run", "--live", "--every", "300d", "--mode", "review"]), after=0.5)
        os.kill(self.x, signal.SIGKILL)
        os.waitpid(self.x, 0)

    def _is_given_up_and_there(self) -> bool:
        """X may be slower than the looks of a fast clock; the looks an hour and a day later are for that."""
        given_up = {row[0] for row in self.ask("text FROM post WHERE state = 'abandoned'")}
        return any(text in given_up for _, text in posts(self.folder))

    def points(self) -> list[tuple[str, Point]]:
        """Every line of each scene; a quiet life is looked at to know them."""
        found = []
        for scene in ONE_BY_ONE:
            self._quietly(scene, ("nowhere", 0, 0))
            lines = json.loads((self.folder / POINTS).read_text(encoding="utf-8"))
            found += [(scene, (file, line, nth)) for file, line, nth in lines]
        return found

    def kill_at(self, scene: str, point: Point) -> bool:
        """Did a life of that scene come to the point, and die there?"""
        for _ in range(TRIES):
            self.settle()
            ended = end(begin(self.folder, self.words(scene), point=point))
            self._note(ended)
            if ended.killed and not ended.late:
                return True
        return False

    def kill_somewhere(self) -> None:
        """After so many commits and a moment more, a life is killed; or two, where one runs beside the other."""
        scene = self.chance.choice(ANYTHING)
        lives = [begin(self.folder, self.words(scene))]
        if scene == "live" and self.chance.random() < TOGETHER:
            self._wait(lives, self.chance.randint(0, 3))
            client = self.chance.choice(CLIENTS if self.ids("drafted") else CLIENTS[:1])
            lives.append(begin(self.folder, self.words(client), name="client"))
        self._wait(lives, self.chance.randint(0, 6 if scene == "live" else 3))
        for life in self.chance.sample(lives, len(lives)):
            self._note(end(life, after=self.chance.uniform(0, MOMENT)))

    def _wait(self, lives: Sequence[Life], commits: int) -> None:
        """Until the history was written so often, as long as all of them live.

        By writes, not by time: on a busy machine a life would be dead before it had done anything.
        """
        late, seen, written = time.monotonic() + LONGEST, self._stamp(), 0
        while written < commits and time.monotonic() < late and not any(map(has_ended, lives)):
            time.sleep(0.0005)
            now = self._stamp()
            written, seen = written + (now != seen), now

    def _stamp(self) -> int:
        try:
            return self.history.stat().st_mtime_ns
        except FileNotFoundError:
            return 0

    def _note(self, ended: Ended) -> None:
        self.kills += ended.killed
        if ended.killed or ended.code:
            return
        for line in ended.said.splitlines():
            with suppress(ValueError):
                self.promised.append(json.loads(line))

    def ids(self, *states: str) -> list[int]:
        return [row[0] for row in self.ask(f"id FROM post WHERE state IN ({', '.join('?' * len(states))})", *states)]

    def ask(self, what: str, *values: object) -> list[Any]:
        if not self.history.exists():
            return []
        with closing(sqlite3.connect(self.history)) as plain:
            try:
                return plain.execute(f"SELECT {what}", values).fetchall()
            except sqlite3.OperationalError as error:
                if "no such table" in str(error):  # killed before the first migration was done
                    return []
                raise


def count(bird: Bird) -> dict[str, Any]:
    """What the kills left; all but the first few must be nothing."""
    server = posts(bird.folder)
    rows = bird.ask("id, state, text, x_id, slot FROM post")
    posted = {(x_id, text) for _, state, text, x_id, _ in rows if state == "posted"}
    texts = Counter(text for _, text in server)
    state_of = {number: state for number, state, *_ in rows}
    yes = {row[0] for row in bird.ask("post FROM review WHERE verdict = 'approved'")}
    no = {row[0] for row in bird.ask("post FROM review WHERE verdict = 'rejected'")}
    asked = {number for number, _, text, *_ in rows if text.startswith(("Perhaps", "Edited"))}
    sent = {number for number, state, *_ in rows if state not in {"drafted", "approved", "rejected", "expired"}}
    slots = [slot for *_, slot in rows]
    return {
        "kills": bird.kills,
        "posts_on_server": len(server),
        "states": dict(sorted(Counter(state_of.values()).items())),
        "found_by_looking": bird.ask("count(*) FROM look WHERE outcome = 'found'")[0][0],
        "doubled": sum(texts.values()) - len(texts),
        "missing_from_history": len(set(server) - posted),
        "posted_but_not_on_server": len(posted - set(server)),
        "rows_lost": max(state_of, default=0) - len(state_of),
        "promises_broken": [told for told in bird.promised if not _kept(told, state_of, server)],
        "sent_without_a_yes": len((sent & asked) - yes),
        "sent_after_a_no": len(sent & no),
        "slots_used_twice": len(slots) - len(set(slots)),
        "left_unknown": sum(state in {"sending", "unknown"} for state in state_of.values()),
        "integrity": bird.ask("* FROM pragma_integrity_check")[0][0],
    }


def _kept(told: dict[str, Any], state_of: dict[int, str], server: Sequence[tuple[str, str]]) -> bool:
    """Is it still so what a command said before it ended?"""
    if told.get("outcome") == "posted":
        return (told["x_id"], told["text"]) in server and state_of.get(told["post"]) == "posted"
    if told.get("state") == "rejected":
        return state_of.get(told["id"]) == "rejected"
    if told.get("state") == "approved" and "id" in told:
        return state_of.get(told["id"]) not in {None, "drafted"}
    return True


def kill(folder: Path, *, points: int, each: int, kills: int, seed: int) -> dict[str, Any]:
    bird = Bird(folder, seed)
    every = bird.points() if each else []
    chosen = bird.chance.sample(every, min(points, len(every))) if points else every
    missed = [point for point in chosen for _ in range(each) if not bird.kill_at(*point)]
    before = bird.kills
    while bird.kills < before + kills:
        bird.kill_somewhere()
    bird.finish()
    about = {"points_known": len(every), "points": len(chosen), "never_reached": [_named(*point) for point in missed]}
    return about | count(bird)


def _named(scene: str, point: Point) -> str:
    file, line, nth = point
    return f"{scene}: bot/{file}.py:{line}, time {nth}"


def kill_naively(folder: Path, *, kills: int, seed: int) -> dict[str, Any]:
    chance, remembered = random.Random(seed), folder / "said.txt"
    x, url = start(folder, seed)
    done = number = 0
    while done < kills:
        done += end(begin_naively(folder, url, number), after=chance.uniform(0, 0.1)).killed
        number = remembered.read_text().count("\n") if remembered.exists() else 0
    os.kill(x, signal.SIGKILL)
    os.waitpid(x, 0)
    server = [text for _, text in posts(folder)]
    return {"kills": done, "posts_on_server": len(server), "doubled": len(server) - len(set(server))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=20, help="how many of the points, by chance; 0 is all (20)")
    parser.add_argument("--each", type=int, default=5, help="kills at each point (5)")
    parser.add_argument("--random", type=int, default=100, help="kills at any time (100)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--naive", action="store_true")
    args = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if args.naive:
            row = kill_naively(folder, kills=args.random, seed=args.seed)
        else:
            row = kill(folder, points=args.points, each=args.each, kills=args.random, seed=args.seed)
    print(json.dumps(row | {"seconds": round(time.monotonic() - began, 1)}))  # noqa: T201  its answer


if __name__ == "__main__":
    main()
