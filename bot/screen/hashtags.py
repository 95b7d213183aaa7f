"""Takes hashtags apart: "#GoodMorning" and "#goodmorning" are read as "good morning" too."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_TAG = re.compile(r"[#\uff03@]([^\W_]\w{3,60})")
_HUMPS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|_")
_LONGEST = 16  # letters of a word


@dataclass(frozen=True, slots=True)
class Vocabulary:
    words: frozenset[str]

    def apart(self, tag: str) -> str:
        """The fewest words that the tag consists of; the tag itself where it does not."""
        best: list[tuple[int, int] | None] = [(0, 0)]  # for each end: (number of words, start of the last)
        for end in range(1, len(tag) + 1):
            options = [
                (before[0] + 1, start)
                for start in range(max(0, end - _LONGEST), end)
                if (before := best[start]) is not None and tag[start:end] in self.words
            ]
            best.append(min(options, default=None))
        pieces = []
        end = len(tag)
        while end and (option := best[end]) is not None:
            pieces.append(tag[option[1] : end])
            end = option[1]
        return " ".join(reversed(pieces)) if not end else tag


def vocabulary(listed: Iterable[str]) -> Vocabulary:
    """The listed words, and common ones that stand between them."""
    common = (files("bot.screen") / "words" / "common.txt").read_text(encoding="utf-8")
    words = {word for line in common.splitlines() if not line.startswith("#") for word in line.split()}
    return Vocabulary(frozenset(words | {word for word in listed if len(word) > 2}))


def readings(text: str, vocabulary: Vocabulary) -> tuple[str, ...]:
    """The text, and the text with its hashtags taken apart where that makes a difference."""
    if "#" not in text and "@" not in text and "\uff03" not in text:
        return (text,)
    parted = _TAG.sub(lambda match: _apart(match[1], vocabulary), text)
    return (text, parted) if parted != text else (text,)


def _apart(tag: str, vocabulary: Vocabulary) -> str:
    humps = _HUMPS.sub(" ", tag)
    if " " in humps.strip():
        return f" {humps} "
    return f" {vocabulary.apart(tag.lower())} "
