"""`mynah init`: asks what nobody can guess, and writes a configuration that holds only that."""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bot.commands import arguments
from bot.commands.console.terminal import say
from bot.errors import ConfigError, MynahError

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable

HANDLE = "The handle of the bot's account on X (it need not exist yet)"
ARCHIVE = "The archive of the person's tweets, as X sends it (empty: later)"
ZONE = "The time zone that it posts in"
MODE = "Post by itself (auto), or only what you approve (review)"
MODES = ("auto", "review")


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--bot", type=arguments.handle, metavar="@HANDLE", help="the bot's account on X")
    parser.add_argument("--archive", type=Path, metavar="FILE", help="the person's archive from X, to import at once")
    parser.add_argument("--timezone", metavar="ZONE", help="such as Europe/Lisbon (default: that of this machine)")
    parser.add_argument("--mode", choices=MODES, help="auto: post by itself; review: every draft needs your approval")


def init(args: Namespace) -> int:
    from bot.config import load

    path = load.new_file(args.config)
    if os.path.lexists(path):
        raise MynahError(f"{path} exists already, and stays as it is: edit it, or choose another file with --config")
    asks = sys.stdin is not None and sys.stdin.isatty()
    if not asks and not args.bot:
        raise MynahError("--bot is missing, and there is no terminal to ask on: `mynah init --bot @HANDLE`")
    zone = args.timezone or load.local_zone()
    chosen = {
        "bot": args.bot or _answer(HANDLE, _checked("bot")),
        "schedule.timezone": args.timezone or (_answer(ZONE, _checked("schedule.timezone"), zone) if asks else zone),
        "mode": args.mode or (_answer(MODE, _mode, MODES[0]) if asks else MODES[0]),
    }
    for key, value in chosen.items():
        _checked(key)(value)
    archive = args.archive or (Path(words) if asks and (words := _answer(ARCHIVE, _file, "")) else None)
    if archive:
        _file(str(archive))
    _write(path, chosen)
    say(f"wrote {path}: {', '.join(f'{key} = {json.dumps(value)}' for key, value in chosen.items())}")
    if archive:
        _import(args, path, archive)
    say(_next_steps(args, path, imported=archive is not None))
    return 0


def _answer(question: str, check: Callable[[str], str], default: str | None = None) -> str:
    """Ask until the answer is right."""
    while True:
        try:
            words = input(f"{question}{f' [{default}]' if default else ''}: ").strip()
        except EOFError:
            print()
            raise MynahError("nothing was written: the questions were not answered") from None
        if not words and default is not None:
            return default
        try:
            return check(words)
        except MynahError as error:
            say(f"  {error}")


def _checked(key: str) -> Callable[[str], str]:
    def check(value: str) -> str:
        from bot.config import load

        load.check(key, value)
        return value.removeprefix("@") if key == "bot" else value

    return check


def _mode(words: str) -> str:
    matches = [mode for mode in MODES if words and mode.startswith(words.lower())]
    if not matches:
        raise MynahError(f"{words!r} is neither {' nor '.join(MODES)}")
    return matches[0]


def _file(words: str) -> str:
    from bot.config.state_dir import expanded

    if words and not expanded(Path(words)).exists():
        raise MynahError(f"{words}: no such file or folder")
    return words


def _write(path: Path, chosen: dict[str, str]) -> None:
    from bot.config import template
    from bot.running import units

    text = template.filled(units.example().read_text(encoding="utf-8"), chosen)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:  # never over a file that somebody else has just made
            file.write(text)
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be written: {error.strerror}; choose another file with `mynah --config FILE init`"
        ) from error


def _import(args: Namespace, path: Path, archive: Path) -> None:
    from bot.commands import library

    args.config = path
    args.files, args.author, args.from_api, args.drop_deleted = [archive], None, None, False
    library.import_(args)


def _next_steps(args: Namespace, path: Path, *, imported: bool) -> str:
    from bot.config import load

    words = [*(["--config", str(path)] if load.found_file() != path else [])]
    words += ["--state", args.state] if args.state else []
    mynah = " ".join(["mynah", *map(shlex.quote, words)])
    steps = [
        *([] if imported else [(f"{mynah} import ARCHIVE.zip", "the person's tweets; without them, a sample account")]),
        (f"{mynah} retrain", "trains a model"),
        (f"{mynah} run", "a dry run: nothing leaves this machine"),
    ]
    return "\n".join(["next:", *(f"  {step:32}  # {comment}" for step, comment in steps)])
