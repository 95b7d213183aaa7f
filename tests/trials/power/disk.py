"""A disk that forgets: the result of a power cut that also loses the disk's cache.

QEMU logs what the guest writes and when it flushes (its driver blklogwrites, in the format of Linux' dm-log-writes).
What was written before the last flush is kept; any part of what came after may be lost.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

SECTOR = 512
ENTRY = struct.Struct("<QQQQ")  # sector, number of sectors, flags, length of a note
FLUSH, DISCARD = 1, 4
KEPT = (0.0, 0.5, 0.9)  # of what was not flushed; one of them a cut
TORN = 0.2  # of what is kept of that, how many only in part


class Write(NamedTuple):
    end: int  # where the entry ends in the log
    sector: int
    sectors: int  # 0: not a write but a flush


class Left(NamedTuple):
    """What a cut has left of it."""

    until: int  # how much of the log the power lasted for
    forgotten: int  # writes that are gone, or in part


def entries(log: BinaryIO) -> Iterator[Write]:
    """In the order in which they were done."""
    place = SECTOR  # behind the log's own head
    while True:
        log.seek(place)
        head = log.read(ENTRY.size)
        if len(head) < ENTRY.size:
            return
        sector, sectors, flags, _ = ENTRY.unpack(head)
        if not sectors and not flags & FLUSH:  # never written: QEMU was killed here
            return
        place += SECTOR
        if sectors and not flags & DISCARD:
            place += sectors * SECTOR
            yield Write(place, sector, sectors)
        if flags & FLUSH:
            yield Write(place, 0, 0)


def forget(disk: BinaryIO, log: BinaryIO, chance: random.Random) -> Left:
    """Bring the disk, as it was before, to where a cut at any moment of the log leaves it."""
    logged = list(entries(log))
    logged = logged[: chance.randint(0, len(logged))]
    flushed = len(logged) - next((n for n, entry in enumerate(reversed(logged)) if not entry.sectors), len(logged))
    share, forgotten = chance.choice(KEPT), 0
    for nth, entry in enumerate(logged):
        sectors = entry.sectors
        if nth >= flushed:
            if chance.random() >= share:
                sectors = 0
            elif chance.random() < TORN:
                sectors = chance.randrange(sectors)
        forgotten += sectors < entry.sectors
        log.seek(entry.end - entry.sectors * SECTOR)
        disk.seek(entry.sector * SECTOR)
        disk.write(log.read(sectors * SECTOR))
    return Left(logged[-1].end if logged else 0, forgotten)
