"""How similar two sets of texts are: lengths, variety, and the AUC of a classifier that tells them apart.

The same seed gives the same figures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from training.judge.copying import LINK, words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

BIN = 20  # characters; the last bin, from 280 on, is open
BINS = 15
FEWEST = 20  # texts on each side below which there is no AUC
SIDE = 400  # texts on each side at most: 52 MB of features, and a standard error of 0.02
TEXTS = 1_600  # in all draws together: where a draw is small, more are drawn and their AUCs averaged
FOLDS = 5
FEATURES = 2**13  # hashed; twice as many were no better
LONGEST = 4  # characters of an n-gram
RIDGE = 1.0  # a third of it, or logistic regression, gave the same AUC within 0.02
HANDLE = "@"


def histogram(lengths: Sequence[int]) -> tuple[int, ...]:
    """How many texts have 0 to 19 characters, 20 to 39, and so on; the last bin is open."""
    counts = [0] * BINS
    for length in lengths:
        counts[min(length // BIN, BINS - 1)] += 1
    return tuple(counts)


def length_distance(first: Sequence[int], second: Sequence[int]) -> float:
    """The mean difference in characters of equal quantiles (the Wasserstein distance)."""
    if not first or not second:
        return 0.0
    shares = (np.arange(1_000) + 0.5) / 1_000
    return float(np.abs(np.quantile(first, shares) - np.quantile(second, shares)).mean())


def distinct(texts: Sequence[str], most: int) -> tuple[float, float, float]:
    """The shares of distinct words, pairs and triples in the first `most` words; they fall with the number of words."""
    return _distinct(texts, most, 1), _distinct(texts, most, 2), _distinct(texts, most, 3)


def count_words(texts: Sequence[str]) -> int:
    return sum(len(words(text)) for text in texts)


def detector_auc(first: Sequence[str], second: Sequence[str], *, seed: int) -> float | None:
    """The chance that a classifier trained on four fifths finds which of two new texts is from `first`.

    Balanced, by character n-grams, links and handles removed: 0.5 is chance. None where there are too few texts.
    """
    side = min(len(first), len(second), SIDE)
    if side < FEWEST:
        return None
    rng = np.random.default_rng(seed)
    draws = 1 if len(first) == len(second) == side else max(1, TEXTS // (2 * side))
    return float(np.mean([_auc(_sample(first, side, rng), _sample(second, side, rng)) for _ in range(draws)]))


def _distinct(texts: Sequence[str], most: int, size: int) -> float:
    grams: list[tuple[str, ...]] = []
    left = most
    for text in texts:
        own = words(text)[:left]
        left -= len(own)
        grams += [tuple(own[start : start + size]) for start in range(len(own) - size + 1)]
    return len(set(grams)) / max(len(grams), 1)


def _sample(texts: Sequence[str], count: int, rng: np.random.Generator) -> list[str]:
    return [texts[index] for index in rng.permutation(len(texts))[:count]]


def _auc(first: Sequence[str], second: Sequence[str]) -> float:
    """The AUC of kernel ridge regression, averaged over the folds; both sides have the same number of texts."""
    features = _tf_idf(np.stack([_counts(text) for text in [*first, *second]]))  # (texts, FEATURES)
    kernel = (features @ features.T).astype(np.float64)  # (texts, texts)
    label = np.repeat([1.0, -1.0], len(first))
    fold = np.tile(np.arange(len(first)) % FOLDS, 2)
    areas = []
    for held_out in range(FOLDS):
        train, test = fold != held_out, fold == held_out
        weights = np.linalg.solve(kernel[np.ix_(train, train)] + RIDGE * np.eye(train.sum()), label[train])
        score = kernel[np.ix_(test, train)] @ weights
        positive, negative = score[label[test] > 0, None], score[label[test] < 0]
        areas.append((positive > negative).mean() + (positive == negative).mean() / 2)
    return float(np.mean(areas))


def _counts(text: str) -> Floats:
    """How often each character n-gram of up to `LONGEST` occurs, hashed."""
    plain = " ".join(word for word in LINK.sub(" ", text).split() if not word.startswith(HANDLE))
    codes = np.frombuffer(f" {plain} ".encode("utf-32-le", "replace"), dtype=np.uint32).astype(np.uint64)
    counts = np.zeros(FEATURES, dtype=np.float32)
    gram = np.zeros_like(codes)
    for size in range(1, min(LONGEST, len(codes)) + 1):
        gram = gram[: len(codes) - size + 1] * np.uint64(0x9E3779B97F4A7C15) + codes[size - 1 :] + np.uint64(size)
        mixed = (gram ^ (gram >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9) >> np.uint64(40)
        counts += np.bincount((mixed % np.uint64(FEATURES)).astype(np.int64), minlength=FEATURES)
    return counts


def _tf_idf(counts: Floats) -> Floats:
    """Logarithmic counts, weighted by rarity; each text normalised to length 1."""
    rarity = np.log((1 + len(counts)) / (1 + (counts > 0).sum(axis=0))) + 1
    features = np.log1p(counts) * rarity.astype(np.float32)
    return features / np.linalg.norm(features, axis=1, keepdims=True)
