"""On a terminal of any width, no line of a command is longer than it, and no word is cut."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from datetime import UTC, datetime
from io import StringIO
from typing import TYPE_CHECKING

import pytest

from bot import cli
from bot.config.state_dir import StateDir
from bot.history import refusals
from bot.history.store import Store
from bot.text.wrapping import cells
from bot.values import Draft, Reason, Slot
from tests.installed import environment

if TYPE_CHECKING:
    from pathlib import Path

CODES = re.compile(r"\x1b\[\d+m")
WORDS = "A small bell rings in the roof 🐦 and nobody who knows antidisestablishmentarianism looks up, 駅の時計."
COMMANDS = (
    *("", "status", "status --all", "history", "history --refused", "spend --dry", "models", "library", "config"),
    *("doctor --quick", "review list", "review show 1", "block", "screen hello,https://example.org --check"),
    *("stauts", "history --limti 3", "delete 1", "resolve 1 abandoned", "promote 2031", "pause --for 2h", "resume"),
    *("backup", "restore /nowhere/at/all.db", "install-units --dry-run", "forget @magpie", "sample", "--help"),
    *(f"{name} --help" for name in cli.COMMANDS),
)


class FakeTerminal(StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a post that waits for review and a refused draft."""
    root = tmp_path_factory.mktemp("widths") / "state"
    StateDir(root).make()
    now = datetime.now(UTC)
    with Store.open(root / "history.db") as store:
        slot = Slot("now", now)
        store.add_draft(Draft(WORDS), slot=slot, norm=WORDS, length=99, dry=True, model="m", at=now)
        refusals.add(store, [(Draft(WORDS), Reason("link", "example.org"))], slot=slot, dry=True, model="m", at=now)
    return root


def shown(line: str, state: Path, width: int, env: pytest.MonkeyPatch) -> list[str]:
    """The lines of a command on a terminal, without colours."""
    for name in [name for name in os.environ if name.startswith("MYNAH_")]:
        env.delenv(name)
    for name, value in environment(COLUMNS=str(width), TERM="xterm").items():
        env.setenv(name, value)
    terminal = FakeTerminal()
    for name in ("stdout", "stderr"):
        env.setattr(f"sys.{name}", terminal)
    env.setattr("sys.stdin", StringIO())
    with suppress(SystemExit):
        cli.main(["--state", str(state), *line.split()])
    return CODES.sub("", terminal.getvalue()).splitlines()


@pytest.mark.parametrize("width", [40, 80, 120])
def test_no_line_is_longer_than_the_terminal(state: Path, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    too_long = {
        f"mynah {command}": line
        for command in COMMANDS
        for line in shown(command, state, width, monkeypatch)
        if cells(line) > width and len(line.split()) > 1  # a path or an address is whole, on a line of its own
    }

    assert too_long == {}


@pytest.mark.parametrize("width", [40, 80, 120])
def test_no_word_is_cut(state: Path, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    words = {word for word in WORDS.split() if word.isascii()}
    for command in ("history", "history --refused", "review list", "review show 1"):
        assert words <= set(" ".join(shown(command, state, width, monkeypatch)).split()), command


def test_a_pipe_gets_every_line_whole(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("history", "review show 1"):
        cli.main(["--state", str(state), *command.split()])

        out = capsys.readouterr().out
        assert WORDS in out
        assert "\x1b" not in out
