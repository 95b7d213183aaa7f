"""Durations as people write them: 10s, 20m, 1h30m, 2d."""

from __future__ import annotations

import re
from datetime import timedelta

_UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_SHAPE = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?")
_LONGEST = 366 * 86_400


def parsed(text: object) -> timedelta:
    """Parse a duration. Raises ValueError with a message for the user."""
    if isinstance(text, timedelta):
        return text
    match = _SHAPE.fullmatch(str(text).strip().lower())
    if match is None or not any(match.groups()):
        raise ValueError(f"{str(text)!r} is not a duration: use 30s, 10m, 1h30m or 2d")
    seconds = sum(float(number or 0) * size for number, size in zip(match.groups(), _UNITS.values(), strict=True))
    if not 0 <= seconds <= _LONGEST:
        raise ValueError(f"{str(text)!r} is longer than a year: use at most 366d")
    return timedelta(seconds=seconds)


def written(duration: timedelta) -> str:
    """Format a duration in the shortest form that `parsed` can read."""
    left = duration.total_seconds()
    parts = []
    for unit, size in _UNITS.items():
        number = left // size if unit != "s" else left
        left -= number * size
        if number:
            parts.append(f"{number:g}{unit}")
    return "".join(parts) or "0s"
