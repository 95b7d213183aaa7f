"""What a model must remember of the tweets it learnt from, without the texts: sorted hashes in a memory map.

It knows nothing of models or of where the tweets came from, and needs neither torch nor numpy.

    "MYNAHMEM"  u32 version  u32 sections           every number is little-endian
    per section: name (8 bytes)  u64 offset  u64 count
    tweets       sorted u64: whole tweets, normalised
    lengths      u8: the words of each tweet, 255 for more
    shelves      u32, 2^16 + 1 of them: where in `grams` those begin whose key has these 16 highest bits
    grams        u32: the next 15 bits of the key, and 17 bits that say in which tweet; sorted on each shelf
    handles      sorted u32: whom the tweets call on

A reader looks up the sections that it knows by name and ignores the others, so that new ones need no new version. A
file without the last four is of before there were any: only whole tweets are known then.
"""

from __future__ import annotations

import mmap
import struct
from array import array
from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass
from hashlib import blake2b
from itertools import groupby
from typing import TYPE_CHECKING

from training.corpus.near_duplicates import NearDuplicateIndex
from training.corpus.normalise import normalise
from training.errors import ModelError
from training.profile import handles
from training.profile.grams import keys, spans, spell, weigh

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

FILE = "memory.bin"  # its name in a model folder
MAGIC = b"MYNAHMEM"
VERSION = 1
HEADER = struct.Struct("<8sII")
SECTION = struct.Struct("<8sQQ")
TWEETS, LENGTHS, SHELVES, GRAMS, HANDLES = b"tweets", b"lengths", b"shelves", b"grams", b"handles"
RUN = 8  # words in a row out of one tweet are a copy: hardly ever met by chance
HALF, FEWEST = 0.5, 6  # so is this share of a tweet, if it is so many words
# Five words that stand in so many different tweets are how the person speaks: a slogan, a greeting. They copy nothing.
MANNER = 3
SHELF_BITS, LOW_BITS, TWEET_BITS = 16, 15, 17
SHELVES_IN_ALL = 2**SHELF_BITS
LOW = 2**LOW_BITS - 1
TWEET = 2**TWEET_BITS - 1
OF_ALL = TWEET  # in the place of a tweet: it is the person's manner. More tweets than that share numbers
LONGEST = 255


@dataclass(frozen=True, slots=True)
class _Runs:
    """The three sections about grams; empty for a file without them."""

    lengths: memoryview | bytes = b""
    shelves: memoryview | Sequence[int] = ()
    grams: memoryview | Sequence[int] = ()

    def find(self, wanted: Sequence[int]) -> list[tuple[int, int]]:
        """(its place among the wanted, a tweet that it stands in) of each gram that is known."""
        shelves, entries, found = self.shelves, self.grams, []
        for place, key in enumerate(wanted):
            shelf = key >> SHELF_BITS
            end = shelves[shelf + 1]
            low = ((key >> 1) & LOW) << TWEET_BITS
            at = bisect_left(entries, low, shelves[shelf], end)
            while at < end and entries[at] <= low | TWEET:
                found.append((place, entries[at] & TWEET))
                at += 1
        return found

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """(the 31 bits that are kept of a key, its tweet), in their order."""
        for shelf in range(len(self.shelves) - 1):
            for at in range(self.shelves[shelf], self.shelves[shelf + 1]):
                yield shelf << LOW_BITS | self.grams[at] >> TWEET_BITS, self.grams[at] & TWEET


class Memory:
    """The tweets of one model; it answers in microseconds and the kernel may drop the pages."""

    def __init__(self, tweets: memoryview, runs: _Runs, called: Iterable[int]) -> None:
        self._tweets = tweets  # sorted u64
        self.runs = runs
        self.handles = frozenset(called)  # some hundreds

    def __len__(self) -> int:
        return len(self._tweets)

    def __iter__(self) -> Iterator[int]:
        return iter(self._tweets)

    @classmethod
    def open(cls, folder: Path) -> Memory:
        """The memory in a model folder."""
        path = folder / FILE
        try:
            with path.open("rb") as file:
                raw = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
            sections = _sections(raw)
            return cls(sections[TWEETS].cast("Q"), _runs(sections), sections.get(HANDLES, raw[:0]).cast("I"))
        except (OSError, ValueError, struct.error) as error:
            raise ModelError(f"{path} is not a readable memory of tweets ({error}): train the model again.") from error

    def said(self, text: str) -> bool:
        """Is this text one of the tweets, up to case, width, spaces and the punctuation around it?"""
        wanted = fingerprint(text)
        at = bisect_left(self._tweets, wanted)
        return at < len(self._tweets) and self._tweets[at] == wanted

    def why_copied(self, text: str) -> str:
        """What it has of a tweet, in words; empty if it is its own."""
        if self.said(text):
            return "the whole of a tweet"
        if not self.runs.shelves:
            return ""
        spelt = spell(text)
        weights = weigh(spelt)
        # Six words in a row are two grams, so one of them is here: what is its own is known after half the work.
        if self.runs.find(keys(spelt, weights, step=2)) and (why := self._why_runs(spelt, weights)):
            return why
        handle = handles.first_in(text, spelt, self.handles) if self.handles else ""
        return f"a handle out of the tweets: {handle}" if handle else ""

    def _why_runs(self, spelt: Sequence[str], weights: Sequence[float] | None) -> str:
        where = spans(spelt, weights)
        places: defaultdict[int, set[int]] = defaultdict(set)
        for place, tweet in self.runs.find(keys(spelt, weights)):
            places[tweet].update(range(*where[place]))
        places.pop(OF_ALL, None)
        found = (self._why(tweet, sorted(own), spelt, weights or [1.0] * len(spelt)) for tweet, own in places.items())
        return next(filter(None, found), "")

    def _why(self, tweet: int, found: Sequence[int], spelt: Sequence[str], weights: Sequence[float]) -> str:
        """Whether these words, all out of this tweet, are too many of it or in a row."""
        row = max(_rows(found), key=lambda row: sum(weights[place] for place in row))
        in_a_row = sum(weights[place] for place in row)
        if in_a_row >= RUN:
            return f"{in_a_row:g} words in a row of one tweet: {_shown(row, spelt, weights)}"
        in_all, of = sum(weights[place] for place in found), self.runs.lengths[tweet]
        if in_all >= max(FEWEST, HALF * of):
            return f"{in_all:g} of the {of} words of a tweet: {_shown(found, spelt, weights)}"
        return ""


def memorise(tweets: Iterable[str], *, also: Memory | None = None) -> bytes:
    """The bytes of a memory file; what another memory holds is remembered too."""
    texts = list(tweets)
    hashes = sorted({fingerprint(text) for text in texts}.union(also or ()))
    lengths, shelves, entries = _indexed(texts, also.runs if also else _Runs())
    called, words = handles.learn(texts)
    called |= also.handles - words if also else set()
    sections: dict[bytes, array[int] | bytes] = {TWEETS: array("Q", hashes), LENGTHS: lengths, SHELVES: shelves}
    return _file(sections | {GRAMS: entries, HANDLES: array("I", sorted(called))})


def fingerprint(text: str) -> int:
    return int.from_bytes(blake2b(normalise(text).encode("utf-8", "replace"), digest_size=8).digest(), "little")


def _indexed(texts: Sequence[str], before: _Runs) -> tuple[bytes, array[int], array[int]]:
    """Lengths, shelves and grams of these and those before; what stands in many tweets is kept as manner."""
    lengths = bytearray(before.lengths)
    entries = [key << TWEET_BITS | tweet for key, tweet in before]
    numbers: dict[int, int] = {}  # which of the texts has this number, as far as numbers reach
    for place, text in enumerate(texts):
        spelt = spell(text)
        weights = weigh(spelt)
        length = min(LONGEST, round(sum(weights) if weights else len(spelt)))
        number = (len(before.lengths) + place) % OF_ALL
        if number < len(lengths):
            lengths[number] = max(length, lengths[number])
        else:
            lengths.append(length)
        numbers[number] = place
        entries += {(key >> 1) << TWEET_BITS | number for key in keys(spelt, weights)}
    entries.sort()
    shelves, kept = array("I", [0] * (SHELVES_IN_ALL + 1)), array("I")
    for entry in _with_manner(entries, numbers, texts):
        kept.append(entry & (LOW << TWEET_BITS | TWEET))
        shelves[(entry >> (LOW_BITS + TWEET_BITS)) + 1] = len(kept)
    for shelf in range(SHELVES_IN_ALL):  # an empty one ends where it begins
        shelves[shelf + 1] = max(shelves[shelf + 1], shelves[shelf])
    return bytes(lengths), shelves, kept


def _with_manner(entries: Sequence[int], numbers: dict[int, int], texts: Sequence[str]) -> Iterator[int]:
    """The entries, sorted; one alone where a gram stands in `MANNER` tweets that are not nearly the same."""
    rows = [list(row) for _, row in groupby(entries, key=lambda entry: entry >> TWEET_BITS)]
    often = [row for row in rows if len(row) >= MANNER]
    places = sorted({numbers[entry & TWEET] for row in often for entry in row if entry & TWEET in numbers})
    first = _first_alike([texts[place] for place in places])
    alike = dict(zip(places, first, strict=True))
    for row in rows:
        is_manner = row[-1] & TWEET == OF_ALL  # it was before
        if len(row) >= MANNER and not is_manner:
            tweets = [entry & TWEET for entry in row]
            different = {alike[numbers[tweet]] if tweet in numbers else ~tweet for tweet in tweets}
            is_manner = len(different) >= MANNER
        yield from [row[-1] | TWEET] if is_manner else row


def _shown(places: Sequence[int], spelt: Sequence[str], weights: Sequence[float]) -> str:
    return "".join((" " if weights[place] == 1 else "") + spelt[place] for place in places).strip()


def _rows(places: Sequence[int]) -> list[list[int]]:
    """The stretches without a gap."""
    process_group = groupby(enumerate(places), key=lambda numbered: numbered[1] - numbered[0])
    return [[place for _, place in row] for _, row in process_group]


def _first_alike(texts: Sequence[str]) -> list[int]:
    """For each text the first one that it is nearly the same as, itself perhaps."""
    shelf = NearDuplicateIndex(texts)
    first = []
    for number in range(len(texts)):
        near = shelf.find_same(number)
        near = shelf.find_near(number) if near is None else near
        if near is None:
            shelf.put(number)
        first.append(number if near is None else near)
    return first


def _file(sections: dict[bytes, array[int] | bytes]) -> bytes:
    offset = HEADER.size + len(sections) * SECTION.size
    table = b""
    for name, content in sections.items():
        table += SECTION.pack(name, offset, len(content))
        offset += len(content) * memoryview(content).itemsize
    return HEADER.pack(MAGIC, VERSION, len(sections)) + table + b"".join(map(bytes, sections.values()))


def _sections(raw: memoryview) -> dict[bytes, memoryview]:
    magic, version, count = HEADER.unpack_from(raw)
    if magic != MAGIC:
        raise ValueError("it does not begin like one")
    if version != VERSION:
        raise ValueError(f"its version is {version}, this program knows {VERSION}")
    sizes = {TWEETS: 8, LENGTHS: 1, SHELVES: 4, GRAMS: 4, HANDLES: 4}
    found = {}
    for number in range(count):
        padded, offset, length = SECTION.unpack_from(raw, HEADER.size + number * SECTION.size)
        if size := sizes.get(name := padded.rstrip(b"\0")):
            if offset + size * length > len(raw):
                raise ValueError("it is cut off")
            found[name] = raw[offset : offset + size * length]  # torch runs on little-endian machines only
    if TWEETS not in found:
        raise ValueError("it has no section tweets")
    return found


def _runs(sections: dict[bytes, memoryview]) -> _Runs:
    if not {LENGTHS, SHELVES, GRAMS} <= sections.keys():
        return _Runs()
    shelves, entries = sections[SHELVES].cast("I"), sections[GRAMS].cast("I")
    if len(shelves) != SHELVES_IN_ALL + 1 or shelves[-1] != len(entries):
        raise ValueError("its shelves are not in order")
    return _Runs(sections[LENGTHS], shelves, entries)
