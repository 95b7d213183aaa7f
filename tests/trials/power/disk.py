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
KEPT_SHARES = (0.0, 0.5, 0.9)  # of the writes that were not flushed; one is chosen per cut
TORN = 0.2  # share of the kept ones that are kept only in part


class Write(NamedTuple):
    end: int  # where the entry ends in the log
    sector: int
    sectors: int  # 0: not a write but a flush


class Left(NamedTuple):
    """The result of a cut."""

    until: int  # where in the log the power failed
    forgotten: int  # writes that are lost, or in part


def entries(log: BinaryIO) -> Iterator[Write]:
    """The writes and flushes of a log, in order."""
    offset = SECTOR  # after the log's header
    while True:
        log.seek(offset)
        head = log.read(ENTRY.size)
        if len(head) < ENTRY.size:
            return
        sector, sectors, flags, _ = ENTRY.unpack(head)
        if not sectors and not flags & FLUSH:  # never written: QEMU was killed here
            return
        offset += SECTOR
        if sectors and not flags & DISCARD:
            offset += sectors * SECTOR
            yield Write(offset, sector, sectors)
        if flags & FLUSH:
            yield Write(offset, 0, 0)


def forget(disk: BinaryIO, log: BinaryIO, rng: random.Random) -> Left:
    """Apply the log to the disk as it was before, up to a cut at a random moment."""
    writes = list(entries(log))
    writes = writes[: rng.randint(0, len(writes))]
    flushed = len(writes) - next((n for n, entry in enumerate(reversed(writes)) if not entry.sectors), len(writes))
    share, forgotten = rng.choice(KEPT_SHARES), 0
    for nth, entry in enumerate(writes):
        sectors = entry.sectors
        if nth >= flushed:
            if rng.random() >= share:
                sectors = 0
            elif rng.random() < TORN:
                sectors = rng.randrange(sectors)
        forgotten += sectors < entry.sectors
        log.seek(entry.end - entry.sectors * SECTOR)
        disk.seek(entry.sector * SECTOR)
        disk.write(log.read(sectors * SECTOR))
    return Left(writes[-1].end if writes else 0, forgotten)
