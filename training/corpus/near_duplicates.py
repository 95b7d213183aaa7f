"""Duplicates and near-duplicates among texts.

Two texts are near-duplicates when their pairs of neighbouring words overlap by `NEAR` percent (Jaccard) and both have
the same numbers and names: "Happy 4/20 to you all" does not repeat "Happy Easter to you all". The search is exact and
takes nearly linear time: such texts share one of their rarest pairs, so only those are looked up (the prefix filter of
set similarity joins).
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from itertools import chain, pairwise
from typing import TYPE_CHECKING

from training.corpus.normalise import normalise
from training.rules.words import HANDLE, HASHTAG, words

if TYPE_CHECKING:
    from collections.abc import Sequence

# Percent: one word in eight may differ. On ten timelines, nearly all matches were one sentence with a word or two
# changed, or the same appointment at another hour; other facts in a similar form were mostly not matched.
NEAR = 60
TOKEN = re.compile(r"[^\W_]+")
START = re.compile(r"(?:^|[.!?:;…\n“\"(])[^\w\n]*([^\W\d_]+)")  # the first word of a sentence
PRONOUNS = {"I"}


class NearDuplicateIndex:
    """An index of texts by number: `add` indexes a text, and `find_*` returns an indexed duplicate of any of them."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._pairs = _by_rarity(texts)
        self._texts = texts
        self._normal = [normalise(text) for text in texts]
        self._by_text: dict[str, int] = {}
        self._by_pair: defaultdict[int, list[int]] = defaultdict(list)

    def find_duplicate(self, number: int) -> int | None:
        """The number of an indexed text with the same normal form."""
        return self._by_text.get(self._normal[number])

    def find_near_duplicate(self, number: int) -> int | None:
        """The number of an indexed near-duplicate."""
        own = self._pairs[number]
        known = set(own)
        compared = set()
        for pair in own[: _prefix_length(len(own))]:
            for other in self._by_pair.get(pair, ()):
                if other not in compared:
                    compared.add(other)
                    if _are_near(known, self._pairs[other]) and facts(self._texts[number]) == facts(self._texts[other]):
                        return other
        return None

    def add(self, number: int) -> None:
        self._by_text.setdefault(self._normal[number], number)
        own = self._pairs[number]
        for pair in own[: _prefix_length(len(own))]:
            self._by_pair[pair].append(number)


def pairs(text: str) -> list[tuple[str, str]]:
    """Pairs of neighbouring words, with the beginning and the end of the text as empty words; each pair once."""
    own = ["", *words(text), ""]
    return list(dict.fromkeys(pairwise(own)))


def facts(text: str) -> frozenset[str]:
    """The numbers and names: words with a digit, and those with a capital inside a sentence.

    Where most words have a capital, as in a headline, a capital says nothing.
    """
    tokens = TOKEN.findall(HASHTAG.sub(" ", HANDLE.sub(" ", unicodedata.normalize("NFKC", text))))
    spelt = [token for token in tokens if token[0].isalpha()]
    capitals = {token for token in spelt if token[0].isupper()}
    if 2 * sum(token in capitals for token in spelt) > len(spelt):
        capitals = set()
    starts = {match[1] for match in START.finditer(text)}
    named = (token for token in tokens if token in capitals - starts and token not in PRONOUNS)
    return frozenset(map(str.casefold, named)) | {token for token in tokens if any(map(str.isdigit, token))}


def _by_rarity(texts: Sequence[str]) -> list[tuple[int, ...]]:
    """The pairs of each text as numbers, the lowest for the rarest."""
    numbers: dict[tuple[str, str], int] = {}
    numbered = [[numbers.setdefault(pair, len(numbers)) for pair in pairs(text)] for text in texts]
    counts = Counter(chain.from_iterable(numbered))
    rank = {number: place for place, number in enumerate(sorted(counts, key=counts.__getitem__))}
    return [tuple(sorted(rank[number] for number in own)) for own in numbered]


def _prefix_length(size: int) -> int:
    """How many of the rarest pairs to index: any near-duplicate of a text of `size` pairs shares one of them."""
    return size + 1 + -NEAR * size // 100  # the share of common pairs is rounded up, then subtracted


def _are_near(known: set[int], other: tuple[int, ...]) -> bool:
    small, large = sorted((len(known), len(other)))
    if 100 * small < NEAR * large:
        return False
    shared = len(known.intersection(other))
    return 100 * shared >= NEAR * (small + large - shared)
