"""Which text comes next: authors taken in turns, so that each has learnt as many tokens from as the others. Pure.

Each author has a deck of texts, shuffled anew whenever it runs out. Whoever has had the fewest tokens is next, so
authors mix tweet by tweet. A pass ends when the deck of the one with the most tokens has run out; a smaller deck has
been through several times by then, in full each time: no text of it comes more often than another.
"""

from __future__ import annotations

import random
from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def passes(
    lengths: Sequence[int], authors: Sequence[str], weights: Sequence[float], *, seed: int
) -> Iterator[list[int]]:
    """Endless; each item is one pass, as the numbers of texts. A text of weight 0.5 is in every other deck, by chance.

    One author with all weights 1: every text exactly once a pass.
    """
    owned: defaultdict[str, list[int]] = defaultdict(list)
    for number, author in enumerate(authors):
        owned[author].append(number)
    if not owned:
        raise ValueError("there is no text to learn")
    largest = max(owned, key=lambda author: sum(lengths[number] * weights[number] for number in owned[author]))
    decks = {author: _Deck(own, weights, random.Random(f"{seed} {author}")) for author, own in owned.items()}
    had = dict.fromkeys(owned, 0)  # tokens of each author
    while True:
        order: list[int] = []
        decks[largest].shuffle()
        while decks[largest].left or min(had.values()) < had[largest]:
            author = min(had, key=had.__getitem__)
            number = decks[author].draw()
            had[author] += max(lengths[number], 1)
            order.append(number)
        yield order


class _Deck:
    def __init__(self, own: Sequence[int], weights: Sequence[float], chance: random.Random) -> None:
        self._own = own
        self._weights = weights
        self._chance = chance
        self.left: list[int] = []

    def draw(self) -> int:
        if not self.left:
            self.shuffle()
        return self.left.pop()

    def shuffle(self) -> None:
        """All of weight 1 and the others by chance; at least the heaviest, since an empty deck ends nothing."""
        self.left = [number for number in self._own if self._chance.random() < self._weights[number]]
        self.left = self.left or [max(self._own, key=self._weights.__getitem__)]
        self._chance.shuffle(self.left)
