"""The word 5-grams of a text as hashes, to find them in other texts.

In a script without spaces, a letter counts as part of a word, as in training/rules/words.py.
"""

from __future__ import annotations

import re
from itertools import accumulate
from typing import TYPE_CHECKING
from zlib import crc32

from training.rules.words import LETTERS_DENSE, LETTERS_LOOSE, ONE_DENSE, ONE_LOOSE, UNSPACED, words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

WORDS = 5  # in a gram: four consecutive grams are eight words in a row; one alone is seldom shared by chance
PLAIN = re.compile(r"\w+(?:'\w+)*", re.ASCII)  # the words of plain English as `words` finds them, four times as fast


def spell(text: str) -> list[str]:
    """The words without case, width and punctuation; in a script without spaces, each letter is an item."""
    if text.isascii():
        return PLAIN.findall(text.lower())
    return words(text.replace("\u2019", "'"))


def weigh(spelt: Sequence[str]) -> list[float] | None:
    """The fraction of a word that each item counts for; None if all items are whole words."""
    if all(map(str.isascii, spelt)) or UNSPACED.search("".join(spelt)) is None:
        return None
    return [1 / LETTERS_DENSE if ONE_DENSE.match(w) else 1 / LETTERS_LOOSE if ONE_LOOSE.match(w) else 1 for w in spelt]


def keys(
    spelt: Sequence[str],
    weights: Sequence[float] | None = None,
    *,
    step: int = 1,
    hash_of: Callable[[bytes], int] = crc32,
) -> list[int]:
    """A 32-bit hash of each gram, in order; with `step`, of every `step`th gram."""
    line = " ".join(spelt).encode("utf-8", "replace")
    plain = len(line) == sum(map(len, spelt)) + len(spelt) - 1
    sizes = map(len, spelt) if plain else (len(word.encode("utf-8", "replace")) for word in spelt)
    at = list(accumulate(sizes, lambda begin, size: begin + size + 1, initial=0))
    if weights is None:
        return [hash_of(line[begin : end - 1]) for begin, end in zip(at[::step], at[WORDS::step], strict=False)]
    return [hash_of(line[at[begin] : at[end] - 1]) for begin, end in spans(spelt, weights)[::step]]


def spans(
    spelt: Sequence[str], weights: Sequence[float] | None = None, *, length: int = WORDS
) -> list[tuple[int, int]]:
    """The (start, end) of each run of `length` words; the end is exclusive."""
    if weights is None:
        return list(zip(range(len(spelt)), range(length, len(spelt) + 1), strict=False))
    return list(_windows(weights, length))


def _windows(weights: Sequence[float], length: int) -> Iterator[tuple[int, int]]:
    """The shortest run from each start whose weights add up to `length`."""
    end, inside = 0, 0.0
    for start, weight in enumerate(weights):
        while inside < length and end < len(weights):
            inside += weights[end]
            end += 1
        if inside < length:
            return
        yield start, end
        inside -= weight
