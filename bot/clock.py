"""The clock, passed as an argument. No other file of the bot reads the system's clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol

from bot.errors import Damaged


class Clock(Protocol):
    """Wall time for dates, and monotonic time for durations, which setting the clock does not change."""

    def now(self) -> datetime: ...

    def monotonic(self) -> float: ...


# Python's datetime ends with the year 9999; this leaves room to add and subtract.
FIRST, LAST = datetime(1971, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)


# The program is from 2026, and X's ids of 63 bits, which hold the time, end in 2080.
CREDIBLE = datetime(2026, 1, 1, tzinfo=UTC), datetime(2080, 1, 1, tzinfo=UTC)


class SystemClock:
    def now(self) -> datetime:
        return min(max(datetime.now(UTC), FIRST), LAST)

    def monotonic(self) -> float:
        return time.monotonic()


def why_doubted(now: datetime) -> str | None:
    """Return why a clock that shows `now` must be wrong, or None if it may be right."""
    if CREDIBLE[0] <= now < CREDIBLE[1]:
        return None
    # without the time of day, so that it is logged once a day and not each minute
    return f"the clock says {now:%Y-%m-%d}, which cannot be right: set it (timedatectl set-ntp true)"


def stamp(moment: datetime) -> str:
    """UTC to the millisecond, as text that sorts by time, so that SQLite can compare it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment(text: str) -> datetime:
    """Parse a time that `stamp` wrote."""
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:  # SQLite has no checksums: a flipped bit may show here first
        raise Damaged(f"the history has {text!r} for a time: it is damaged, `mynah restore FILE` a backup") from error
