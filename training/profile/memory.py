"""The copy index of a model: hashes of its training tweets, to find out whether a draft copies one of them.

The texts are not in it, and without the key of memory_key.py nobody can test what the hashes stand for. It is a memory
map of sorted arrays; no torch, no numpy.

    "MYNAHMEM"  u32 version  u32 sections           every number is little-endian
    per section: name (8 bytes)  u64 offset  u64 count
    tweets       sorted u64: hashes of whole tweets, normalised
    lengths      u8: the number of words of each tweet, 255 for more
    shelves      u32, 2^16 + 1 of them: where in `grams` the bucket begins of the hashes with these 16 highest bits
    grams        u32: the next 15 bits of a 5-gram's hash and the 17-bit number of its tweet; sorted in each bucket
    handles      sorted u32: hashes of the handles that the tweets mention
    key          the name of the key of the hashes; in files of version 1 it is missing, and everybody can compute them

The numbers of the tweets are shuffled. A reader ignores sections that it does not know, so a new section needs no new
version. In older files the four before the last are missing; then only copies of whole tweets are found.
"""

from __future__ import annotations

import mmap
import struct
from array import array
from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass
from itertools import groupby
from random import Random
from typing import TYPE_CHECKING

from training.corpus.near_duplicates import NearDuplicateIndex
from training.errors import MemoryLocked, ModelError
from training.profile import handles, memory_key
from training.profile.grams import keys, spans, spell, weigh
from training.profile.memory_key import UNKEYED, Hashes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

FILE = "memory.bin"  # its name in a model folder
MAGIC = b"MYNAHMEM"
OPEN, KEYED = 1, 2  # versions
HEADER = struct.Struct("<8sII")
SECTION = struct.Struct("<8sQQ")
TWEETS, LENGTHS, BUCKETS, GRAMS, HANDLES, KEY = b"tweets", b"lengths", b"shelves", b"grams", b"handles", b"key"
RUN = 8  # this many consecutive words of a tweet count as a copy; so long a match is hardly ever chance
HALF, FEWEST = 0.5, 6  # this share of a tweet's words is a copy too, if it is at least FEWEST words
# A gram in this many different tweets is a habit of the person, a slogan or a greeting, and never counts as a copy.
HABIT = 3
BUCKET_BITS, LOW_BITS, TWEET_BITS = 16, 15, 17
BUCKET_COUNT = 2**BUCKET_BITS
LOW = 2**LOW_BITS - 1
TWEET = 2**TWEET_BITS - 1
OF_ALL = TWEET  # stored instead of a tweet's number for a habit; with more tweets than this, several share a number
LONGEST = 255


@dataclass(frozen=True, slots=True)
class _Runs:
    """The three sections about grams; empty for an older file."""

    lengths: memoryview | bytes = b""
    buckets: memoryview | Sequence[int] = ()
    grams: memoryview | Sequence[int] = ()

    def find(self, keys: Sequence[int]) -> list[tuple[int, int]]:
        """(index into `keys`, number of a tweet) for each tweet that has the gram."""
        buckets, entries, matches = self.buckets, self.grams, []
        for index, key in enumerate(keys):
            bucket = key >> BUCKET_BITS
            end = buckets[bucket + 1]
            low = ((key >> 1) & LOW) << TWEET_BITS
            at = bisect_left(entries, low, buckets[bucket], end)
            while at < end and entries[at] <= low | TWEET:
                matches.append((index, entries[at] & TWEET))
                at += 1
        return matches

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """(the stored 31 bits of a hash, the number of its tweet), sorted."""
        for bucket in range(len(self.buckets) - 1):
            for at in range(self.buckets[bucket], self.buckets[bucket + 1]):
                yield bucket << LOW_BITS | self.grams[at] >> TWEET_BITS, self.grams[at] & TWEET


class Memory:
    """The copy index of one model. A lookup takes microseconds, and the kernel may drop the pages."""

    def __init__(self, tweets: memoryview, runs: _Runs, handle_hashes: Iterable[int], hashes: Hashes) -> None:
        self.hashes = hashes
        self._tweets = tweets  # sorted u64
        self.runs = runs
        self.handles = frozenset(handle_hashes)  # some hundreds

    def __len__(self) -> int:
        return len(self._tweets)

    def __iter__(self) -> Iterator[int]:
        return iter(self._tweets)

    @classmethod
    def open(cls, folder: Path) -> Memory:
        """The index in a model folder."""
        path = folder / FILE
        try:
            with path.open("rb") as file:
                raw = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
            sections = _sections(raw)
            hashes = memory_key.hashes_named(bytes(sections[KEY]), folder.parent) if KEY in sections else UNKEYED
            if hashes is None:
                raise MemoryLocked(
                    f"{path} belongs to another {memory_key.FILE} than the one in {folder.parent.parent}: put back the "
                    "one from where the model was trained, or retrain from the base. Copies of tweets cannot be found."
                )
            return cls(sections[TWEETS].cast("Q"), _runs(sections), sections.get(HANDLES, raw[:0]).cast("I"), hashes)
        except (OSError, ValueError, struct.error) as error:
            raise ModelError(f"{path} is not a readable memory of tweets ({error}): train the model again.") from error

    def said(self, text: str) -> bool:
        """Whether the text is one of the tweets, up to case, width, spaces and the punctuation around it."""
        key = self.hashes.tweet(text)
        at = bisect_left(self._tweets, key)
        return at < len(self._tweets) and self._tweets[at] == key

    def why_copied(self, text: str) -> str:
        """What the text copies from a tweet, in words; "" if nothing."""
        if self.said(text):
            return "the whole of a tweet"
        if not self.runs.buckets:
            return ""
        spelt = spell(text)
        weights = weigh(spelt)
        # A copy has six words in a row, which are two grams: every second gram is enough to rule a copy out.
        if self.runs.find(self._keys(spelt, weights, step=2)) and (why := self._why_runs(spelt, weights)):
            return why
        handle = handles.first_in(text, spelt, self.handles, self.hashes.word) if self.handles else ""
        return f"a handle out of the tweets: {handle}" if handle else ""

    def _keys(self, spelt: Sequence[str], weights: Sequence[float] | None, step: int = 1) -> list[int]:
        return keys(spelt, weights, step=step, hash_of=self.hashes.short)

    def _why_runs(self, spelt: Sequence[str], weights: Sequence[float] | None) -> str:
        where = spans(spelt, weights)
        positions: defaultdict[int, set[int]] = defaultdict(set)  # of the shared words, by tweet
        for gram, tweet in self.runs.find(self._keys(spelt, weights)):
            positions[tweet].update(range(*where[gram]))
        positions.pop(OF_ALL, None)
        reasons = (
            self._why(tweet, sorted(own), spelt, weights or [1.0] * len(spelt)) for tweet, own in positions.items()
        )
        return next(filter(None, reasons), "")

    def _why(self, tweet: int, shared: Sequence[int], spelt: Sequence[str], weights: Sequence[float]) -> str:
        """Why these words, all found in one tweet, are a copy: too many in a row, or too large a share of the tweet."""
        row = max(_rows(shared), key=lambda row: sum(weights[position] for position in row))
        in_a_row = sum(weights[position] for position in row)
        if in_a_row >= RUN:
            return f"{in_a_row:g} words in a row of one tweet: {_shown(row, spelt, weights)}"
        in_all, of = sum(weights[position] for position in shared), self.runs.lengths[tweet]
        if in_all >= max(FEWEST, HALF * of):
            return f"{in_all:g} of the {of} words of a tweet: {_shown(shared, spelt, weights)}"
        return ""


def memorise(tweets: Iterable[str], *, also: Memory | None = None, key: bytes = b"") -> bytes:
    """The bytes of a copy index of these tweets and of all that another one holds, whose key is kept."""
    texts = list(tweets)
    hash_functions = also.hashes if also else Hashes(key)
    hashes = sorted({hash_functions.tweet(text) for text in texts}.union(also or ()))
    lengths, buckets, entries = _indexed(texts, also.runs if also else _Runs(), hash_functions)
    mentioned, words = handles.learn(texts, hash_functions.word)
    mentioned |= also.handles - words if also else set()
    sections: dict[bytes, array[int] | bytes] = {TWEETS: array("Q", hashes), LENGTHS: lengths, BUCKETS: buckets}
    sections |= {GRAMS: entries, HANDLES: array("I", sorted(mentioned))}
    return _file(sections | {KEY: hash_functions.name} if hash_functions.key else sections)


def _indexed(texts: Sequence[str], before: _Runs, hashes: Hashes) -> tuple[bytes, array[int], array[int]]:
    """Lengths, buckets and grams of these texts and those before; a gram of many tweets is kept as a habit."""
    shuffled = _shuffled(min(len(before.lengths) + len(texts), OF_ALL), hashes.key)
    lengths = bytearray(len(shuffled))
    for number, length in enumerate(before.lengths):
        lengths[shuffled[number]] = length
    entries = [key << TWEET_BITS | (tweet if tweet == OF_ALL else shuffled[tweet]) for key, tweet in before]
    numbers: dict[int, int] = {}  # number of a tweet -> index of its text
    for index, text in enumerate(texts):
        spelt = spell(text)
        weights = weigh(spelt)
        length = min(LONGEST, round(sum(weights) if weights else len(spelt)))
        number = shuffled[(len(before.lengths) + index) % OF_ALL]
        lengths[number] = max(length, lengths[number])
        numbers[number] = index
        entries += {(key >> 1) << TWEET_BITS | number for key in keys(spelt, weights, hash_of=hashes.short)}
    entries.sort()
    buckets, kept = array("I", [0] * (BUCKET_COUNT + 1)), array("I")
    for entry in _with_habits(entries, numbers, texts):
        kept.append(entry & (LOW << TWEET_BITS | TWEET))
        buckets[(entry >> (LOW_BITS + TWEET_BITS)) + 1] = len(kept)
    for bucket in range(BUCKET_COUNT):  # an empty one ends where it begins
        buckets[bucket + 1] = max(buckets[bucket + 1], buckets[bucket])
    return bytes(lengths), buckets, kept


def _shuffled(count: int, key: bytes) -> list[int]:
    """The numbers of the tweets: with a key not in their order, which is that of time."""
    numbers = list(range(count))
    if key:
        Random(key).shuffle(numbers)  # the same each time, so that a resumed training ends with the same file
    return numbers


def _with_habits(entries: Sequence[int], numbers: dict[int, int], texts: Sequence[str]) -> Iterator[int]:
    """The entries, sorted; a single one for a gram of `HABIT` tweets that are not near-duplicates."""
    rows = [list(row) for _, row in groupby(entries, key=lambda entry: entry >> TWEET_BITS)]
    frequent = [row for row in rows if len(row) >= HABIT]
    indexes = sorted({numbers[entry & TWEET] for row in frequent for entry in row if entry & TWEET in numbers})
    originals = dict(zip(indexes, _originals([texts[index] for index in indexes]), strict=True))
    for row in rows:
        is_habit = row[-1] & TWEET == OF_ALL  # already a habit in the earlier index
        if len(row) >= HABIT and not is_habit:
            tweets = [entry & TWEET for entry in row]
            different = {originals[numbers[tweet]] if tweet in numbers else ~tweet for tweet in tweets}
            is_habit = len(different) >= HABIT
        yield from [row[-1] | TWEET] if is_habit else row


def _shown(positions: Sequence[int], spelt: Sequence[str], weights: Sequence[float]) -> str:
    return "".join((" " if weights[position] == 1 else "") + spelt[position] for position in positions).strip()


def _rows(positions: Sequence[int]) -> list[list[int]]:
    """Split the positions into runs of consecutive numbers."""
    groups = groupby(enumerate(positions), key=lambda numbered: numbered[1] - numbered[0])
    return [[position for _, position in row] for _, row in groups]


def _originals(texts: Sequence[str]) -> list[int]:
    """For each text the first of its near-duplicates, perhaps itself."""
    index = NearDuplicateIndex(texts)
    originals = []
    for number in range(len(texts)):
        original = index.find_duplicate(number)
        original = index.find_near_duplicate(number) if original is None else original
        if original is None:
            index.add(number)
        originals.append(number if original is None else original)
    return originals


def _file(sections: dict[bytes, array[int] | bytes]) -> bytes:
    offset = HEADER.size + len(sections) * SECTION.size
    table = b""
    for name, content in sections.items():
        table += SECTION.pack(name, offset, len(content))
        offset += len(content) * memoryview(content).itemsize
    return (
        HEADER.pack(MAGIC, KEYED if KEY in sections else OPEN, len(sections))
        + table
        + b"".join(map(bytes, sections.values()))
    )


def _sections(raw: memoryview) -> dict[bytes, memoryview]:
    magic, version, count = HEADER.unpack_from(raw)
    if magic != MAGIC:
        raise ValueError("it does not begin as such a file does")
    if version not in {OPEN, KEYED}:
        raise ValueError(f"its version is {version}; this program reads versions up to {KEYED}")
    sizes = {TWEETS: 8, LENGTHS: 1, BUCKETS: 4, GRAMS: 4, HANDLES: 4, KEY: 1}
    sections = {}
    for number in range(count):
        padded, offset, length = SECTION.unpack_from(raw, HEADER.size + number * SECTION.size)
        if size := sizes.get(name := padded.rstrip(b"\0")):
            if offset + size * length > len(raw):
                raise ValueError("it is cut off")
            sections[name] = raw[offset : offset + size * length]  # torch runs on little-endian machines only
    if TWEETS not in sections:
        raise ValueError("it has no section tweets")
    if (version == KEYED) != (KEY in sections):
        raise ValueError("it does not name its key")
    return sections


def _runs(sections: dict[bytes, memoryview]) -> _Runs:
    if not {LENGTHS, BUCKETS, GRAMS} <= sections.keys():
        return _Runs()
    buckets, entries = sections[BUCKETS].cast("I"), sections[GRAMS].cast("I")
    if len(buckets) != BUCKET_COUNT + 1 or buckets[-1] != len(entries):
        raise ValueError("its section shelves is not in order")
    return _Runs(sections[LENGTHS], buckets, entries)
