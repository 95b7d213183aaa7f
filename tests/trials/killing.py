"""Kills the command `mynah` and counts what it did: `python -m tests.trials.killing --points 20 --each 5 --random 100`.

This process imports the command once and forks a child per run (killing_processes.py). The children talk to a small X in
another process (killing_x.py), whose answers fail in all ways, and where people mention the bot (killing_calls.py).
Nobody resolves anything by hand.

`--points`: runs without kills are traced. A point is a line that they execute after a draft is stored or the mentions
are read; SIGKILL comes just before that line, `--each` times. 0 means all points.
`--random`: SIGKILL at any time, also while the bot and a person's command run together. The controls: with `--naive`, a
bot that sends, retries a failed request and stores the post afterwards runs through the same, and must post twice;
with `--lacks`, the bot lacks one of its safeguards, and the counts must show it.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sqlite3
import tempfile
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.trials.killing_calls import LACKS, Callers
from tests.trials.killing_counts import count
from tests.trials.killing_processes import (
    BEAT,
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
from tests.trials.killing_x import CALM, posts, start, stop

if TYPE_CHECKING:
    from collections.abc import Sequence

# What a person and the bot do. `send`: a round that finds a draft with a yes; `answer`: a heartbeat, after somebody has
# called on the bot; `live`: the bot that stays.
ONE_BY_ONE = ("post", "round", "draft", "approve", "edit", "reject", "send", "answer")
ANYTHING = (*ONE_BY_ONE, "live", "live", "live")
ASK = ["run", "--live", "--once", "--mode", "review"]
ALWAYS = {"round": ["run", "--live", "--once"], "draft": ASK, "send": ASK, "beat": BEAT, "answer": BEAT}
CLIENTS = ("post", "approve", "reject", "edit")
LONGEST = 2.0  # seconds until it is killed whatever it has written
MOMENT = 0.02  # seconds: a request and a commit or two
TOGETHER = 0.7  # how often a person's command runs beside it
TRIES = 25  # lives until one comes to its point: X may send each another way
IDLE = 60  # lives that change nothing: what is left then is left for good
ROUNDS = 100  # until a draft waits: one that was killed at its yes has left one that goes first
BEHIND = 100  # calls that may wait: X lists the newest 800, and no bot learns of one that is older
LOOK_ONLY = ["post", "@nobody", "--live"]  # looks for a lost post, and is turned down by the screen


class Bird:
    """A history and all that happens to it."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.chance = random.Random(seed)
        self.x = start(folder, seed)
        self.callers = Callers(self.x, folder, self.chance)
        warm_up()
        self.kills = self.ticks_failed = self.beats = 0
        self.is_stuck = False
        self.history = folder / "state" / "history.db"
        self.promised: list[dict[str, Any]] = []  # what commands said of a post before they ended by themselves
        os.environ.update(environment(self.x.url))

    def words(self, scene: str) -> list[str]:
        """The command line of a scene; what it is about, a draft that waits or a call, is made first."""
        match scene:
            case "post":
                return ["post", f"By hand the {sentence(self.chance)}", "--live", "--json"]
            case "live":
                return ["run", "--live", "--every", "1s", "--mode", self.chance.choice(["auto", "review"])]
            case "send" if not self.ids("approved", kind="post"):
                self._quietly("approve")
            case "answer":
                if not self.ask("1 FROM meta WHERE key = 'mentions'"):
                    self._quietly("beat")  # the first reading answers nobody
                while self.callers.left() > BEHIND:
                    self._quietly("beat")
                    self.callers.look(self.ask)
                self.callers.one()
        return ALWAYS.get(scene) or self._judging(scene)

    def _judging(self, scene: str) -> list[str]:
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
        for _ in range(IDLE):
            if self.is_stuck or not self.ids("sending", "unknown"):
                return
            self._note(end(begin(self.folder, LOOK_ONLY)))
        self.is_stuck = True  # as with two of the same words, of which nobody can tell which is it

    def finish(self) -> None:
        """A last while without kills and faults, until all that was approved, and every call, has found its end."""
        (self.folder / CALM).touch()
        before, idle = self.ask("max(id) FROM event"), 0
        while self._is_left() and idle < IDLE:
            self._note(end(begin(self.folder, self.words("beat"))))
            after = self.ask("max(id) FROM event")
            before, idle = after, idle + 1 if after == before else 0
            self.callers.look(self.ask)
        stop(self.x)

    def _is_left(self) -> bool:
        """Something for a heartbeat. X may be slower than the looks of a fast clock; those a day later are for that."""
        if self.ids("sending", "unknown", "approved") or self.callers.left():
            return True
        given_up = {row[0] for row in self.ask("text FROM post WHERE state = 'abandoned'")}
        return any(text in given_up for _, text in posts(self.folder))

    def points(self, scenes: Sequence[str]) -> list[tuple[str, Point]]:
        """Every line of each scene; a quiet life is looked at to know them."""
        found = []
        for scene in scenes:
            self._quietly(scene, ("nowhere", 0, 0))
            lines = json.loads((self.folder / POINTS).read_text(encoding="utf-8"))
            found += [(scene, (file, line, nth)) for file, line, nth in lines]
        return found

    def kill_at(self, scene: str, point: Point) -> bool:
        """Did a life of that scene come to the point, and die there?"""
        for _ in range(TRIES):
            self.settle()
            if self.is_stuck:
                break
            ended = end(begin(self.folder, self.words(scene), point=point))
            self._note(ended)
            self.callers.look(self.ask)
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
        if scene == "live":
            self.callers.some()
        self._wait(lives, self.chance.randint(0, 6 if scene == "live" else 3))
        for life in self.chance.sample(lives, len(lives)):
            ended = end(life, after=self.chance.uniform(0, MOMENT))
            self._note(ended)
            self.beats += scene == "live" and ended.said.count('"round.ended"')
        self.callers.look(self.ask)

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
        self.ticks_failed += ended.said.count('"tick.failed"')
        if ended.killed or ended.code:
            return
        for line in ended.said.splitlines():
            with suppress(ValueError):
                self.promised.append(json.loads(line))

    def ids(self, *states: str, kind: str = "%") -> list[int]:
        marks = ", ".join("?" * len(states))
        return [row[0] for row in self.ask(f"id FROM post WHERE kind LIKE ? AND state IN ({marks})", kind, *states)]

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


def kill(
    folder: Path, *, points: int, each: int, kills: int, seed: int, at: str = "", lacks: str = ""
) -> dict[str, Any]:
    if lacks:
        LACKS[lacks]()
    bird = Bird(folder, seed)
    scenes = [scene for scene in ONE_BY_ONE if not at or at.startswith(f"{scene}:")]
    every = [point for point in (bird.points(scenes) if each else []) if at in _named(*point)]
    chosen = bird.chance.sample(every, min(points, len(every))) if points else every
    missed = [point for point in chosen for _ in range(each) if not bird.kill_at(*point)]
    before = bird.kills
    while bird.kills < before + kills:
        bird.kill_somewhere()
    bird.finish()
    about = {"points_known": len(every), "points": len(chosen), "never_reached": [_named(*point) for point in missed]}
    return about | count(bird) | bird.callers.count(bird.ask)


def _named(scene: str, point: Point) -> str:
    file, line, nth = point
    return f"{scene}: {file}:{line}, time {nth}"


def kill_naively(folder: Path, *, kills: int, seed: int) -> dict[str, Any]:
    chance, remembered = random.Random(seed), folder / "said.txt"
    x = start(folder, seed)
    done = number = 0
    while done < kills:
        done += end(begin_naively(folder, x.url, number), after=chance.uniform(0, 0.1)).killed
        number = remembered.read_text().count("\n") if remembered.exists() else 0
    stop(x)
    server = [text for _, text in posts(folder)]
    return {"kills": done, "posts_on_server": len(server), "doubled": len(server) - len(set(server))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=20, help="number of random points; 0: all (default: 20)")
    parser.add_argument("--each", type=int, default=5, help="kills at each point (default: 5)")
    parser.add_argument("--random", type=int, default=100, help="kills at random times (default: 100)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--at",
        default="",
        metavar="TEXT",
        help="only points with this in their names, as `answer: bot/history/mentions.py, add`",
    )
    parser.add_argument("--lacks", choices=sorted(LACKS), default="", help="the control: a bot without this safeguard")
    parser.add_argument("--naive", action="store_true")
    args = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if args.naive:
            row = kill_naively(folder, kills=args.random, seed=args.seed)
        else:
            how = {name: getattr(args, name) for name in ("points", "each", "seed", "at", "lacks")}
            row = kill(folder, kills=args.random, **how)
    print(json.dumps(row | {"seconds": round(time.monotonic() - began, 1)}))  # noqa: T201  its answer


if __name__ == "__main__":
    main()
