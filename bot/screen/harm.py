"""Harmful words and the few harmful sentences that have a shape. What a list cannot see, the meaning, it cannot see.

slur          a word that demeans people for what they are
vulgar        obscene and sexual words
threat        violence announced to somebody
self_harm     somebody told to hurt themselves, or saying that they will
minors        children and sex in one text
promise       money or health for certain
office        speaking as the state, a court, the police
"""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from bot.screen import disguises
from bot.tweets import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bot.screen.disguises import Key

_PLURALS = ("", "s", "es")
_WORDS = files("bot.screen") / "words"
_LISTS = {"slur": "slurs.txt", "vulgar": "vulgar.txt"}
_APOSTROPHES = re.compile(r"['’`´]")


def why_not(text: str, *, vulgar: bool = False) -> Reason | None:
    """`vulgar`: whether obscene words may be said."""
    found = _listed(text, ("slur",) if vulgar else ("slur", "vulgar"))
    return found or _shaped(disguises.bare(text))


def kinds() -> tuple[str, ...]:
    """The names of all reasons."""
    return (*_LISTS, *_shapes())


def _shaped(bare: str) -> Reason | None:
    line = " ".join(_APOSTROPHES.sub("", bare).split())
    for name, pattern in _shapes().items():
        if found := pattern.search(line):
            return Reason(name, found[0])
    return None


@cache
def _shapes() -> dict[str, re.Pattern[str]]:
    said = tomllib.loads((_WORDS / "shapes.toml").read_text(encoding="utf-8"))

    def whole(shape: str) -> str:
        return re.sub(r"<(\w+)>", lambda part: whole(said["parts"][part[1]]), shape)

    return {name: re.compile("|".join(map(whole, shapes))) for name, shapes in said["reasons"].items()}


def _listed(text: str, lists: Sequence[str]) -> Reason | None:
    views = disguises.views(text)
    for name in lists:
        words = _words(name)
        for view in views:
            if found := words.first_in(view):
                return Reason(name, found)
    return None


@dataclass(frozen=True, slots=True)
class _Words:
    """A list by the letters of its entries; an entry is one word or several."""

    entries: dict[str, list[Key]]
    longest: int  # words of the longest entry
    heads: frozenset[str]  # first words

    def first_in(self, view: Sequence[str]) -> str | None:
        keys = [disguises.key(word) for word in view]
        names = [disguises.letters(key) for key in keys]
        for start, name in enumerate(names):
            if name not in self.heads:
                continue
            for length in range(1, min(self.longest, len(view) - start) + 1):
                letters = " ".join(names[start : start + length])
                if letters in self.entries and self._fits(keys[start : start + length], letters):
                    return " ".join(view[start : start + length])
        return None

    def _fits(self, keys: Sequence[Key], letters: str) -> bool:
        whole = _spaced(keys)
        return any(disguises.is_drawn_out(whole, entry) for entry in self.entries[letters])


@cache
def _words(name: str) -> _Words:
    entries: defaultdict[str, list[Key]] = defaultdict(list)
    longest = 1
    for line in _lines((_WORDS / _LISTS[name]).read_text(encoding="utf-8")):
        for plural in _PLURALS:
            keys = [disguises.key(word) for word in f"{line}{plural}".split()]
            entries[" ".join(map(disguises.letters, keys))].append(_spaced(keys))
            longest = max(longest, len(keys))
    return _Words(dict(entries), longest, frozenset(entry.split()[0] for entry in entries))


def _lines(text: str) -> Iterator[str]:
    for line in text.splitlines():
        words = re.findall(r"[^\W_]+", "" if line.startswith("#") else disguises.bare(line))
        if words:
            yield " ".join(words)


def _spaced(keys: Sequence[Key]) -> Key:
    """One key for several words, a space between them."""
    joined: list[tuple[str, int]] = []
    for key in keys:
        joined += [(" ", 1), *key] if joined else key
    return tuple(joined)
