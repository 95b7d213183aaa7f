"""A profile of the language, or languages, that a person writes: a character trigram model in a hash table.

It is trained on the person's tweets alone, so whatever is rare in them counts as foreign. No torch, no numpy.

    "MYNAHLNG"  u32 version  f32 usual  f32 slack  then `BUCKETS` bytes          every number is little-endian
    byte i is the cost, in sixteenths of a bit, of the trigrams with the hash i
"""

from __future__ import annotations

import math
import re
import struct
import unicodedata
from collections import Counter
from typing import TYPE_CHECKING
from zlib import crc32

from training.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FILE = "language.bin"  # its name in a model folder
MAGIC = b"MYNAHLNG"
VERSION = 1
HEADER = struct.Struct("<8sIff")
BUCKETS = 2**14
ENOUGH_LETTERS = 20  # in shorter texts, such as "gm" or "lol ok", the language cannot be told
ENOUGH_TWEETS = 200  # with fewer tweets there is no profile
STEPS = 16  # of a bit
# The highest cost of a trigram: a name or a typo has unseen trigrams and should not weigh more.
MOST = 9 * STEPS
UNSEEN = 3  # added to the count of every bigram: a trigram seen once is not certain
# `slack` is this quantile of the person's own tweets, each half scored by the other, times a margin for new topics.
OWN, MARGIN = 0.9975, 1.1
DROPPED = re.compile(r"(?:https?://|www\.|pic\.twitter\.com/)\S+|[@#]\w+")
WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)*")


class Language:
    """The profile of one person."""

    def __init__(self, costs: bytes, usual: float, slack: float) -> None:
        self._costs = costs
        self._usual = usual  # bits per trigram, on average
        self._slack = slack  # allowed excess times the square root of the number of letters: short texts vary more

    @classmethod
    def open(cls, folder: Path) -> Language | None:
        """The profile in a model folder; None in older folders, and where there were too few tweets."""
        path = folder / FILE
        try:
            raw = path.read_bytes()
            magic, version, usual, slack = HEADER.unpack_from(raw)
        except FileNotFoundError:
            return None
        except (OSError, struct.error) as error:
            raise ModelError(
                f"{path} is not a readable profile of a language ({error}): train the model again."
            ) from error
        if magic != MAGIC or version != VERSION or len(raw) != HEADER.size + BUCKETS:
            raise ModelError(f"{path} is not a profile of a language that this program knows: train the model again.")
        return cls(raw[HEADER.size :], usual, slack)

    def why_foreign(self, text: str) -> str:
        """How far the text is from what the person writes; "" where it is close, or too short to tell."""
        line = _letters(text)
        count = sum(map(str.isalpha, line))
        if count < ENOUGH_LETTERS:
            return ""
        cost, most = _cost(line, self._costs), self._usual + self._slack / math.sqrt(count)
        if cost <= most:
            return ""
        return f"unlike their tweets: {cost:.1f} bits a letter, and theirs are {self._usual:.1f}, at most {most:.1f}"


def learn(tweets: Sequence[str]) -> bytes | None:
    """The bytes of a profile; None where there are too few tweets for one."""
    lines = [line for line in map(_letters, tweets) if sum(map(str.isalpha, line)) >= ENOUGH_LETTERS]
    if len(lines) < ENOUGH_TWEETS:
        return None
    halves = lines[::2], lines[1::2]
    own = [
        (_cost(line, costs), sum(map(str.isalpha, line)))
        for half, other in (halves, halves[::-1])
        for costs in [_costs(other)]
        for line in half
    ]
    usual = sum(cost for cost, _ in own) / len(own)
    above = sorted((cost - usual) * math.sqrt(letters) for cost, letters in own)
    slack = max(0.0, above[int(len(above) * OWN)]) * MARGIN
    return HEADER.pack(MAGIC, VERSION, usual, slack) + _costs(lines)


def _letters(text: str) -> str:
    """The words of the text in lower case, separated by single spaces; no links, handles, hashtags or digits."""
    plain = unicodedata.normalize("NFKC", DROPPED.sub(" ", text)).casefold().replace("\u2019", "'")
    return f" {' '.join(WORD.findall(plain))} "


def _costs(lines: Sequence[str]) -> bytes:
    """The table of costs: for each hash, the bits of a trigram's third letter given the first two."""
    trigrams = Counter(line[at : at + 3] for line in lines for at in range(len(line) - 2))
    bigrams = Counter(line[at : at + 2] for line in lines for at in range(len(line) - 2))
    costs = bytearray([MOST]) * BUCKETS
    for trigram, count in trigrams.items():
        bucket = _bucket(trigram)
        costs[bucket] = min(costs[bucket], round(-math.log2(count / (bigrams[trigram[:2]] + UNSEEN)) * STEPS))
    return bytes(costs)


def _cost(line: str, costs: bytes) -> float:
    return sum(costs[_bucket(line[at : at + 3])] for at in range(len(line) - 2)) / (len(line) - 2) / STEPS


def _bucket(trigram: str) -> int:
    return crc32(trigram.encode("utf-8", "replace")) % BUCKETS
