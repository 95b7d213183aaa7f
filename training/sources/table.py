"""Tables of tweets that people and tools export: CSV, JSON and JSONL, to the tweets in them.

Columns are recognised by name; records.py reads their values.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from training.errors import SourceError
from training.sources import archive_file
from training.sources.archive import Archive, author_of
from training.sources.columns import delimiter_of, lowered, rows
from training.sources.decoding import any_text, json_of
from training.sources.edits import last_versions
from training.sources.records import TEXT_NAMES, Record, capped, handle_of, owner_of, tweet_of, written_handle

if TYPE_CHECKING:
    from pathlib import Path

    from training.sources.tweets import Tweet

PAGE_NAMES = ("data", "tweets", "statuses", "posts")  # the key of the list in an API response
DEEPEST = 4  # an array of pages, each with an array of tweets, and one spare level


def read_csv(path: Path, author: str | None = None) -> Archive:
    text, notes = any_text(archive_file.file_bytes(path), str(path))
    delimiter = delimiter_of(text)
    if delimiter is None:
        raise SourceError(f"{path} has no column named {', '.join(TEXT_NAMES[:4])}: rename the one with the tweets.")
    return _archive((lowered(row) for row in rows(text, str(path), delimiter)), path, author, "CSV", notes)


def read_json(path: Path, author: str | None = None) -> Archive:
    """An array, a page of the API, a single object, or one of these on every line."""
    text, notes = any_text(archive_file.file_bytes(path), str(path))
    try:
        payloads: Iterable[Any] = [json_of(text, str(path))]
        kind = "JSON"
    except SourceError:
        lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
        if len(lines) < 2 or not lines[0][1].rstrip().endswith(("}", "]")):
            raise
        payloads = (json_of(line, str(path), number) for number, line in lines)
        kind = "JSON lines"
    return _archive((record for payload in payloads for record in _objects(payload, path)), path, author, kind, notes)


def _objects(payload: object, path: Path, depth: int = 0) -> Iterator[Record]:
    if isinstance(payload, list) and depth < DEEPEST:
        for item in payload:
            yield from _objects(item, path, depth + 1)
    elif isinstance(payload, str):  # an array of bare texts
        yield {"text": payload}
    elif isinstance(payload, Mapping):
        page = next((payload[name] for name in PAGE_NAMES if isinstance(payload.get(name), list)), None)
        wrapped = payload.get("tweet")
        if page is not None:
            yield from _with_users(_objects(page, path, depth + 1), payload.get("includes"))
        else:
            yield lowered(wrapped if isinstance(wrapped, Mapping) else payload)
    else:
        raise SourceError(f"{path} holds something that is not a tweet: give an array or lines of tweet objects.")


def _with_users(records: Iterable[Record], includes: object) -> Iterator[Record]:
    """API v2 lists users apart from tweets, which hold only their ids."""
    users = includes.get("users") if isinstance(includes, Mapping) else None
    users = users if isinstance(users, list) else []
    known = {str(user.get("id")): user for user in users if isinstance(user, Mapping)}
    for record in records:
        user = known.get(str(record.get("author_id")))
        yield {**record, "user": user} if user else record


def _archive(records: Iterable[Record], path: Path, author: str | None, kind: str, notes: tuple[str, ...]) -> Archive:
    # Each record becomes a tweet at once: the objects of a big file would take five times its size.
    owned = [(tweet_of(record, ""), *owner_of(record)) for record in capped(records, str(path))]
    handle = author_of(path, {owner for _, owner, _ in owned if owner}, author)
    own = [tweet for tweet, owner, _ in owned if owner in {"", handle}]
    tweets = [replace(tweet, author=handle) for tweet in own if tweet]
    if not tweets:
        raise SourceError(f"{path} holds no tweet of @{handle} with a text: check the file.")
    if _rounded(tweets):
        tweets = [replace(tweet, id="", edits=()) for tweet in tweets]
        notes += (f"{path} was saved by a program that rounds long numbers: its ids are not used.",)
    counts = {
        f"Rows of other people than @{handle}, left out": len(owned) - len(own),
        "Rows without a text, left out": own.count(None),
    }
    notes += tuple(f"{what}: {count}." for what, count in counts.items() if count)
    name = next((name for _, owner, name in owned if owner == handle and name), handle)
    spelling = written_handle(author) if handle_of(author) == handle else handle
    return Archive(handle, name, last_versions(tweets), notes, kind, spelling=spelling)


def _rounded(tweets: list[Tweet]) -> bool:
    """Ids of 18 digits or more that were rounded to a float end in two zeros; of exact ids, one in a hundred does."""
    long = [tweet.id for tweet in tweets if len(tweet.id) >= 18]
    return len(long) > 1 and sum(one.endswith("00") for one in long) > len(long) / 2
