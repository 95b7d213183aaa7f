"""Tells the person's tweets from a model's drafts: a linear classifier fitted when the model is made.

The bot prefers the drafts that it takes for the person's. The weights belong to hashes of characters and words with the
key of memory_key.py: without it, no weight belongs to anything. Reading and judging need neither torch nor numpy;
fitting needs numpy.

    "MYNAHDSC"  u32 version  f32 middle  f32 slope  the name of the key  then `FEATURES` weights as f16, little-endian

Version 1 has no key and no name of one: everybody can compute its hashes.
"""

from __future__ import annotations

import math
import re
import struct
from array import array
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

from training.errors import ModelError
from training.profile.memory_key import NAME_SIZE, UNKEYED, Hashes, hashes_named

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

FILE = "discriminator.bin"  # its name in a model folder
MAGIC = b"MYNAHDSC"
VERSION, KEYED_VERSION = 1, 2
HEADER = struct.Struct("<8sIff")
FEATURES = 2**14  # 32 kB
LONGEST = 4  # characters of an n-gram
FEWEST = 40  # texts on each side; fewer teach nothing that holds for others
MOST = 600  # texts on each side: half a second
FOLDS = 5
RIDGE = 1.0
DROPPED = re.compile(r"(?:https?://|www\.|pic\.twitter\.com/)\S+|(?<!\w)@\w+")  # a post may hold neither
WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*|[^\w\s]")


class Discriminator:
    """Judges texts; without weights it takes every text for the person's as likely as not."""

    def __init__(
        self, weights: Sequence[float] = (), middle: float = 0.0, slope: float = 0.0, hashes: Hashes = UNKEYED
    ) -> None:
        self._weights = weights
        self._middle = middle
        self._slope = slope
        self._hashes = hashes

    def __bool__(self) -> bool:
        return len(self._weights) > 0

    @classmethod
    def open(cls, folder: Path) -> Discriminator:
        """That of a model folder; empty in older folders, without the key, and where there were too few texts."""
        path = folder / FILE
        try:
            return cls.from_bytes(path.read_bytes(), folder.parent)
        except FileNotFoundError:
            return cls()
        except (OSError, ValueError, struct.error) as error:
            raise ModelError(f"{path} is not a readable discriminator ({error}): train the model again.") from error

    @classmethod
    def from_bytes(cls, data: bytes, models: Path | None = None) -> Discriminator:
        """`models`: the folder of models that has the key, where there is one."""
        magic, version, middle, slope = HEADER.unpack_from(data)
        if magic != MAGIC or version not in {VERSION, KEYED_VERSION} or not math.isfinite(middle + slope):
            raise ValueError("another format")
        start = HEADER.size + (NAME_SIZE if version == KEYED_VERSION else 0)
        weights = array("f", struct.unpack(f"<{FEATURES}e", data[start:]))
        if version == VERSION:
            return cls(weights, middle, slope)
        hashes = hashes_named(data[HEADER.size : start], models) if models else None
        return cls(weights, middle, slope, hashes) if hashes else cls()

    def likeness(self, text: str) -> float:
        """The probability, from 0 to 1, that the text is the person's and not a draft."""
        if not self._weights:
            return 0.5
        counts = _features(text, self._hashes)
        norm = math.sqrt(sum(value * value for value in counts.values())) or 1.0
        score = sum(value * self._weights[index] for index, value in counts.items()) / norm
        return 1 / (1 + math.exp(-max(-30.0, min(30.0, self._slope * (score - self._middle)))))


def fit(tweets: Sequence[str], drafts: Sequence[str], *, key: bytes = b"") -> bytes | None:
    """The bytes of the file, fitted to the newest tweets and the first drafts; None where there are too few.

    The probabilities are calibrated on texts that each were judged by weights fitted without them.
    """
    import numpy as np

    count = min(len(tweets), len(drafts), MOST)
    if count < FEWEST:
        return None
    hashes = Hashes(key)
    vectors = _vectors([*tweets[-count:], *drafts[:count]], hashes)
    label = np.repeat([1.0, -1.0], count)
    fold = np.tile(np.arange(count) % FOLDS, 2)
    scores = np.zeros(2 * count)
    for held_out in range(FOLDS):
        train = fold != held_out
        scores[~train] = vectors[~train] @ _ridge(vectors[train], label[train])
    middle, slope = _calibrated(scores, label)
    header = HEADER.pack(MAGIC, KEYED_VERSION if key else VERSION, middle, slope) + (hashes.name if key else b"")
    return header + _ridge(vectors, label).astype("<f2").tobytes()


def _ridge(vectors: Floats, label: Floats) -> Floats:
    """One weight for each feature: the solution is a combination of the texts, which are fewer than the features."""
    import numpy as np

    kernel = vectors @ vectors.T + RIDGE * np.eye(len(vectors))
    weights: Floats = vectors.T @ np.linalg.solve(kernel, label)
    return weights


def _calibrated(scores: Floats, label: Floats) -> tuple[float, float]:
    """The middle and slope of the logistic curve between two normal distributions of the same spread."""
    own, drafts = scores[label > 0], scores[label < 0]
    spread = float(own.var() + drafts.var()) / 2
    middle, apart = float(own.mean() + drafts.mean()) / 2, float(own.mean() - drafts.mean())
    return middle, max(apart, 0.0) / max(spread, 1e-9)


def _vectors(texts: Sequence[str], hashes: Hashes) -> Floats:
    """(texts, FEATURES), each row at length 1."""
    import numpy as np

    vectors = np.zeros((len(texts), FEATURES))
    for row, text in enumerate(texts):
        for index, value in _features(text, hashes).items():
            vectors[row, index] = value
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)


def _features(text: str, hashes: Hashes) -> dict[int, float]:
    """Logarithmic counts by hash."""
    counts = Counter(hashes.short(gram.encode("utf-8", "replace")) % FEATURES for gram in _grams(text))
    return {index: math.log1p(count) for index, count in counts.items()}


def _grams(text: str) -> Iterator[str]:
    """Runs of characters, words, and pairs of words."""
    plain = f" {' '.join(DROPPED.sub(' ', text).split())} "
    for size in range(1, LONGEST + 1):
        yield from (plain[at : at + size] for at in range(len(plain) - size + 1))
    words = ["^", *WORD.findall(plain.casefold()), "$"]
    yield from (f"\0{one}" for one in words)
    yield from (f"\0{one}\0{other}" for one, other in pairwise(words))
