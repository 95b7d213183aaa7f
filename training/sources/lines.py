"""Plain text, one tweet per line, the oldest first, to the tweets in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from training.errors import SourceError
from training.sources import archive_file
from training.sources.archive import Archive, author_of
from training.sources.decoding import any_text
from training.sources.records import capped, tweet_of, written_handle

if TYPE_CHECKING:
    from pathlib import Path


def read(path: Path, author: str | None = None) -> Archive:
    """The tweets of a plain text file. They have no id and no date, only their order in the file."""
    handle = author_of(path, (), author)
    text, notes = any_text(archive_file.file_bytes(path), str(path))
    # Not splitlines: it also cuts at characters that tweets may hold, such as U+2028.
    rows = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    records = ({"text": row.strip()} for row in rows if row.strip())
    parsed = (tweet_of(record, handle) for record in capped(records, str(path)))
    tweets = tuple(tweet for tweet in parsed if tweet)
    if not tweets:
        what = "is empty" if not text.strip() else "has no line that is short enough for a tweet"
        raise SourceError(f"{path} {what}: give a file with one tweet per line.")
    spelling = written_handle(author) or handle
    return Archive(handle, handle, tweets, notes, "text, a tweet per line", spelling=spelling)
