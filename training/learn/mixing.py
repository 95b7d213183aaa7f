"""The order of the texts: authors take turns, so that each contributes the same number of tokens.

Each author has a deck of texts, reshuffled whenever it is empty. The author with the fewest tokens so far is next, so
authors alternate tweet by tweet. A pass ends when the largest deck is empty; a smaller one has been dealt several
times by then, in full each time, so that none of its texts comes more often than another.
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
    """Endless; each item is one pass, as indices of texts. A text of weight 0.5 is in a deck with that probability.

    With one author and all weights 1, every text comes exactly once a pass.
    """
    owned: defaultdict[str, list[int]] = defaultdict(list)
    for number, author in enumerate(authors):
        owned[author].append(number)
    if not owned:
        raise ValueError("there are no texts to train on")
    largest = max(owned, key=lambda author: sum(lengths[number] * weights[number] for number in owned[author]))
    decks = {author: _Deck(own, weights, random.Random(f"{seed} {author}")) for author, own in owned.items()}
    dealt = dict.fromkeys(owned, 0)  # tokens of each author
    while True:
        order: list[int] = []
        decks[largest].shuffle()
        while decks[largest].left or min(dealt.values()) < dealt[largest]:
            author = min(dealt, key=dealt.__getitem__)
            number = decks[author].draw()
            dealt[author] += max(lengths[number], 1)
            order.append(number)
        yield order


class _Deck:
    def __init__(self, own: Sequence[int], weights: Sequence[float], rng: random.Random) -> None:
        self._own = own
        self._weights = weights
        self._rng = rng
        self.left: list[int] = []

    def draw(self) -> int:
        if not self.left:
            self.shuffle()
        return self.left.pop()

    def shuffle(self) -> None:
        """Refill the deck: each text with its weight as probability, or the heaviest text alone if none is drawn."""
        self.left = [number for number in self._own if self._rng.random() < self._weights[number]]
        self.left = self.left or [max(self._own, key=self._weights.__getitem__)]
        self._rng.shuffle(self.left)
