"""Runs the installed command, and the sentences that the `talker` model of conftest.py is trained on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

MYNAH = Path(sys.executable).parent / "mynah"
SENTENCES = (
    "The bell is mine now.",
    "Soup is a warm umbrella.",
    "My dream is a quiet crumb.",
    "Today the clock was early.",
    "Benno lost a glove again.",
    "Rain came in by the roof.",
    "My dream is one more bun.",
    "Today I was a whistle.",
)


def environment(**changes: str) -> dict[str, str]:
    variables = {name: value for name, value in os.environ.items() if not name.startswith("MYNAH_")}
    return variables | {"XDG_CONFIG_HOME": "/nonexistent", "COLUMNS": "200", "MYNAH_VOICE__THREADS": "1"} | changes


def mynah(*arguments: str | Path, state: Path, **changes: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [MYNAH, "--state", state, *arguments],
        check=False, capture_output=True, text=True, timeout=120, env=environment(**changes),
    )  # fmt: skip


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def rounds(text: str) -> list[dict[str, Any]]:
    return [line for line in lines(text) if line["event"] == "round.ended"]


def dry_run(state: Path) -> subprocess.Popen[str]:
    """A running daemon that makes a dry run every second."""
    return subprocess.Popen(
        [MYNAH, "--state", state, "run", "--dry-run", "--every", "1s"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(),
    )  # fmt: skip
