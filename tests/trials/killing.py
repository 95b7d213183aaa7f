"""Kills the command `mynah` and counts what it did: `python -m tests.trials.killing --points 20 --each 5 --random 100`.

This process imports the command once and forks a child per run (killing_processes.py). The children talk to a fake X
in another process (killing_x.py), whose responses fail in all ways and where users mention the bot (killing_calls.py).
Nothing is resolved by hand.

`--points`: runs without kills are traced. A point is a line that they execute after a draft is stored or the mentions
are read; SIGKILL comes just before that line, `--each` times. 0 means all points.
`--random`: SIGKILL at any time, also while the bot and a person's command run together. The controls: with `--naive`, a
bot that sends, retries a failed request and then stores the post is killed in the same way, and must post twice; with
`--lacks`, the bot lacks one of its safeguards, and the counts must show it.
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
    Point,
    Process,
    Result,
    begin,
    begin_naive,
    end,
    environment,
    has_ended,
    sentence,
    warm_up,
)
from tests.trials.killing_x import CALM, posts, start, stop

if TYPE_CHECKING:
    from collections.abc import Sequence

# What a person and the bot do. `send`: a round with an approved draft;
# `answer`: a heartbeat after a mention; `live`: the daemon.
SINGLE_SCENES = ("post", "round", "draft", "approve", "edit", "reject", "send", "answer")
SCENES = (*SINGLE_SCENES, "live", "live", "live")
REVIEW = ["run", "--live", "--once", "--mode", "review"]
COMMANDS = {"round": ["run", "--live", "--once"], "draft": REVIEW, "send": REVIEW, "beat": BEAT, "answer": BEAT}
CLIENTS = ("post", "approve", "reject", "edit")
LONGEST_S = 2.0  # until it is killed, whatever it has written
MOMENT_S = 0.02  # about a request and a commit or two
CLIENT_SHARE = 0.7  # how often a person's command runs together with the daemon
ATTEMPTS = 25  # runs until one reaches its point: X's faults may lead elsewhere
IDLE_RUNS = 60  # runs without a change, after which nothing will change
ROUNDS = 100  # at most, until a draft waits: an approved one is sent first
MAX_WAITING = 100  # waiting mentions: X lists only the newest 800
LOOKUP = ["post", "@nobody", "--live"]  # looks up lost posts, and is refused by the screen


class Trial:
    """A history, the fake X, and the runs that are killed."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.rng = random.Random(seed)
        self.x = start(folder, seed)
        self.callers = Callers(self.x, folder, self.rng)
        warm_up()
        self.kills = self.ticks_failed = self.rounds = 0
        self.is_stuck = False
        self.history = folder / "state" / "history.db"
        self.promises: list[dict[str, Any]] = []  # output about a post of commands that ended by themselves
        os.environ.update(environment(self.x.url))

    def command(self, scene: str) -> list[str]:
        """The command line of a scene; its draft or mention is made first."""
        match scene:
            case "post":
                return ["post", f"By hand the {sentence(self.rng)}", "--live", "--json"]
            case "live":
                return ["run", "--live", "--every", "1s", "--mode", self.rng.choice(["auto", "review"])]
            case "send" if not self.ids("approved", kind="post"):
                self._run_undisturbed("approve")
            case "answer":
                if not self.query("1 FROM meta WHERE key = 'mentions'"):
                    self._run_undisturbed("beat")  # the first poll answers nobody
                while self.callers.waiting() > MAX_WAITING:
                    self._run_undisturbed("beat")
                    self.callers.observe(self.query)
                self.callers.mention()
        return COMMANDS.get(scene) or self._review_command(scene)

    def _review_command(self, scene: str) -> list[str]:
        for _ in range(ROUNDS):
            if self.ids("drafted"):
                break
            self._run_undisturbed("draft")  # an approved draft is sent first
        else:
            raise RuntimeError("no draft waits after {ROUNDS} rounds")
        options = {"edit": ["--text", f"Edited the {sentence(self.rng)}"]}.get(scene, [])
        return ["review", scene, str(self.rng.choice(self.ids("drafted"))), "--json", *options]

    def _run_undisturbed(self, scene: str, point: Point | None = None) -> None:
        """A run without kills and faults."""
        command = self.command(scene)
        self.settle()
        calm = self.folder / CALM
        calm.touch()
        result = end(begin(self.folder, command, point=point))
        calm.unlink()
        if result.killed or result.code:
            raise RuntimeError(f"{command}: exit {result.code}: {result.output}")

    def settle(self) -> None:
        """Run until no post is in `sending` or `unknown`; approved ones may wait."""
        for _ in range(IDLE_RUNS):
            if self.is_stuck or not self.ids("sending", "unknown"):
                return
            self._record(end(begin(self.folder, LOOKUP)))
        self.is_stuck = True  # e.g. two posts of the same text, which cannot be told apart

    def finish(self) -> None:
        """Run without kills and faults until every approved post and every mention is settled."""
        (self.folder / CALM).touch()
        before, idle = self.query("max(id) FROM event"), 0
        while self._is_unsettled() and idle < IDLE_RUNS:
            self._record(end(begin(self.folder, self.command("beat"))))
            after = self.query("max(id) FROM event")
            before, idle = after, idle + 1 if after == before else 0
            self.callers.observe(self.query)
        stop(self.x)

    def _is_unsettled(self) -> bool:
        """Whether a heartbeat has work left. X may show a post after it was abandoned; a later lookup finds it."""
        if self.ids("sending", "unknown", "approved") or self.callers.waiting():
            return True
        given_up = {row[0] for row in self.query("text FROM post WHERE state = 'abandoned'")}
        return any(text in given_up for _, text in posts(self.folder))

    def points(self, scenes: Sequence[str]) -> list[tuple[str, Point]]:
        """Every line of each scene, from an undisturbed traced run."""
        points = []
        for scene in scenes:
            self._run_undisturbed(scene, ("nowhere", 0, 0))
            lines = json.loads((self.folder / POINTS).read_text(encoding="utf-8"))
            points += [(scene, (file, line, nth)) for file, line, nth in lines]
        return points

    def kill_at(self, scene: str, point: Point) -> bool:
        """Whether a run of that scene reached the point and was killed there."""
        for _ in range(ATTEMPTS):
            self.settle()
            if self.is_stuck:
                break
            result = end(begin(self.folder, self.command(scene), point=point))
            self._record(result)
            self.callers.observe(self.query)
            if result.killed and not result.late:
                return True
        return False

    def kill_at_random(self) -> None:
        """Kill a run, or two that run together, a moment after a random number of commits."""
        scene = self.rng.choice(SCENES)
        processes = [begin(self.folder, self.command(scene))]
        if scene == "live" and self.rng.random() < CLIENT_SHARE:
            self._wait(processes, self.rng.randint(0, 3))
            client = self.rng.choice(CLIENTS if self.ids("drafted") else CLIENTS[:1])
            processes.append(begin(self.folder, self.command(client), name="client"))
        if scene == "live":
            self.callers.mention_sometimes()
        self._wait(processes, self.rng.randint(0, 6 if scene == "live" else 3))
        for process in self.rng.sample(processes, len(processes)):
            result = end(process, after=self.rng.uniform(0, MOMENT_S))
            self._record(result)
            self.rounds += scene == "live" and result.output.count('"round.ended"')
        self.callers.observe(self.query)

    def _wait(self, processes: Sequence[Process], commits: int) -> None:
        """Until the history was written so often, while all processes run.

        By writes, not by time: on a busy machine a process would be killed before it had done anything.
        """
        deadline, stamp, commits_seen = time.monotonic() + LONGEST_S, self._stamp(), 0
        while commits_seen < commits and time.monotonic() < deadline and not any(map(has_ended, processes)):
            time.sleep(0.0005)
            now = self._stamp()
            commits_seen, stamp = commits_seen + (now != stamp), now

    def _stamp(self) -> int:
        try:
            return self.history.stat().st_mtime_ns
        except FileNotFoundError:
            return 0

    def _record(self, result: Result) -> None:
        self.kills += result.killed
        self.ticks_failed += result.output.count('"tick.failed"')
        if result.killed or result.code:
            return
        for line in result.output.splitlines():
            with suppress(ValueError):
                self.promises.append(json.loads(line))

    def ids(self, *states: str, kind: str = "%") -> list[int]:
        marks = ", ".join("?" * len(states))
        return [row[0] for row in self.query(f"id FROM post WHERE kind LIKE ? AND state IN ({marks})", kind, *states)]

    def query(self, select: str, *values: object) -> list[Any]:
        if not self.history.exists():
            return []
        with closing(sqlite3.connect(self.history)) as connection:
            try:
                return connection.execute(f"SELECT {select}", values).fetchall()
            except sqlite3.OperationalError as error:
                if "no such table" in str(error):  # killed before the first migration
                    return []
                raise


def kill(
    folder: Path, *, points: int, each: int, kills: int, seed: int, at: str = "", lacks: str = ""
) -> dict[str, Any]:
    if lacks:
        LACKS[lacks]()
    trial = Trial(folder, seed)
    scenes = [scene for scene in SINGLE_SCENES if not at or at.startswith(f"{scene}:")]
    all_points = [point for point in (trial.points(scenes) if each else []) if at in _point_name(*point)]
    sample = trial.rng.sample(all_points, min(points, len(all_points))) if points else all_points
    missed = [point for point in sample for _ in range(each) if not trial.kill_at(*point)]
    before = trial.kills
    while trial.kills < before + kills:
        trial.kill_at_random()
    trial.finish()
    counts = {
        "points_known": len(all_points),
        "points": len(sample),
        "never_reached": [_point_name(*point) for point in missed],
    }
    return counts | count(trial) | trial.callers.count(trial.query)


def _point_name(scene: str, point: Point) -> str:
    file, line, nth = point
    return f"{scene}: {file}:{line}, time {nth}"


def kill_naively(folder: Path, *, kills: int, seed: int) -> dict[str, Any]:
    rng, record = random.Random(seed), folder / "said.txt"
    x = start(folder, seed)
    kills_done = number = 0
    while kills_done < kills:
        kills_done += end(begin_naive(folder, x.url, number), after=rng.uniform(0, 0.1)).killed
        number = record.read_text().count("\n") if record.exists() else 0
    stop(x)
    server = [text for _, text in posts(folder)]
    return {"kills": kills_done, "posts_on_server": len(server), "posted_twice": len(server) - len(set(server))}


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
            options = {name: getattr(args, name) for name in ("points", "each", "seed", "at", "lacks")}
            row = kill(folder, kills=args.random, **options)
    print(json.dumps(row | {"seconds": round(time.monotonic() - began, 1)}))  # noqa: T201  the result


if __name__ == "__main__":
    main()
