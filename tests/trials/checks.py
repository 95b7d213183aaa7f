"""Runs checks one after the other in a booted machine, and prints a line for each."""

from __future__ import annotations

import argparse
import time
import traceback
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.trials.debian import Booted


def words(description: str | None) -> list[str]:
    """The words of the command line, which select checks by name."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("words", nargs="*", metavar="WORD", help="run only the checks with one of these in their names")
    return parser.parse_args().words


def run(checks: object, machine: Booted, *, unit: str, words: Sequence[str]) -> int:
    """Run the checks whose names contain one of the words, or all; print `unit`'s journal and return 1 if one fails."""
    failed = 0
    for name in vars(type(checks)):
        if not name.startswith("_") and (not words or any(word in name for word in words)):
            failed += not _passes(name.replace("_", " "), getattr(checks, name))
    if failed:
        say(machine.journal("-u", unit, "-n", "40"))
    say(f"{failed} failed" if failed else "all passed")
    return 1 if failed else 0


def _passes(name: str, check: Callable[[], str]) -> bool:
    began = time.monotonic()
    try:
        detail = check()
    except Exception as error:  # noqa: BLE001  the next check still runs
        say(f"FAIL  {name}: {str(error) or traceback.format_exc()[-600:]}")
        return False
    say(f"ok    {name}: {detail} [{timedelta(seconds=round(time.monotonic() - began))}]")
    return True


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201
