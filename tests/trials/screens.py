"""Every command on terminals of 40, 80 and 120 columns, in colour, as SVG: to be looked at one by one.

    python -m tests.trials.screens [--out screens] [--only status,watch]

A state folder with the sample account is prepared once (a minute); no network is needed. Each command runs on a
pseudo-terminal of its own. The program fails if a line is longer than its terminal, or a command shows a traceback.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
from io import StringIO
from pathlib import Path
from typing import NoReturn

from rich.console import Console
from rich.text import Text

import bot.commands.console.progress
import bot.running.assembly
import bot.running.status  # noqa: F401  loaded once, for all commands
from bot import cli
from bot.text.wrapping import cells
from tests.installed import MYNAH, environment
from training.sources.sample import ARCHIVE

ROOT = Path(__file__).parents[2]
WIDTHS, HEIGHT = (40, 80, 120), 30
LIMIT = 300  # seconds for one command
IN_DOCS = {"status": 80, "sample": 80, "next": 80}  # the three in README
CODE = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|\r|\n|\x1b[78=>]")
FONT = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)  # rich's would be fetched from elsewhere
# What is run for each command; "next" is `mynah` alone. A screen of its own ends at this text, with the keys after it.
LINES: dict[str, list[str]] = {
    "next": [],
    "help": ["--help"],
    "init": ["init", "--help"],
    "mentions": ["mentions"],
    "notify": ["notify", "--help"],
    "web": ["web", "--help"],
    "fleet": ["fleet", "--help"],
    "completion": ["completion", "--help"],
    "import": ["import", str(ARCHIVE)],
    "library": ["library", "--show-dropped", "1"],
    "retrain": ["retrain", "--plan"],
    "config": ["config"],
    "auth": ["auth", "--check"],
    "doctor": ["doctor"],
    "run": ["run", "--once"],
    "sample": ["sample", "-n", "5"],
    "screen": ["screen", "See https://example.org/page and call me at once, @somebody!", "--check"],
    "post": ["post", "A small bell rings and nobody looks up."],
    "review": ["review", "list"],
    "delete": ["delete", "1"],
    "status": ["status"],
    "status-all": ["status", "--all"],
    "watch": ["watch"],
    "history": ["history", "-n", "5"],
    "refused": ["history", "--refused", "-n", "3"],
    "spend": ["spend", "--dry"],
    "models": ["models"],
    "evaluate": ["evaluate", "-n", "64"],
    "blindtest": ["blindtest", "--seed", "1"],
    "promote": ["promote", "current"],
    "rollback": ["rollback"],
    "publish": ["publish", "you/my-bird"],
    "export": ["export", "--folder", "export-folder"],
    "block": ["block"],
    "unblock": ["unblock", "@magpie"],
    "forget": ["forget", "@magpie"],
    "pause": ["pause", "--for", "2h"],
    "paused": ["status"],
    "resume": ["resume"],
    "resolve": ["resolve", "1", "abandoned"],
    "backup": ["backup"],
    "restore": ["restore", "history.db"],
    "install-units": ["install-units", "--dry-run"],
    "wrong": ["stauts"],
    "wrong-option": ["history", "--limti", "3"],
    "command-help": ["history", "--help"],
}
NO = (b"[y/N]", b"n\n")
KEYS = {"watch": (b"q quits", b"q"), "blindtest": (b"[q]uit", b"q"), "publish": NO, "forget": NO}
LONG = {"export-folder", "history.db"}  # arguments that stand for a path in the work folder


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, default=ROOT / "screens")
    parser.add_argument("--only", default="", help="names, separated by commas")
    arguments = parser.parse_args()
    work = arguments.out.absolute()
    only = [name for name in arguments.only.split(",") if name]
    missing = sorted(set(cli.COMMANDS) - {words[0] for words in LINES.values() if words})
    if missing:
        sys.exit(f"no line for {', '.join(missing)}")
    state = _prepared(work)
    faults = []
    for width in WIDTHS:
        for name in only or LINES:
            text = _screen(name, width, state, work)
            faults += _faults(f"{name} at {width}", text, width)
            _save(text, width, f"mynah {' '.join(LINES[name][:2])}".rstrip(), work / f"{name}-{width}.svg")
            if IN_DOCS.get(name) == width:
                shutil.copyfile(work / f"{name}-{width}.svg", ROOT / "docs" / "screens" / f"{name}.svg")
    result = "\n".join(faults) or f"{len(WIDTHS) * len(only or LINES)} screens in {work}, no line too long"
    sys.stdout.write(f"{result}\n")
    return 1 if faults else 0


def _variables(work: Path) -> dict[str, str]:
    variables = environment(TERM="xterm-256color", HOME=str(work), MYNAH_TRAINING__BASE_MODEL="tiny")
    variables |= {
        "MYNAH_POSTING__MAX_PER_HOUR": "999",
        "MYNAH_POSTING__MAX_PER_DAY": "999",
        "MYNAH_POSTING__MIN_GAP": "0s",
    }
    variables |= {"MYNAH_BOT": "stationmynahbot", "MYNAH_SCHEDULE__TIMEZONE": "Europe/Lisbon"}
    return {name: value for name, value in variables.items() if name not in {"COLUMNS", "LINES", "NO_COLOR"}}


def _prepared(work: Path) -> Path:
    """A state folder with tweets, a model, and some posts."""
    state = work / "state"
    work.mkdir(parents=True, exist_ok=True)
    if not (state / "history.db").exists():
        for words in (["import", str(ARCHIVE)], ["retrain", "--as-is"]):
            subprocess.run([MYNAH, "--state", state, *words], env=_variables(work), check=True)
        for _ in range(6):
            subprocess.run([MYNAH, "--state", state, "run", "--once"], env=_variables(work), check=True)
    return state


def _screen(name: str, width: int, state: Path, work: Path) -> list[str]:
    words = [str(work / word) if word in LONG else word for word in LINES[name]]
    if name == "restore":
        shutil.copyfile(state / "history.db", work / "history.db")
    shutil.rmtree(work / "export-folder", ignore_errors=True)
    until, keys = KEYS.get(name, (b"", b""))
    output = _on_terminal(["--state", str(state), *words], width, _variables(work), until, keys)
    return drawn(output, is_page=name == "watch")


def _on_terminal(words: list[str], width: int, variables: dict[str, str], until: bytes, keys: bytes) -> str:
    """What `mynah` writes. A fork of this process, which has loaded its modules: starting Python takes longer."""
    process, screen = pty.fork()
    if process == 0:
        _run(words, width, variables)
    output, end = b"", time.monotonic() + LIMIT
    while time.monotonic() < end:
        if not select.select([screen], [], [], 0.5)[0]:
            continue
        try:
            part = os.read(screen, 65536)
        except OSError:  # the process of the terminal has ended
            break
        output += part
        if keys and until in output:
            os.write(screen, keys)
            keys = b""
    else:
        os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    os.close(screen)
    return output.decode("utf-8", "replace")


def _run(words: list[str], width: int, variables: dict[str, str]) -> NoReturn:
    """In the fork: run the command and end, whatever happens."""
    code = 1
    try:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, width, 0, 0))
        os.environ.clear()
        os.environ.update(variables)
        sys.stdin, sys.stdout, sys.stderr = (
            os.fdopen(number, mode, encoding="utf-8", closefd=False) for number, mode in enumerate("rww")
        )
        code = cli.main(words)
    except SystemExit as stop:
        code = int(str(stop.code or 0))
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def drawn(output: str, *, is_page: bool = False) -> list[str]:
    """The lines that stay on the terminal, with their colours. It knows how rich and `mynah` move the cursor."""
    if is_page:  # the last page of a screen of its own
        output = output.split("\x1b[?1049l", maxsplit=1)[0].rsplit("\x1b[H", 1)[-1]
    lines, row, start = [""], 0, 0
    for match in CODE.finditer(output):
        lines[row] += output[start : match.start()]
        start = match.end()
        number = int(match[1]) if match[1] and match[1].isdigit() else 1
        if match[0] == "\n":
            row += 1
            if row == len(lines):
                lines.append("")
        elif match[2] == "m":
            lines[row] += match[0]
        elif match[2] == "A":
            row = max(row - number, 0)
        elif match[2] == "K" or (match[0] == "\r" and output[start : start + 1] not in {"\n", ""}):
            lines[row] = ""
        elif match[2] == "J":
            lines, row = [""], 0
    lines[row] += output[start:]
    return lines


def _faults(what: str, lines: list[str], width: int) -> list[str]:
    plain = [CODE.sub("", line).rstrip() for line in lines]
    faults = [f"{what}: {line}" for line in plain if cells(line) > width and len(line.split()) > 1]
    return [*faults, *(f"{what}: a traceback" for line in plain if line.startswith("Traceback"))]


def _save(lines: list[str], width: int, title: str, path: Path) -> None:
    console = Console(record=True, width=width, file=StringIO(), force_terminal=True, color_system="truecolor")
    text = "\n".join(lines).rstrip()
    console.print(Text.from_ansi(text, overflow="fold"))
    svg = console.export_svg(title=title, unique_id=path.stem)
    path.write_text(FONT.sub("", svg), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
