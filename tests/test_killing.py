from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any


def killed(*arguments: str) -> dict[str, Any]:
    """In a process of its own: it forks, and a test runner has threads."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.killing", *arguments],
        check=True, capture_output=True, text=True, cwd=Path(__file__).parents[1],
    )  # fmt: skip
    row: dict[str, Any] = json.loads(done.stdout)
    return row


def test_kills_at_any_moment_double_nothing_and_lose_nothing() -> None:
    row = killed("--kills", "25")

    assert row["posts_on_server"] > 25
    assert {key: row[key] for key in ("doubled", "missing_from_history", "posted_but_not_on_server")} == {
        "doubled": 0, "missing_from_history": 0, "posted_but_not_on_server": 0,
    }  # fmt: skip
    assert (row["slots_used_twice"], row["left_unknown"], row["integrity"]) == (0, 0, "ok")


def test_the_usual_loop_doubles_under_the_same_kills() -> None:
    """The control: if this one doubles nothing, the kills above prove nothing."""
    assert killed("--kills", "25", "--naive")["doubled"] > 0
