"""Tables of tweets that people and tools export: CSV, JSON and JSONL, to the tweets in them.

Decides by the names of the columns alone; what a record means is the business of records.py.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from training.errors import SourceError
from training.sources import sealed
from training.sources.archive import Archive, whose
from training.sources.decoding import any_text, json_of
from training.sources.records import TEXT_NAMES, Record, owner_of, tweet_of

if TYPE_CHECKING:
    from pathlib import Path

DELIMITERS = ",;\t"
PAGE_NAMES = ("data", "tweets", "statuses", "posts")  # under which an answer of an API keeps its list
DEEPEST = 4  # an array of pages, each with an array of tweets, and one to spare


def read_csv(path: Path, author: str | None = None) -> Archive:
    text, notes = any_text(sealed.file_bytes(path), str(path))
    delimiter = delimiter_of(text)
    if delimiter is None:
        raise SourceError(f"{path} has no column named {', '.join(TEXT_NAMES[:4])}: rename the one with the tweets.")
    try:
        return _archive((_lowered(row) for row in rows(text, delimiter)), path, author, notes)
    except csv.Error as error:
        raise SourceError(f"{path} is no readable CSV ({error}): it may be half downloaded; fetch it again.") from error


def read_json(path: Path, author: str | None = None) -> Archive:
    """An array, a page of the API, a single object, or one of these on every line."""
    text, notes = any_text(sealed.file_bytes(path), str(path))
    try:
        payloads = [json_of(text, str(path))]
    except SourceError:
        lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
        if len(lines) < 2 or not lines[0][1].rstrip().endswith(("}", "]")):
            raise
        payloads = [json_of(line, f"{path}, line {number}") for number, line in lines]
    return _archive((record for payload in payloads for record in _objects(payload, path)), path, author, notes)


def rows(text: str, delimiter: str = ",") -> Iterator[dict[str, str]]:
    """The rows of a CSV by column name; a row that is too short lacks its last columns."""
    for row in csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter):
        yield {name: cell for name, cell in row.items() if isinstance(name, str) and isinstance(cell, str)}


def delimiter_of(text: str) -> str | None:
    """What parts the columns, if `text` begins with the header of a table of tweets."""
    for delimiter in DELIMITERS:
        try:
            header = next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), [])
        except csv.Error:
            continue
        if not set(TEXT_NAMES).isdisjoint(_lowered(dict.fromkeys(header))):
            return delimiter
    return None


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
            yield _lowered(wrapped if isinstance(wrapped, Mapping) else payload)
    else:
        raise SourceError(f"{path} holds something that is no tweet: give an array or lines of tweet objects.")


def _with_users(records: Iterable[Record], includes: object) -> Iterator[Record]:
    """API v2 keeps the users beside the tweets, and only their ids in them."""
    users = includes.get("users") if isinstance(includes, Mapping) else None
    users = users if isinstance(users, list) else []
    known = {str(user.get("id")): user for user in users if isinstance(user, Mapping)}
    for record in records:
        user = known.get(str(record.get("author_id")))
        yield {**record, "user": user} if user else record


def _lowered(record: Mapping[str, Any]) -> dict[str, Any]:
    return {str(name).strip().lower(): value for name, value in record.items()}


def _archive(records: Iterable[Record], path: Path, author: str | None, notes: tuple[str, ...]) -> Archive:
    owned = [(record, *owner_of(record)) for record in records]
    handle = whose(path, {owner for _, owner, _ in owned if owner}, author)
    found = [
        tweet_of(record, handle, fallback_id=str(number))
        for number, (record, owner, _) in enumerate(owned, 1)
        if owner in {"", handle}
    ]
    tweets = tuple(tweet for tweet in found if tweet)
    if not tweets:
        raise SourceError(f"{path} holds no tweet of @{handle} with a text: check the file.")
    others, textless = len(owned) - len(found), len(found) - len(tweets)
    if others:
        notes += (f"Rows of other people than @{handle}, left out: {others}.",)
    if textless:
        notes += (f"Rows without a text, left out: {textless}.",)
    name = next((name for _, owner, name in owned if owner == handle and name), handle)
    return Archive(handle, name, tweets, notes)
