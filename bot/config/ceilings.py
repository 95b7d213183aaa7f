"""Limits that no setting lifts while a bot posts on X itself.

The settings are the operator's; these protect everyone else from a slip in them. X stops an account at 2,400 posts a
day, replies included (help.x.com, "Understanding X limits"), and suspends accounts for bulk posting well before that. A
person who posts a lot writes a few dozen times a day; nobody asked for a bot that writes more.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bot.text import durations

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bot.config.settings import Settings

LEAST_GAP = timedelta(minutes=5)  # time to read a post, and to pause the bot, before the next one
MOST_PER_HOUR = 6
MOST_PER_DAY = 48
MOST_REPLIES_PER_DAY = 100  # each answers somebody who wrote to the bot, so there may be more of them


def problems(settings: Settings) -> Iterator[str]:
    """What in a live configuration exceeds the ceilings. A test server may be sent to as fast as one likes."""
    if not (settings.live and is_x(settings.x.base_url)):
        return
    for key, value, most in (
        ("posting.max_per_hour", settings.posting.max_per_hour, MOST_PER_HOUR),
        ("posting.max_per_day", settings.posting.max_per_day, MOST_PER_DAY),
        ("replies.per_day", settings.replies.per_day, MOST_REPLIES_PER_DAY),
    ):
        if value > most:
            yield f"{key}: {value} is too many for a bot that is live on X: {most} at most, whatever you set"
    if settings.posting.min_gap < LEAST_GAP:
        gap, least = durations.written(settings.posting.min_gap), durations.written(LEAST_GAP)
        yield f"posting.min_gap: {gap} is too short for a bot that is live on X: {least} at least, whatever you set"


def is_x(base_url: str) -> bool:
    """Whether this is X itself and not a test server."""
    host = f".{urlsplit(base_url).hostname or ''}".rstrip(".")
    return host.endswith((".x.com", ".twitter.com"))
