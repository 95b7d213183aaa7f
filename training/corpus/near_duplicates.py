"""Texts that say again what another one said: the same, or the same but for a word or two.

Two texts are near when their pairs of neighbouring words overlap by `NEAR` percent (Jaccard). Found exactly, and in
nearly linear time: texts so alike share one of their few rarest pairs, so only those are looked up (the prefix filter
of set similarity joins). It knows only texts.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import chain, pairwise
from typing import TYPE_CHECKING

from training.corpus.normalise import normalise
from training.rules.words import words

if TYPE_CHECKING:
    from collections.abc import Sequence

# Percent: one word in eight may differ. Read on ten timelines: nearly all that is found is one sentence with a word or
# two changed, or the same appointment at another hour; what has other facts in a like form mostly stays.
NEAR = 60


class NearDuplicateIndex:
    """Some of the texts stand on it: `find` one of them that another is like, `put` another beside them."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._pairs = _by_rarity(texts)
        self._same = [normalise(text) for text in texts]
        self._by_text: dict[str, int] = {}
        self._by_pair: defaultdict[int, list[int]] = defaultdict(list)

    def find_same(self, number: int) -> int | None:
        """Up to case, width, spaces and the punctuation around it."""
        return self._by_text.get(self._same[number])

    def find_near(self, number: int) -> int | None:
        own = self._pairs[number]
        known = set(own)
        looked_at = set()
        for pair in own[: _rarest(len(own))]:
            for other in self._by_pair.get(pair, ()):
                if other not in looked_at:
                    looked_at.add(other)
                    if _are_near(known, self._pairs[other]):
                        return other
        return None

    def put(self, number: int) -> None:
        self._by_text.setdefault(self._same[number], number)
        own = self._pairs[number]
        for pair in own[: _rarest(len(own))]:
            self._by_pair[pair].append(number)


def pairs(text: str) -> list[tuple[str, str]]:
    """Neighbouring words, the edges of the text among them; each pair once."""
    own = ["", *words(text), ""]
    return list(dict.fromkeys(pairwise(own)))


def _by_rarity(texts: Sequence[str]) -> list[tuple[int, ...]]:
    """The pairs of each text as numbers, the lowest for the rarest."""
    numbers: dict[tuple[str, str], int] = {}
    numbered = [[numbers.setdefault(pair, len(numbers)) for pair in pairs(text)] for text in texts]
    counts = Counter(chain.from_iterable(numbered))
    rank = {number: place for place, number in enumerate(sorted(counts, key=counts.__getitem__))}
    return [tuple(sorted(rank[number] for number in own)) for own in numbered]


def _rarest(size: int) -> int:
    """How many of a text's rarest pairs it takes that any text near to it shares one of its own rarest."""
    return size + 1 + -NEAR * size // 100  # rounded up before it is taken away


def _are_near(known: set[int], other: tuple[int, ...]) -> bool:
    small, large = sorted((len(known), len(other)))
    if 100 * small < NEAR * large:
        return False
    shared = len(known.intersection(other))
    return 100 * shared >= NEAR * (small + large - shared)
