"""Until when a bot has nothing to do, unless somebody writes to its folder. Then a heartbeat is a look at three files.

Opening the history takes a millisecond: for a thousand bots, four times a minute, that alone is 7 % of a core. Looking
whether files have changed leaves all of them together at a third of a per cent (docs/fleet.md).
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from bot.config.load import CONFIG
from bot.history import mentions, review
from bot.replies import polling
from bot.running import assembly

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from bot.config.state_dir import StateDir
    from bot.history.store import Store
    from bot.running.app import Parts

LONGEST = timedelta(hours=1)  # then a backup may be due, or something that this file does not know


def rests_until(parts: Parts, store: Store, now: datetime, *, soon: datetime) -> datetime:
    """When the bot has to look again; `soon` is its next ordinary heartbeat."""
    return max(soon, min([now + LONGEST, *_times(parts, store, now, soon)]))


def stamp(state_dir: StateDir) -> tuple[int, ...]:
    """What changes when another process posts, reviews, pauses or promotes."""
    return (*_stamp(state_dir.history), *_stamp(state_dir.models))


def config_stamp(home: Path) -> tuple[int, ...]:
    return _stamp(home / CONFIG)


def _stamp(path: Path) -> tuple[int, ...]:
    try:
        status = path.stat()
    except OSError:
        return ()
    return (status.st_ino, status.st_size, status.st_mtime_ns)


def _times(parts: Parts, store: Store, now: datetime, soon: datetime) -> Iterator[datetime]:
    settings, dry = parts.settings, not parts.settings.live
    due = parts.schedule.due(now)
    if due and store.slot_outcome(due.key, dry=dry) is None:
        yield soon  # it waits for something, such as the gap between two posts
    yield parts.schedule.next(now).due
    terms = assembly.review_settings(settings)
    for post in store.posts_in("drafted", "approved", "sending", dry=dry):
        yield review.expires(post, terms) if post.state == "drafted" else soon
    for state in () if dry else ("unknown", "abandoned"):
        for _, last in store.to_look_up(state):
            yield last.again if last and last.again else soon
    if settings.live and settings.replies.are_on:
        cursor = polling.load(store)
        yield soon if mentions.waiting(store) or cursor.is_due(now) else polling.next_poll(cursor)
