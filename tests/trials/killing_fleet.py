"""Kills a process with many live bots, and counts what each did: `python -m tests.trials.killing_fleet --bots 50`.

All post to one fake X with faults, each as its own user (killing_x.py). SIGKILL comes at any time after a random number
of posts; between two runs a bot may be taken away or put back. At the end each bot lives alone, by `mynah --home`,
until nothing is in doubt. The control: with `--lacks intent` a round that has failed is simply sent again.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sqlite3
import tempfile
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.fake_x.oauth import Secrets
from tests.fake_x.state import User
from tests.trials.killing_calls import LACKS
from tests.trials.killing_processes import Result, begin, begin_fleet, end, environment, warm_up
from tests.trials.killing_x import CALM, all_posts, start, stop

LONGEST_S = 120.0  # until it is killed, whatever it has posted
MOMENT_S = 0.05
IDLE_RUNS = 40  # of one bot alone, after which nothing will change
LOOKUP = ["post", "@nobody", "--live"]  # looks up lost posts, and is refused by the screen
SIGNS = ('"bot.failed"', '"tick.failed"', "Traceback")
OPEN = ("sending", "unknown", "approved")


class Trial:
    def __init__(self, folder: Path, bots: int, seed: int) -> None:
        self.folder, self.bots = folder, folder / "bots"
        self.rng = random.Random(seed)
        self.users = [_user(number) for number in range(bots)]
        self.x = start(folder, seed, self.users)
        warm_up()
        self.kills = 0
        self.moves = 0
        self.output = ""
        settings = environment(self.x.url) | {"MYNAH_REPLIES__ENABLED": "false"}
        os.environ.update({name: value for name, value in settings.items() if not name.startswith("MYNAH_X__")})
        for user in self.users:
            _make(self.bots / user.handle, user, self.x.url)

    def kill_at_random(self) -> None:
        """One life of the process, from its start to a kill."""
        process = begin_fleet(self.folder, self.bots)
        wanted, deadline = self._posts() + self.rng.randint(0, 2 * len(self.users)), time.monotonic() + LONGEST_S
        while self._posts() < wanted and time.monotonic() < deadline:
            time.sleep(0.002)
            if self.rng.random() < 0.01:
                self._move()
        self._record(end(process, after=self.rng.uniform(0, MOMENT_S)))

    def finish(self) -> None:
        """Without kills and faults, each bot alone until it is settled."""
        (self.folder / CALM).touch()
        for user in self.users:
            home = self.bots / user.handle
            away = home / "config.toml.off"
            if away.exists():
                away.rename(home / "config.toml")
            for _ in range(IDLE_RUNS):
                if not self._is_unsettled(user):
                    break
                self._record(end(begin(self.folder, LOOKUP, home=home)))
        stop(self.x)

    def _move(self) -> None:
        """Take a bot away or put it back, while the process runs."""
        home = self.bots / self.rng.choice(self.users).handle
        here, away = home / "config.toml", home / "config.toml.off"
        here.rename(away) if here.exists() else away.rename(here)
        self.moves += 1

    def _posts(self) -> int:
        path = self.folder / "server.txt"
        return path.read_bytes().count(b"\n") if path.exists() else 0

    def _is_unsettled(self, user: User) -> bool:
        marks = ", ".join("?" * len(OPEN))
        if self.query(user, f"1 FROM post WHERE state IN ({marks})", *OPEN):
            return True
        given_up = {text for (text,) in self.query(user, "text FROM post WHERE state = 'abandoned'")}
        return any(post.text in given_up for post in all_posts(self.folder) if post.by == user.id)

    def _record(self, result: Result) -> None:
        self.kills += result.killed
        self.output += result.output

    def query(self, user: User, select: str, *values: object) -> list[Any]:
        path = self.bots / user.handle / "history.db"
        if not path.exists():
            return []
        with closing(sqlite3.connect(path)) as connection:
            return connection.execute(f"SELECT {select}", values).fetchall()

    def counts(self) -> dict[str, Any]:
        """All but the first five must be 0."""
        row: Counter[str] = Counter()
        for user in self.users:
            row.update(self._counts_of(user))
        failures = [
            line
            for line in self.output.splitlines()
            if any(sign in line for sign in SIGNS) and "config.toml: no such file" not in line  # of a bot taken away
        ]
        return {
            "kills": self.kills,
            "moves": self.moves,
            "posts_on_server": self._posts(),
            "bots_that_posted": len({post.by for post in all_posts(self.folder)}),
            "found_in_timeline": row.pop("found_in_timeline"),
            **{name: row[name] for name in NAMES},
            "failed": len(failures),
            "failures": sorted(set(failures))[:3],
        }

    def _counts_of(self, user: User) -> dict[str, int]:
        server = [(post.id, post.text) for post in all_posts(self.folder) if post.by == user.id]
        rows = self.query(user, "state, text, x_id, slot FROM post")
        posted = {(x_id, text) for state, text, x_id, _ in rows if state == "posted"}
        texts, slots = Counter(text for _, text in server), [slot for *_, slot in rows if slot]
        beginning = f"In {user.handle} the "
        return {
            "found_in_timeline": len(self.query(user, "1 FROM look WHERE outcome = 'found'")),
            "posted_twice": len(server) - len(texts),
            "missing_from_history": len(set(server) - posted),
            "posted_but_not_on_server": len(posted - set(server)),
            "mixed_on_server": sum(not text.startswith(beginning) for _, text in server),
            "mixed_in_history": sum(not text.startswith(beginning) for _, text, *_ in rows),
            "slots_used_twice": len(slots) - len(set(slots)),
            "left_unknown": sum(state in {"sending", "unknown"} for state, *_ in rows),
            "damaged": sum(row != ("ok",) for row in self.query(user, "* FROM pragma_integrity_check")),
        }


NAMES = (
    *("posted_twice", "missing_from_history", "posted_but_not_on_server", "mixed_on_server", "mixed_in_history"),
    *("slots_used_twice", "left_unknown", "damaged"),
)


def kill(folder: Path, *, bots: int, kills: int, seed: int, lacks: str = "") -> dict[str, Any]:
    if lacks:
        LACKS[lacks]()
    trial = Trial(folder, bots, seed)
    while trial.kills < kills:
        trial.kill_at_random()
    trial.finish()
    return trial.counts()


def _user(number: int) -> User:
    own = str(1_600_000_000_000_000_000 + number)
    secrets = Secrets("fake-consumer-key", "fake-consumer-secret", f"fake-secret-{number}")
    return User(own, f"bot{number:03}", f"Bot {number}", f"{own}-fake", secrets)


def _make(home: Path, user: User, url: str) -> None:
    keys = home / "keys"
    keys.mkdir(parents=True, mode=0o700)
    values = {
        "consumer_key": user.secrets.consumer_key,
        "consumer_secret": user.secrets.consumer_secret,
        "access_token": user.access_token,
        "access_token_secret": user.secrets.token_secret,
    }
    for name, value in values.items():
        (keys / name).write_text(value)
        (keys / name).chmod(0o600)
    (home / "config.toml").write_text(f'bot = "{user.handle}"\nlive = true\n[x]\nbase_url = "{url}"\n')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bots", type=int, default=50)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--lacks", choices=["intent"], default="", help="the control: bots without this safeguard")
    args = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        row = kill(Path(name), bots=args.bots, kills=args.kills, seed=args.seed, lacks=args.lacks)
    print(json.dumps(row | {"seconds": round(time.monotonic() - began, 1)}))  # noqa: T201  the result


if __name__ == "__main__":
    main()
