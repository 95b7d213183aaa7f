"""Arguments that several commands share, and the types of values on the command line."""

from __future__ import annotations

from argparse import ArgumentTypeError
from datetime import datetime, time
from typing import TYPE_CHECKING

from bot.text import durations

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from datetime import timedelta

LARGEST = 2**32 - 1  # the largest seed; nobody has more posts


def add_json(parser: ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON object per line")


def add_yes(parser: ArgumentParser, help_: str = "do not ask for confirmation") -> None:
    parser.add_argument("--yes", action="store_true", help=help_)


def add_live(
    parser: ArgumentParser, *, dry: str = "only show what would be posted", live: str = "post to X for real"
) -> None:
    modes = parser.add_mutually_exclusive_group()
    modes.add_argument("--dry-run", dest="live", action="store_false", default=None, help=dry)
    modes.add_argument("--live", dest="live", action="store_true", default=None, help=live)


def no_arguments(parser: ArgumentParser) -> None:
    """Add no arguments, for commands that take none."""


def handle(text: str) -> str:
    bare = text.removeprefix("@")
    if not bare.replace("_", "").isalnum() or not bare.isascii() or len(bare) > 20:
        raise ArgumentTypeError(f"{text!r} is not a handle: use up to 15 letters, digits and _")
    return bare


def duration(text: str) -> timedelta:
    try:
        span = durations.parsed(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from error
    if not span:
        raise ArgumentTypeError("the duration must be longer than 0s")
    return span


def moment(text: str) -> datetime | time:
    """A date and time, or a time of day: the next time that the clock shows it."""
    for kind in (time, datetime):
        try:
            value = kind.fromisoformat(text)
        except ValueError:
            continue
        if isinstance(value, datetime) or value.tzinfo is None:
            return value
    raise ArgumentTypeError(f"{text!r} is not a time: use 18:30 or 2026-12-24T18:30")


def count(text: str) -> int:
    number = digits(text)
    if len(number) > len(str(LARGEST)) or int(number) > LARGEST:
        raise ArgumentTypeError(f"a number of {len(number)} digits is too large: the largest is {LARGEST}")
    return int(number)


def digits(text: str) -> str:
    if not text.isascii() or not text.isdigit():
        raise ArgumentTypeError(f"{text!r} is not a whole number (0 or more)")
    if len(text.lstrip("0")) > 19 or int(text) >= 2**63:
        raise ArgumentTypeError(f"{text} is too large for an id of X, which has 63 bits")
    return text.lstrip("0") or "0"


def positive(text: str) -> int:
    number = count(text)
    if not number:
        raise ArgumentTypeError("0 is too few: give a number from 1 on")
    return number


def folder(text: str) -> str:
    """A folder that exists or that can be made."""
    import os

    if not text or os.path.isfile(text):  # noqa: PTH113  Path.is_file raises for a name that is too long
        raise ArgumentTypeError(f"{text!r} is a file and not a folder" if text else "the name of the folder is empty")
    return text
