"""Times as people say them: "in 2 h 10 min", "3 days ago", "tomorrow 09:10 CET"."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

SOON = timedelta(seconds=45)
UNITS = (("day", 86_400), ("h", 3_600), ("min", 60))
WEEK = 7  # days; within them, the name of a day says which


def span(duration: timedelta) -> str:
    """The two largest units of a duration, rounded down: "2 h 10 min"; days alone from a week on."""
    seconds = int(abs(duration.total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    parts = []
    for unit, size in UNITS:
        number, seconds = divmod(seconds, size)
        if number:
            plural = "s" if unit == "day" and number > 1 else ""
            parts.append(f"{number} {unit}{plural}")
        if unit == "day" and number >= WEEK:
            break
    return " ".join(parts[:2])


def distance(moment: datetime, now: datetime) -> str:
    """How far a moment is from now: "in 2 h 10 min", "5 min ago"."""
    apart = moment - now
    if abs(apart) < SOON:
        return "now" if apart >= timedelta(0) else "just now"
    # a second that has passed since `now` was read must not turn "in 2 h" into "in 1 h 59 min"
    return f"in {span(apart + timedelta(seconds=1))}" if apart > timedelta(0) else f"{span(apart)} ago"


def clock_time(moment: datetime, now: datetime, zone: tzinfo) -> str:
    """The moment on the clocks of the zone, which is named; the day where it is not today."""
    there, today = moment.astimezone(zone), now.astimezone(zone).date()
    days = (there.date() - today).days
    near = {-1: "yesterday ", 0: "", 1: "tomorrow "}
    if days in near:
        day = near[days]
    elif 0 < days < WEEK:
        day = f"{there:%A} "
    else:
        day = f"{there.day} {there:%B} " if there.year == today.year else f"{there.day} {there:%B %Y} "
    return f"{day}{there:%H:%M} {zone_name(there)}"


def said(moment: datetime, now: datetime, zone: tzinfo) -> str:
    """Both: "in 2 h 10 min (21:30 CET)"."""
    return f"{distance(moment, now)} ({clock_time(moment, now, zone)})"


def zone_name(there: datetime) -> str:
    """The zone's own short name; where it has only a number, that after UTC."""
    name = there.tzname() or ""
    return f"UTC{name}" if name[:1] in "+-" else name
