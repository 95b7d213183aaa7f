"""Does a text read like what the person writes? The language, or the languages, as a table of letter triples.

It learns from the person's tweets alone and knows no language by name: what is rare in theirs is foreign. It needs
neither torch nor numpy.

    "MYNAHLNG"  u32 version  f32 usual  f32 slack  then `BUCKETS` bytes          every number is little-endian
    each byte is what a triple costs whose hash it is, in sixteenths of a bit
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
ENOUGH_LETTERS = 20  # below that "gm" and "lol ok" are any language
ENOUGH_TWEETS = 200  # to know what is usual; with fewer nothing is called foreign
STEPS = 16  # of a bit
# What a triple costs at most. A name or a slip of the pen is none of the person's triples and should not weigh more.
MOST = 9 * STEPS
UNSEEN = 3  # added to every count of two letters: a triple met once is not certain
# Of the person's own tweets, each judged by the other half; and a margin, for people come to speak of new things.
OWN, MARGIN = 0.9975, 1.1
DROPPED = re.compile(r"(?:https?://|www\.|pic\.twitter\.com/)\S+|[@#]\w+")
WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)*")


class Language:
    """What one person writes in."""

    def __init__(self, costs: bytes, usual: float, slack: float) -> None:
        self._costs = costs
        self._usual = usual  # bits a triple, on average
        self._slack = slack  # how much more it may be, times the root of the number of letters: short texts vary more

    @classmethod
    def open(cls, folder: Path) -> Language | None:
        """The profile in a model folder; None in one of before there were any, or of few tweets."""
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
        """How far it is from what the person writes; empty where it is near, or too short to tell."""
        line = _letters(text)
        count = sum(map(str.isalpha, line))
        if count < ENOUGH_LETTERS:
            return ""
        found, most = _cost(line, self._costs), self._usual + self._slack / math.sqrt(count)
        if found <= most:
            return ""
        return f"unlike their tweets: {found:.1f} bits a letter, and theirs are {self._usual:.1f}, at most {most:.1f}"


def learn(tweets: Sequence[str]) -> bytes | None:
    """The bytes of a profile; None where there are too few texts to know what is usual."""
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
    """Its words in small letters, without links, handles, hashtags and digits, one space around each."""
    plain = unicodedata.normalize("NFKC", DROPPED.sub(" ", text)).casefold().replace("\u2019", "'")
    return f" {' '.join(WORD.findall(plain))} "


def _costs(lines: Sequence[str]) -> bytes:
    """How surprising the third letter is after two, for each triple."""
    triples = Counter(line[at : at + 3] for line in lines for at in range(len(line) - 2))
    doubles = Counter(line[at : at + 2] for line in lines for at in range(len(line) - 2))
    costs = bytearray([MOST]) * BUCKETS
    for triple, count in triples.items():
        bucket = _bucket(triple)
        costs[bucket] = min(costs[bucket], round(-math.log2(count / (doubles[triple[:2]] + UNSEEN)) * STEPS))
    return bytes(costs)


def _cost(line: str, costs: bytes) -> float:
    return sum(costs[_bucket(line[at : at + 3])] for at in range(len(line) - 2)) / (len(line) - 2) / STEPS


def _bucket(triple: str) -> int:
    return crc32(triple.encode("utf-8", "replace")) % BUCKETS
