"""The floor that a model must beat: bytes foretold from the four bytes before them, and nothing learnt but counts.

Witten-Bell's way of falling back to shorter contexts. It knows no models and needs no torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Numbers = NDArray[np.generic]
    Floats = NDArray[np.float64]
    Grams = NDArray[np.uint64]

ORDER = 5  # bytes: each is foretold from the four before it; six did worse on small accounts
END = 256  # the symbol after the last byte; it also stands before the first
WIDTH = 9  # bits of a symbol, so that a whole gram is one exact number: 45 of 64 bits
SYMBOLS = 257


class Ngrams:
    """Counts of all runs of up to `ORDER` bytes, as sorted arrays: a million bytes take a second and 60 MB."""

    def __init__(self, texts: Sequence[str]) -> None:
        grams = _grams(texts)
        self._tables = [_Table(grams & _mask(order)) for order in range(1, ORDER + 1)]

    def bits(self, texts: Sequence[str]) -> float:
        """What all these texts cost together, the end of each included."""
        grams = _grams(texts)
        likely = np.full(len(grams), 1 / SYMBOLS)
        for order, table in enumerate(self._tables, start=1):
            likely = table.refine(grams & _mask(order), likely)
        return float(-np.log2(likely).sum())


def bits_per_character(train: Sequence[str], held_out: Sequence[str]) -> float | None:
    """How well the counts of some texts foretell others; None where there is nothing to foretell."""
    characters = sum(map(len, held_out))
    return Ngrams(train).bits(held_out) / characters if characters and train else None


class _Table:
    """How often each symbol came after each context of one length."""

    def __init__(self, grams: Grams) -> None:
        self._grams, self._times = np.unique(grams, return_counts=True)
        contexts = self._grams >> np.uint64(WIDTH)
        self._contexts, place = np.unique(contexts, return_inverse=True)
        self._kinds = np.bincount(place)  # different symbols seen after it
        self._totals = np.bincount(place, weights=self._times)

    def refine(self, grams: Grams, likely: Floats) -> Floats:
        """The likelihoods of a shorter context, made better by this one wherever it has been seen."""
        times = _looked_up(grams, self._grams, self._times)
        context = grams >> np.uint64(WIDTH)
        kinds = _looked_up(context, self._contexts, self._kinds)
        totals = _looked_up(context, self._contexts, self._totals)
        seen = totals > 0
        return np.where(seen, (times + kinds * likely) / np.where(seen, totals + kinds, 1), likely)


def _looked_up(wanted: Grams, keys: Grams, values: NDArray[np.generic]) -> Floats:
    """The value of each key that is there, 0 for the others; `keys` are sorted and not empty."""
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[place] == wanted, values[place], 0).astype(np.float64)


def _grams(texts: Sequence[str]) -> Grams:
    """For each byte and each end, the number made of it and the four symbols before it: (positions,)."""
    parts: list[Grams] = []
    before = np.full(ORDER - 1, END, dtype=np.uint64)
    for text in texts:
        own = np.frombuffer(text.encode("utf-8", "replace"), dtype=np.uint8).astype(np.uint64)
        symbols = np.concatenate([before, own, before[:1]])
        gram = np.zeros(len(own) + 1, dtype=np.uint64)
        for start in range(ORDER):  # the newest symbol lowest
            gram = (gram << np.uint64(WIDTH)) | symbols[start : start + len(gram)]
        parts.append(gram)
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.uint64)


def _mask(order: int) -> np.uint64:
    return np.uint64((1 << (WIDTH * order)) - 1)
