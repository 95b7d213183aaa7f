"""How alike two heaps of texts are: their lengths, their variety, and whether a plain classifier tells them apart.

Numbers only, the same for the same seed. It knows neither models nor authors.
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
FEWEST = 20  # texts on each side below which a classifier says nothing
SIDE = 400  # texts on each side at most: 52 MB of features, and a standard error of 0.02
TEXTS = 1_600  # looked at in all draws together: where there are few, other ones are drawn and the answers averaged
FOLDS = 5
FEATURES = 2**13  # hashed; twice as many told no better
LONGEST = 4  # characters of an n-gram
RIDGE = 1.0  # a third and a logistic curve instead told the same within 0.02
HANDLE = "@"


def histogram(lengths: Sequence[int]) -> tuple[int, ...]:
    """How many texts have 0 to 19 characters, 20 to 39, and so on; the last bin is open."""
    counts = [0] * BINS
    for length in lengths:
        counts[min(length // BIN, BINS - 1)] += 1
    return tuple(counts)


def length_distance(some: Sequence[int], others: Sequence[int]) -> float:
    """By how many characters the lengths differ on average, the shortest beside the shortest and so on."""
    if not some or not others:
        return 0.0
    at = (np.arange(1_000) + 0.5) / 1_000
    return float(np.abs(np.quantile(some, at) - np.quantile(others, at)).mean())


def distinct(texts: Sequence[str], most: int) -> tuple[float, float, float]:
    """The share of different words, pairs and threes among all; of the first `most` words, since more have fewer."""
    return _distinct(texts, most, 1), _distinct(texts, most, 2), _distinct(texts, most, 3)


def count_words(texts: Sequence[str]) -> int:
    return sum(len(words(text)) for text in texts)


def told_apart(some: Sequence[str], others: Sequence[str], *, seed: int) -> float | None:
    """The chance that a classifier which has seen four fifths finds which of two new texts is from `some`.

    Balanced, by character n-grams, links and handles removed: 0.5 is a coin's chance. None where there are too few.
    """
    side = min(len(some), len(others), SIDE)
    if side < FEWEST:
        return None
    chance = np.random.default_rng(seed)
    draws = 1 if len(some) == len(others) == side else max(1, TEXTS // (2 * side))
    return float(np.mean([_area(_drawn(some, side, chance), _drawn(others, side, chance)) for _ in range(draws)]))


def _distinct(texts: Sequence[str], most: int, size: int) -> float:
    grams: list[tuple[str, ...]] = []
    left = most
    for text in texts:
        own = words(text)[:left]
        left -= len(own)
        grams += [tuple(own[at : at + size]) for at in range(len(own) - size + 1)]
    return len(set(grams)) / max(len(grams), 1)


def _drawn(texts: Sequence[str], count: int, chance: np.random.Generator) -> list[str]:
    return [texts[place] for place in chance.permutation(len(texts))[:count]]


def _area(some: Sequence[str], others: Sequence[str]) -> float:
    """Under the curve of right against false alarms, averaged over the folds; both sides are equally many."""
    features = _weighted(np.stack([_counts(text) for text in [*some, *others]]))  # (texts, FEATURES)
    alike = (features @ features.T).astype(np.float64)  # (texts, texts)
    answer = np.repeat([1.0, -1.0], len(some))
    fold = np.tile(np.arange(len(some)) % FOLDS, 2)
    areas = []
    for held_out in range(FOLDS):
        train, test = fold != held_out, fold == held_out
        pull = np.linalg.solve(alike[np.ix_(train, train)] + RIDGE * np.eye(train.sum()), answer[train])
        score = alike[np.ix_(test, train)] @ pull
        ours, theirs = score[answer[test] > 0, None], score[answer[test] < 0]
        areas.append((ours > theirs).mean() + (ours == theirs).mean() / 2)
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


def _weighted(counts: Floats) -> Floats:
    """What occurs in every text says little; each text as a whole weighs the same."""
    rarity = np.log((1 + len(counts)) / (1 + (counts > 0).sum(axis=0))) + 1
    features = np.log1p(counts) * rarity.astype(np.float32)
    return features / np.linalg.norm(features, axis=1, keepdims=True)
