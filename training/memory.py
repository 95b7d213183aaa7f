"""What a model must remember of the tweets it learnt from, without the texts: sorted hashes in a memory map.

It knows nothing of models or of where the tweets came from, and needs neither torch nor numpy.

    "MYNAHMEM"  u32 version  u32 sections           every number is little-endian
    per section: name (8 bytes)  u64 offset  u64 count
    the sections: `count` sorted u64 hashes each

A reader looks up the sections that it knows by name and ignores the others, so that new ones need no new version.
"""

from __future__ import annotations

import mmap
import struct
import unicodedata
from bisect import bisect_left
from hashlib import blake2b
from typing import TYPE_CHECKING

from training.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

FILE = "memory.bin"  # its name in a model folder
MAGIC = b"MYNAHMEM"
VERSION = 1
HEADER = struct.Struct("<8sII")
SECTION = struct.Struct("<8sQQ")
TWEETS = b"tweets"  # whole tweets, normalised


class Memory:
    """The tweets of one model; `said` answers in microseconds and the kernel may drop the pages."""

    def __init__(self, tweets: memoryview) -> None:
        self._tweets = tweets  # sorted u64

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
            return cls(_section(raw, TWEETS))
        except (OSError, ValueError, struct.error) as error:
            raise ModelError(f"{path} is not a readable memory of tweets ({error}): train the model again.") from error

    def said(self, text: str) -> bool:
        """Is this text one of the tweets, up to case, width, spaces and the punctuation around it?"""
        wanted = fingerprint(text)
        at = bisect_left(self._tweets, wanted)
        return at < len(self._tweets) and self._tweets[at] == wanted


def memorise(tweets: Iterable[str], *, also: Memory | None = None) -> bytes:
    """The bytes of a memory file; what another memory holds is remembered too."""
    hashes = sorted({fingerprint(tweet) for tweet in tweets}.union(also or ()))
    offset = HEADER.size + SECTION.size
    return b"".join(
        (
            HEADER.pack(MAGIC, VERSION, 1),
            SECTION.pack(TWEETS, offset, len(hashes)),
            struct.pack(f"<{len(hashes)}Q", *hashes),
        )
    )


def fingerprint(text: str) -> int:
    return int.from_bytes(blake2b(normalise(text).encode("utf-8", "replace"), digest_size=8).digest(), "little")


def normalise(text: str) -> str:
    """The same for texts that a reader would call the same."""
    # case folding can undo NFKC ("ϓ" folds to a form that composes again), so compose once more
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    spaced = " ".join(folded.split())
    start, end = 0, len(spaced)
    while start < end and _is_trimming(spaced[start]):
        start += 1
    while end > start and _is_trimming(spaced[end - 1]):
        end -= 1
    return spaced[start:end] or spaced  # "?!" stays itself, else all tweets of punctuation were one


def _is_trimming(character: str) -> bool:
    return unicodedata.category(character)[0] in "PZC"


def _section(raw: memoryview, name: bytes) -> memoryview:
    magic, version, count = HEADER.unpack_from(raw)
    if magic != MAGIC:
        raise ValueError("it does not begin like one")
    if version != VERSION:
        raise ValueError(f"its version is {version}, this program knows {VERSION}")
    for number in range(count):
        found, offset, length = SECTION.unpack_from(raw, HEADER.size + number * SECTION.size)
        if found.rstrip(b"\0") == name:
            if offset + 8 * length > len(raw):
                raise ValueError("it is cut off")
            return raw[offset : offset + 8 * length].cast("Q")  # torch runs on little-endian machines only
    raise ValueError(f"it has no section {name.decode()}")
