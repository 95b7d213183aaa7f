"""An X data archive of any year (zip, unpacked folder, or the one file of tweets) to the tweets in it.

Opens the public tweets, the account and the manifest; everything else in an archive is private and stays shut.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from training.errors import SourceError
from training.sources import note_tweets, sealed
from training.sources.decoding import json_of, utf8, well_formed
from training.sources.records import Record, age_order, first_version, handle_of, owner_of, tweet_of

if TYPE_CHECKING:
    from pathlib import Path

    from training.tweets import Tweet

# The only names ever opened. Not deleted-tweets.js, not twitter-circle-tweet.js, no messages, no likes.
PUBLIC = re.compile(
    r"""
    (?:(?P<folder>[^/\\:.][^/\\:]*)/)??  # some zips hold one inner folder; no path leads up or out
    (?:
        (?:data/)? (?: (?:tweets?|note-tweet)(?:-part\d+)? | account | manifest )
        | data/js/ (?: tweets/\d{4}_\d{2} | user_details | payload_details )  # "grailbird", until 2019
    )
    \.js
    """,
    re.VERBOSE | re.ASCII,
)
# What a file says that it is, whatever its name: a private file renamed is still refused.
HEAD = re.compile(
    r"""\s* (?:
        window\.YTD\. (?P<ytd>tweet|note_tweet|account) s? \.part\d+
        | window\. (?P<manifest>__THAR_CONFIG)
        | Grailbird\.data\. (?P<grailbird>tweet) s_\d{4}_\d{2}
        | var\s+ (?P<details>user_details|payload_details)
    ) \s*=\s*""",
    re.VERBOSE | re.ASCII,
)
LISTS = {"tweet", "note_tweet", "account"}  # the other kinds are one object each
NO_RECORD: Record = {}


@dataclass(frozen=True, slots=True)
class Archive:
    """What one source holds of one author; `notes` are sentences that the person should read."""

    author: str  # handle, lower case, without the @
    display_name: str
    tweets: tuple[Tweet, ...]
    notes: tuple[str, ...] = ()


def read(path: Path, author: str | None = None) -> Archive:
    """`author` speaks for a single file, which may not say whose tweets it holds."""
    records = _records(path)
    if not records["tweet"]:
        raise SourceError(f"{path} holds no public tweets (data/tweets.js): give the whole archive as X sent it.")
    handle, name = _owner(records, path, author)
    found = [(tweet, record) for record in records["tweet"] if (tweet := tweet_of(record, handle))]
    notes = [note_tweets.note_of(record) for record in records["note_tweet"]]
    whole, lost = note_tweets.join([tweet for tweet, _ in found], [note for note in notes if note])
    tweets = _last_versions(whole, [record for _, record in found])
    if not tweets:
        raise SourceError(f"{path} holds no tweet with a text: give the whole archive as X sent it.")
    counts = {
        "Entries without an id or a text, left out": len(records["tweet"]) - len(found),
        "Long texts that belong to no tweet, left out": lost + notes.count(None),
        "Tweets without a readable date, taken as the oldest": sum(tweet.at is None for tweet in tweets),
    }
    warnings = [*_count_warning(records, path), *(f"{what}: {count}." for what, count in counts.items() if count)]
    return Archive(handle, name, tweets, tuple(warnings))


def whose(path: Path, stated: Collection[str], given: str | None) -> str:
    """The author, out of the handles that a file states and the one that the person gave, if any."""
    handle = handle_of(given)
    if given is not None and not handle:
        raise SourceError(f"{given!r} is not a handle: give up to 20 letters, digits or underscores.")
    if handle in stated or (handle and not stated):
        return handle
    if not stated:
        raise SourceError(f"{path} does not say whose tweets it holds: name the author with --as @handle.")
    some = ", ".join(f"@{one}" for one in sorted(stated)[:3])
    if handle:
        raise SourceError(f"{path} holds tweets of {some} and none of @{handle}: mend or leave out the handle.")
    if len(stated) > 1:
        raise SourceError(f"{path} holds tweets of {len(stated)} people ({some}): choose one with --as @handle.")
    return next(iter(stated))


def _records(path: Path) -> defaultdict[str, list[Record]]:
    """Every record of every public file, by kind, without its wrapper."""
    records: defaultdict[str, list[Record]] = defaultdict(list)
    folders = set()
    bundle = sealed.is_bundle(path)
    for name, data in sealed.members(path, PUBLIC):
        place = PUBLIC.fullmatch(name)
        where = f"{path}: {name}" if bundle else str(path)
        kind, payload = _payload(utf8(data, where), where)
        if kind == "tweet":
            folders.add(place["folder"] if place else None)
        if len(folders) > 1:
            raise SourceError(f"{path} holds two archives: unpack it and give one of its folders.")
        records[kind] += [_unwrapped(item, where) for item in payload]
    return records


def _payload(text: str, where: str) -> tuple[str, list[Any]]:
    """The kind of the file and its items; the JavaScript before the JSON is matched, never run."""
    found = HEAD.match(text)
    if not found:
        raise SourceError(f"{where} does not begin like a file of public tweets: give the archive as X sent it.")
    kind = next(group for group in found.groups() if group)
    payload = json_of(text[found.end() :].rstrip().removesuffix(";"), where)
    if not isinstance(payload, list if kind in LISTS else dict):
        raise SourceError(f"{where} holds no list of records: download the archive again.")
    return kind, payload if isinstance(payload, list) else [payload]


def _unwrapped(item: object, where: str) -> Record:
    """Since 2020 each record is wrapped once: {"tweet": {…}}, {"noteTweet": {…}}, {"account": {…}}."""
    if not isinstance(item, Mapping):
        raise SourceError(f"{where} holds something that is no record: download the archive again.")
    inner = next(iter(item.values())) if len(item) == 1 else None
    return inner if isinstance(inner, Mapping) else item


def _owner(records: Mapping[str, list[Record]], path: Path, author: str | None) -> tuple[str, str]:
    """The handle and the display name, from whichever file states them."""
    account = _first(records, "account")
    details = _first(records, "user_details")
    info = _first(records, "__THAR_CONFIG").get("userInfo")
    info = info if isinstance(info, Mapping) else NO_RECORD
    in_tweet, name_in_tweet = owner_of(records["tweet"][0])
    handles = (account.get("username"), info.get("userName"), details.get("screen_name"), in_tweet)
    names = (account.get("accountDisplayName"), info.get("displayName"), details.get("full_name"), name_in_tweet)
    stated = [handle for value in handles if (handle := handle_of(value))]
    handle = whose(path, stated[:1], author)
    return handle, next((well_formed(name) for name in names if isinstance(name, str) and name), handle)


def _first(records: Mapping[str, list[Record]], kind: str) -> Record:
    return next(iter(records.get(kind, ())), NO_RECORD)


def _last_versions(tweets: list[Tweet], records: list[Record]) -> tuple[Tweet, ...]:
    """An edited tweet is in the archive once per version: keep the last. The same id twice is kept once too."""
    last: dict[str, Tweet] = {}
    for tweet, record in zip(tweets, records, strict=True):
        first = first_version(record, tweet.id)
        if first not in last or age_order(tweet.id) > age_order(last[first].id):
            last[first] = tweet
    return tuple(last.values())


def _count_warning(records: Mapping[str, list[Record]], path: Path) -> list[str]:
    promised, held = _promised(records), len(records["tweet"])
    if promised is None or promised == held:
        return []
    return [f"{path} says that it holds {promised} tweets, but holds {held}: it may be incomplete; download it again."]


def _promised(records: Mapping[str, list[Record]]) -> int | None:
    """How many tweets the archive says that it holds: the sum over the files of tweets in its manifest."""
    types = _first(records, "__THAR_CONFIG").get("dataTypes")
    types = types if isinstance(types, Mapping) else NO_RECORD
    about = types.get("tweets", types.get("tweet"))
    files = about.get("files") if isinstance(about, Mapping) else None
    counts = [file.get("count") for file in files if isinstance(file, Mapping)] if isinstance(files, list) else []
    counts = counts or [_first(records, "payload_details").get("tweets")]
    numbers = [int(count) for count in map(str, counts) if count.isdecimal() and len(count) < 10]
    return sum(numbers) if len(numbers) == len(counts) else None
