"""docs/operating.md names only commands that exist, and its tables are complete."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from bot import cli
from bot.errors import Busy, ConfigError, MynahError
from bot.history.schema import LEGAL_MOVES
from bot.screen import harm, privacy

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
COMMANDS = sorted(set(re.findall(r"^bot ([^\n]+)$", GUIDE, re.MULTILINE) + re.findall(r"`bot ([^`]+)`", GUIDE)))


def first_column(heading: str) -> list[str]:
    """The first column of the table under a heading."""
    section = GUIDE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"^\| `?(\w+)`? \|", section, re.MULTILINE)[1:]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_in_the_guide_exists(command: str) -> None:
    words = shlex.split(command, comments=True)

    args = cli.parser().parse_args(words)

    assert args.function is cli.COMMANDS[words[0]].function


def test_the_guide_names_the_units_that_exist() -> None:
    units = set(re.findall(r"\bmynah(?:-\w+)?@", GUIDE))

    assert units == {path.name.split("@")[0] + "@" for path in (ROOT / "systemd").glob("*@.*")}


def test_every_exit_code_is_explained() -> None:
    codes = {0, MynahError.exit_code, 2, Busy.exit_code, ConfigError.exit_code, cli.INTERRUPTED}

    assert first_column("Exit codes") == [str(code) for code in sorted(codes)]


def test_every_state_is_explained() -> None:
    assert set(first_column("States of a post")) == {state for move in LEGAL_MOVES for state in move}


def test_every_reason_is_explained() -> None:
    screen = "\n".join(
        path.read_text(encoding="utf-8")
        for path in [*(ROOT / "bot" / "screen").glob("*.py"), ROOT / "bot" / "text" / "length.py"]
    )

    reasons = {*re.findall(r'[Rr]eason\("(\w+)"', screen), *harm.kinds(), *privacy.FINDERS}
    assert set(first_column("Reasons to refuse a draft")) == reasons
