"""Times, spans and amounts as people say them, in the time zone of the schedule."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime
    from zoneinfo import ZoneInfo

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def span(length: timedelta) -> str:
    """Two units at most: 45 s, 10 min, 2 h 10 min, 3 days."""
    seconds = round(abs(length).total_seconds())
    if seconds < 60:
        return f"{seconds} s"
    minutes = round(seconds / 60)
    hours, minutes = divmod(minutes, 60)
    if not hours:
        return f"{minutes} min"
    if hours < 24:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return counted(round(seconds / DAY.total_seconds()), "day")


def relative(then: datetime, now: datetime) -> str:
    """`in 2 h 10 min` or `2 h 10 min ago`; a few seconds are `now`."""
    if abs(then - now) < timedelta(seconds=5):
        return "now"
    return f"in {span(then - now)}" if then > now else f"{span(now - then)} ago"


def local(moment: datetime, zone: ZoneInfo, now: datetime) -> str:
    """`14:05` today, `Tue 1 Dec, 14:05` within half a year, else with the year."""
    there, today = moment.astimezone(zone), now.astimezone(zone)
    if there.date() == today.date():
        return f"{there:%H:%M}"
    day = f"{there:%a} {there.day} {there:%b}"
    return f"{day}, {there:%H:%M}" if abs(moment - now) < 183 * DAY else f"{day} {there.year}, {there:%H:%M}"


def counted(number: int, noun: str, nouns: str = "") -> str:
    """`1 draft`, `12,000 drafts`."""
    return f"{number:,} {noun if number == 1 else nouns or noun + 's'}"


def dollars(amount: float) -> str:
    """Whole cents, but small amounts to a tenth of one, which is X's smallest price."""
    return f"${amount:,.2f}" if amount >= 1 or round(amount, 3) == round(amount, 2) else f"${amount:.3f}"
