"""Time, as an argument: the only file besides cli.py that reads a clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol

from bot.errors import Damaged


class Clock(Protocol):
    """Wall time says when; monotonic time says how long, whatever is done to the wall."""

    def now(self) -> datetime: ...

    def monotonic(self) -> float: ...


# Python's time ends with the year 9999, and there are sums to be done on both sides of now.
FIRST, LAST = datetime(1971, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)


CREDIBLE = datetime(2026, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)  # this program is no older


class SystemClock:
    def now(self) -> datetime:
        return min(max(datetime.now(UTC), FIRST), LAST)

    def monotonic(self) -> float:
        return time.monotonic()


def why_doubted(now: datetime) -> str | None:
    """Why a clock that says this is wrong; None where it may be right."""
    if CREDIBLE[0] <= now < CREDIBLE[1]:
        return None
    # without the time of day, so that it is said once a day, and not each minute
    return f"the clock says {now:%Y-%m-%d}, which cannot be: set it (timedatectl set-ntp true)"


def stamp(moment: datetime) -> str:
    """UTC to the millisecond; as text it sorts as in time, so SQLite can compare it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment(text: str) -> datetime:
    """What `stamp` wrote."""
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:  # SQLite has no checksums: a flipped bit may be met here first
        raise Damaged(f"the history has {text!r} for a time: it is damaged, `mynah restore FILE` a backup") from error
