"""Has the bot said this before? `normalised` is what the history compares, and keeps in a column of its own."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from bot.values import Reason

if TYPE_CHECKING:
    from collections.abc import Callable


def why_not(text: str, said: Callable[[str], bool]) -> Reason | None:
    """`said` answers for a normalised text."""
    return Reason("said_before") if said(normalised(text)) else None


def nearly(text: str, near: Callable[[str], str]) -> Reason | None:
    """`near` gives what says nearly the same."""
    detail = near(text)
    return Reason("said_nearly", detail) if detail else None


def refused(text: str, before: Callable[[str], str]) -> Reason | None:
    """`before` tells why the same words were turned down."""
    detail = before(text)
    return Reason("refused_before", detail) if detail else None


def normalised(text: str) -> str:
    """The same for texts that a reader would call the same: case, width, spaces and what stands at the end aside."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    spaced = " ".join(folded.split())
    return _without_end(spaced) or spaced  # a text of emoji alone is its own end


def _without_end(text: str) -> str:
    """Without the punctuation and emoji that it ends with."""
    end = len(text)
    while end and unicodedata.category(text[end - 1])[0] not in "LN":
        end -= 1
    while end < len(text) and unicodedata.category(text[end])[0] == "M":  # the accents of the last letter are its own
        end += 1
    return text[:end]
