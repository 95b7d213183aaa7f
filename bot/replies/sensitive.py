"""What a mention says that a bot must not answer: distress, abuse, other people's data, and what the screen refuses.

The patterns are in words/sensitive.toml. They know no more than words: a joke may be taken for distress, which costs
one reply.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from bot.replies.clauses import folded, own_words, readings
from bot.values import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PATTERNS = files("bot.replies") / "words" / "sensitive.toml"
DISTRESS = ("self_harm", "grief", "danger")  # kinds that the operator is shown


class Sensitivity:
    """`screen` is the part of the bot's own screen that judges what a text says."""

    def __init__(self, screen: Callable[[str], Reason | None] = lambda _: None) -> None:
        self._screen = screen

    def why_not(self, text: str) -> Reason | None:
        """The kind is the detail; never the words, which the history does not keep."""
        if kind := kind_in(text):
            return Reason("sensitive", kind)
        reason = self._screen(own_words(text))
        return Reason("sensitive", reason.name) if reason else None


def kind_in(text: str) -> str | None:
    """The first kind of words/sensitive.toml that the text shows, through the disguises of words."""
    lines = [(line, line.replace(" ", "")) for line in _lines(text)]
    for kind, spaced, unspaced in _kinds():
        if any(spaced.search(line) or unspaced.search(joined) for line, joined in lines):
            return kind
    return None


def _lines(text: str) -> Iterator[str]:
    for reading in readings(text):
        yield f" {' '.join(clause.words.strip() for clause in reading)} "


@cache
def _kinds() -> tuple[tuple[str, re.Pattern[str], re.Pattern[str]], ...]:
    document = tomllib.loads(_PATTERNS.read_text(encoding="utf-8"))
    parts = document.pop("parts")

    def whole(pattern: str) -> str:
        return re.sub(r"<(\w+)>", lambda part: whole(parts[part[1]]), pattern)

    def any_of(patterns: list[str]) -> str:
        return "|".join(folded(whole(pattern)) for pattern in patterns)

    return tuple(
        (
            kind,
            re.compile(f"(?<= )(?:{any_of(source['spaced'])})(?= |$)"),
            re.compile(any_of(source.get("unspaced", ["(?!)"]))),
        )
        for kind, source in document.items()
    )
