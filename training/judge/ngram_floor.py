"""The floor that a model must beat: a byte 5-gram model with Witten-Bell smoothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Numbers = NDArray[np.generic]
    Floats = NDArray[np.float64]
    Grams = NDArray[np.uint64]

ORDER = 5  # bytes: each is predicted from the four before it; six did worse on small accounts
END = 256  # the symbol after the last byte; it also stands before the first
WIDTH = 9  # bits of a symbol, so that a whole gram is one exact number: 45 of 64 bits
SYMBOLS = 257


class Ngrams:
    """Counts of all runs of up to `ORDER` bytes, as sorted arrays: a million bytes take a second and 60 MB."""

    def __init__(self, texts: Sequence[str]) -> None:
        grams = _grams(texts)
        self._tables = [_Table(grams & _mask(order)) for order in range(1, ORDER + 1)]

    def bits(self, texts: Sequence[str]) -> float:
        """The bits of all these texts together, the end of each included."""
        grams = _grams(texts)
        probabilities = np.full(len(grams), 1 / SYMBOLS)
        for order, table in enumerate(self._tables, start=1):
            probabilities = table.refine(grams & _mask(order), probabilities)
        return float(-np.log2(probabilities).sum())


def bits_per_character(train: Sequence[str], held_out: Sequence[str]) -> float | None:
    """Bits per character of the held-out texts under n-grams of the training texts; None without texts."""
    characters = sum(map(len, held_out))
    return Ngrams(train).bits(held_out) / characters if characters and train else None


class _Table:
    """How often each symbol came after each context of one length."""

    def __init__(self, grams: Grams) -> None:
        self._grams, self._times = np.unique(grams, return_counts=True)
        contexts = self._grams >> np.uint64(WIDTH)
        self._contexts, index = np.unique(contexts, return_inverse=True)
        self._kinds = np.bincount(index)  # different symbols after it
        self._totals = np.bincount(index, weights=self._times)

    def refine(self, grams: Grams, shorter: Floats) -> Floats:
        """The probabilities of a shorter context, refined by this one wherever it has occurred."""
        times = _lookup(grams, self._grams, self._times)
        context = grams >> np.uint64(WIDTH)
        kinds = _lookup(context, self._contexts, self._kinds)
        totals = _lookup(context, self._contexts, self._totals)
        occurred = totals > 0
        return np.where(occurred, (times + kinds * shorter) / np.where(occurred, totals + kinds, 1), shorter)


def _lookup(queries: Grams, keys: Grams, values: NDArray[np.generic]) -> Floats:
    """The value of each query, 0 where it is not among the keys; these are sorted and not empty."""
    index = np.minimum(np.searchsorted(keys, queries), len(keys) - 1)
    return np.where(keys[index] == queries, values[index], 0).astype(np.float64)


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
