"""SIGKILL of a process with many bots. Longer: `python -m tests.trials.killing_fleet --help`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.trials.killing_fleet import NAMES


def run_trial(*arguments: str) -> dict[str, Any]:
    """In its own process: the trial forks, and a test runner has threads."""
    process = subprocess.run(
        [sys.executable, "-m", "tests.trials.killing_fleet", *arguments],
        check=True, capture_output=True, text=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    row: dict[str, Any] = json.loads(process.stdout)
    return row


def test_kills_of_several_bots_double_lose_and_mix_nothing() -> None:
    row = run_trial("--bots", "5", "--kills", "3")

    assert {name: row[name] for name in (*NAMES, "failed")} == dict.fromkeys((*NAMES, "failed"), 0)
    assert row["kills"] >= 3
    assert row["posts_on_server"] > 0
