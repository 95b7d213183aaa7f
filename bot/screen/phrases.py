"""Finds the words and phrases of a list in a text, through their disguises."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from bot.screen import disguises
from bot.text.scripts import UNSPACED

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bot.screen.disguises import Key

_PLURALS = ("", "s", "es")
_UNSPACED = re.compile(UNSPACED)  # without spaces between words, an entry is searched anywhere


@dataclass(frozen=True, slots=True)
class Phrases:
    """The entries of a list by their letters; an entry is one word or several."""

    entries: dict[str, list[Key]]
    longest: int  # words in the longest entry
    heads: frozenset[str]  # the first words of the entries
    unspaced: tuple[str, ...]

    @classmethod
    def of(cls, lines: Iterable[str]) -> Self:
        """Build the list from lines, one entry a line."""
        entries: defaultdict[str, list[Key]] = defaultdict(list)
        longest = 1
        unspaced = []
        for line in filter(None, map(words, lines)):
            if _UNSPACED.search(line):
                unspaced.append(line.replace(" ", ""))
                continue
            for plural in _PLURALS:
                keys = [disguises.key(word) for word in f"{line}{plural}".split()]
                entries[" ".join(map(disguises.letters, keys))].append(_spaced(keys))
                longest = max(longest, len(keys))
        return cls(dict(entries), longest, frozenset(entry.split()[0] for entry in entries), tuple(unspaced))

    def first_in(self, views: Sequence[Sequence[str]]) -> str | None:
        """Return the first entry that a text contains. `views` are the text's words, from disguises.views()."""
        for view in views:
            if entry := self._first_in(view) or self._inside("".join(view)):
                return entry
        return None

    def _inside(self, text: str) -> str | None:
        return next((entry for entry in self.unspaced if entry in text), None)

    def _first_in(self, view: Sequence[str]) -> str | None:
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


def words(line: str) -> str:
    """The words of an entry; empty if it has only signs."""
    return " ".join(re.findall(r"[^\W_]+", disguises.bare(line)))


def _spaced(keys: Sequence[Key]) -> Key:
    """One key for several words, with spaces between them."""
    joined: list[tuple[str, int]] = []
    for key in keys:
        joined += [(" ", 1), *key] if joined else key
    return tuple(joined)
