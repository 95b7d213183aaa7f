"""A small linear model of toxic texts: one 8-bit weight for each hashed n-gram of letters and words.

It knows what the word lists cannot: insults that nobody listed, and words that are harmless alone. It needs no library.
benchmarks/train_toxicity.py made `toxicity.bin`; words/TOXICITY.md is its card.
"""

from __future__ import annotations

import math
import re
import struct
from array import array
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Self
from zlib import crc32

from bot.screen import disguises
from bot.values import Reason

FILE = "toxicity.bin"
BUCKETS = 2**19  # of the hash: half a megabyte
FEWEST = 64  # n-grams: fewer say less
_HEADER = struct.Struct("<8sIfff")  # magic, buckets, scale of a weight, bias, threshold
_MAGIC = b"mynahtox"
_WORD = re.compile(r"[^\W_]+|[!?]+|[\U0001f300-\U0001faff]")
_SHORTEST, _LONGEST = 3, 5  # letters of an n-gram
_LONGEST_WORD = 24  # letters that are looked at
_WINDOW, _STEP = 60, 40  # words: a long text is as toxic as its worst part of a tweet's length


@dataclass(frozen=True, slots=True)
class Toxicity:
    weights: array[int]
    scale: float
    bias: float
    threshold: float

    @classmethod
    def of(cls, content: bytes) -> Self:
        magic, buckets, scale, bias, threshold = _HEADER.unpack_from(content)
        weights = packed(content[_HEADER.size :])
        if magic != _MAGIC or len(weights) != buckets or buckets != BUCKETS:
            raise ValueError(f"{FILE} is not whole: install mynah-bot again")
        return cls(weights, scale, bias, threshold)

    def to_bytes(self) -> bytes:
        return _HEADER.pack(_MAGIC, len(self.weights), self.scale, self.bias, self.threshold) + self.weights.tobytes()

    def score(self, text: str) -> float:
        """Log-odds, by the training data; above `threshold` it is toxic."""
        return max(map(self._score, windows(text)), default=float("-inf"))

    def _score(self, words: list[str]) -> float:
        hashes = hashed(words)
        return self.bias + self.scale * sum(map(self.weights.__getitem__, hashes)) / math.sqrt(max(FEWEST, len(hashes)))


def why_not(text: str) -> Reason | None:
    score, threshold = model().score(text), model().threshold
    return Reason("toxic", f"{score:.1f}, at most {threshold:.1f}") if score > threshold else None


@cache
def model() -> Toxicity:
    return Toxicity.of((files("bot.screen") / FILE).read_bytes())


def windows(text: str) -> list[list[str]]:
    words = [word[:_LONGEST_WORD] for word in _WORD.findall(disguises.bare(text))]
    return [words[start : start + _WINDOW] for start in range(0, max(1, len(words) - _WINDOW + _STEP), _STEP)]


def hashed(words: list[str]) -> set[int]:
    """The buckets of the words, their pairs and their n-grams of letters."""
    grams = {f" {word} " for word in words}
    grams.update(f"{first} {second}" for first, second in pairwise(words))
    for word in {f"<{word}>" for word in words}:
        for length in range(_SHORTEST, _LONGEST + 1):
            grams.update(word[start : start + length] for start in range(len(word) - length + 1))
    return set(map(bucket, grams))


def bucket(gram: str) -> int:
    return crc32(gram.encode("utf-8", "replace")) & (BUCKETS - 1)


def packed(weights: bytes) -> array[int]:
    return array("b", weights)
