"""Has the bot said this before, or nearly this?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.text.normalise import normalise
from bot.values import Reason

if TYPE_CHECKING:
    from collections.abc import Callable


def why_not(text: str, said: Callable[[str], bool]) -> Reason | None:
    """`said` answers for a normalised text."""
    return Reason("said_before") if said(normalise(text)) else None


def nearly(text: str, near: Callable[[str], str]) -> Reason | None:
    """`near` gives what says nearly the same."""
    detail = near(text)
    return Reason("said_nearly", detail) if detail else None


def refused(text: str, before: Callable[[str], str]) -> Reason | None:
    """`before` tells why the same words were turned down."""
    detail = before(text)
    return Reason("refused_before", detail) if detail else None
