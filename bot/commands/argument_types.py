"""What a word of the command line may be, each with argparse's error for another."""

from __future__ import annotations

from argparse import ArgumentTypeError
from datetime import datetime, time
from typing import TYPE_CHECKING

from bot.text import durations

if TYPE_CHECKING:
    from datetime import timedelta

MOST = 2**32 - 1  # the largest seed; nobody has more posts


def handle(text: str) -> str:
    bare = text.removeprefix("@")
    if not bare.replace("_", "").isalnum() or not bare.isascii() or len(bare) > 20:
        raise ArgumentTypeError(f"{text!r} is no handle; they are up to 15 letters, digits and _")
    return bare


def duration(text: str) -> timedelta:
    try:
        span = durations.parsed(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from error
    if not span:
        raise ArgumentTypeError("0s is no span of time")
    return span


def moment(text: str) -> datetime | time:
    """A moment, or the next time that the clocks show this."""
    for kind in (time, datetime):
        try:
            found = kind.fromisoformat(text)
        except ValueError:
            continue
        if isinstance(found, datetime) or found.tzinfo is None:
            return found
    raise ArgumentTypeError(f"{text!r} is no time; they look like 18:30 or 2026-12-24T18:30")


def count(text: str) -> int:
    number = digits(text)
    if len(number) > len(str(MOST)) or int(number) > MOST:
        raise ArgumentTypeError(f"a number of {len(number)} digits is too large; {MOST} is the most")
    return int(number)


def digits(text: str) -> str:
    if not text.isascii() or not text.isdigit():
        raise ArgumentTypeError(f"{text!r} is no whole number from 0 on")
    return text
