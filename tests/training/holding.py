"""Tweets of an invented @magpie and short forms for the tests of the library."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from training.sources.archive import Archive
from training.sources.tweets import Tweet

if TYPE_CHECKING:
    from training.library.library import Library
    from training.library.values import Added

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
THEN = datetime(2020, 1, 1, 12, tzinfo=UTC)


def tweet(number: int | str, text: str, **more: Any) -> Tweet:
    """A tweet of @magpie; a number is its id and its day."""
    at = THEN + timedelta(days=number) if isinstance(number, int) else None
    return Tweet(**{"id": str(number), "author": "magpie", "text": text, "at": at} | more)


def line(text: str) -> Tweet:
    """A tweet of a text file: neither id nor date."""
    return tweet("", text)


def some(*tweets: Tweet, author: str = "magpie", **more: Any) -> Archive:
    return Archive(author, more.pop("name", "Ms Magpie"), tweets, kind="CSV", **more)


def whole(*tweets: Tweet, day: int = 0) -> Archive:
    """A whole archive of X, made on a day, or at the time of its last tweet."""
    last = max(tweet.at for tweet in tweets if tweet.at)
    return some(*tweets, reaches=THEN + timedelta(days=day) if day else last)


def add(library: Library, archive: Archive, **more: Any) -> Added:
    return library.add(archive, source="tweets.zip", at=NOW, **more)


def counts(added: Added) -> tuple[int, int, int]:
    return added.new, added.updated, added.there


def texts(library: Library, handle: str = "magpie") -> list[str]:
    return [tweet.text for tweet in library.archive(handle).tweets]


A, B, C = tweet(1, "a"), tweet(2, "b"), tweet(3, "c")
