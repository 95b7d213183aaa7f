"""The program in the machine whose power is cut: opens the history, prints its contents, and continues to write.

A line on the console is a complete fact: `at N` (all contents at commit N were printed), `ack N` (commit N was made).
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from bot.errors import MynahError
from bot.history.store import Store
from tests.trials.power import workload

# Pause as a multiple of a commit's time. A bot is mostly idle, so no later write flushes its last commit.
REST = 2.0


def main(path: str, journal: str = "", most: str = "") -> int:
    """`journal` is SQLite's `mode/synchronous` in place of ours, for the control; without `most` it never ends."""
    say("opening")
    try:
        with Store.open(Path(path)) as store:
            if journal:
                mode, synchronous = journal.split("/")
                store.rows(f"PRAGMA journal_mode = {mode}")
                store.write(f"PRAGMA synchronous = {synchronous}", {})
            print_contents(store)
            for commit in workload.commits(after=workload.position(store)):
                if most and commit.nth > int(most):
                    break
                began = time.monotonic()
                workload.write(store, commit)
                say(f"ack {commit.nth}")
                time.sleep(REST * (time.monotonic() - began))
    except MynahError as error:
        say(f"broken {error}")
        return 1
    return 0


def print_contents(store: Store) -> None:
    for line in store.damage():
        say(f"damage {line}")
    for name, (rows, digest) in workload.tables(store).items():
        say(f"table {name} {rows} {digest}")
    say(f"at {workload.position(store)}")


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
