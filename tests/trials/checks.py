"""Checks that are tried one after the other in a booted machine, and a line of each. It makes no machine."""

from __future__ import annotations

import sys
import time
import traceback
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.trials.debian import Booted


def tried(checks: object, machine: Booted, *, unit: str) -> int:
    """Each method that has one of the command's words in its name, or each; 1 where one fails, and `unit`'s journal."""
    failed = 0
    for name in vars(type(checks)):
        if not name.startswith("_") and (len(sys.argv) == 1 or any(word in name for word in sys.argv[1:])):
            failed += not _passes(name.replace("_", " "), getattr(checks, name))
    if failed:
        say(machine.journal("-u", unit, "-n", "40"))
    say(f"{failed} failed" if failed else "all hold")
    return 1 if failed else 0


def _passes(name: str, check: Callable[[], str]) -> bool:
    began = time.monotonic()
    try:
        told = check()
    except Exception as error:  # noqa: BLE001  the next check is tried all the same
        say(f"FAIL  {name}: {str(error) or traceback.format_exc()[-600:]}")
        return False
    say(f"ok    {name}: {told} [{timedelta(seconds=round(time.monotonic() - began))}]")
    return True


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201
