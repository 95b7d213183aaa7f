"""An X data archive of any year (zip, unpacked folder, or the one file of tweets) to the tweets in it.

Opens the public tweets, the account, the manifest and the avatar; everything else is private and is never opened.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from training.errors import SourceError
from training.sources import archive_file, avatar, note_tweets
from training.sources.columns import lowered, rows
from training.sources.decoding import any_text, well_formed
from training.sources.edits import last_versions
from training.sources.javascript import Script
from training.sources.records import Record, capped, handle_of, owner_of, tweet_of, when, written_handle

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from training.sources.tweets import Tweet

Report = Callable[[int, int], None]  # bytes read, of how many

# The only names ever opened. Not deleted-tweets.js, not twitter-circle-tweet.js, no messages, no likes.
PUBLIC = re.compile(
    r"""
    (?:(?P<folder>[^/\\:.][^/\\:]*)/)??  # some zips hold one inner folder; no path leads up or out
    (?:
        (?:data/)? (?: (?:tweets?|note-tweet)(?:-part\d+)? | account | manifest ) \.js
        | data/js/ (?: tweets/\d{4}_\d{2} | user_details | payload_details ) \.js  # "grailbird", until 2019
        | (?P<table>tweets\.csv)  # the same tweets again, in grailbird
    )
    """,
    re.VERBOSE | re.ASCII,
)
# How a file begins, whatever its name: a renamed private file is still refused.
HEAD = re.compile(
    r"""\s* (?:
        window\.YTD\. (?P<ytd>tweet|note_tweet|account) s? \.part\d+
        | window\. (?P<manifest>__THAR_CONFIG)
        | Grailbird\.data\. (?P<grailbird>tweet) s_\d{4}_\d{2}
        | var\s+ (?P<details>user_details|payload_details)
    ) \s*=\s*""",
    re.VERBOSE | re.ASCII,
)
BESIDE = ("account.js", "manifest.js")  # what else is read where the path is that of one file
LISTS = {"tweet", "note_tweet", "account"}  # the other kinds are one object each
NO_RECORD: Record = {}


@dataclass(frozen=True, slots=True)
class Archive:
    """The tweets of one author from one source; `notes` are sentences for the person to read."""

    author: str  # handle, lower case, without the @
    display_name: str
    tweets: tuple[Tweet, ...]
    notes: tuple[str, ...] = ()
    kind: str = ""  # of source, for display
    reaches: datetime | None = None  # of a whole archive: older tweets that are not in it were deleted on X
    counted: bool = False  # it states how many entries it holds, and the count is right
    entries: int = 0  # of tweets; an edited tweet has several
    avatar: bytes = b""  # a small JPEG
    spelling: str = ""  # the handle with its own capitals, where the source states it


@dataclass(slots=True)
class _Contents:
    """What the public files of one archive hold, collected file by file."""

    entries: int = 0
    tweets: list[Tweet] = field(default_factory=list)
    rows: list[Tweet] = field(default_factory=list)  # of grailbird's tweets.csv
    notes: list[note_tweets.Note | None] = field(default_factory=list)
    about: dict[str, Record] = field(default_factory=dict)  # account, user_details, payload_details, __THAR_CONFIG
    owner: tuple[str, str] = ("", "")  # as the first tweet states it
    warnings: list[str] = field(default_factory=list)


def read(path: Path, author: str | None = None, report: Report | None = None) -> Archive:
    """`author` is for a single file, which may not name its author."""
    contents = _gather(path, report)
    if not contents.entries:
        raise SourceError(f"{path} holds no public tweets (data/tweets.js): give the whole archive as X sent it.")
    handle, name, spelling = _owner(contents, path, author)
    whole, lost = note_tweets.join(contents.tweets, [note for note in contents.notes if note])
    tweets = [replace(tweet, author=handle) for tweet in last_versions(whole)]
    if not tweets:
        raise SourceError(f"{path} holds no tweet with a text: give the whole archive as X sent it.")
    counts = {
        "Entries without an id or a text, left out": contents.entries - len(contents.tweets),
        "Long texts that belong to no tweet, left out": lost + contents.notes.count(None),
        "Tweets without a readable date, taken as the oldest": sum(tweet.at is None for tweet in tweets),
    }
    expected = _expected_count(contents, None if archive_file.is_bundle(path) else path.name)
    warnings = [*_count_warning(expected, contents, path), *contents.warnings]
    warnings += [f"{what}: {count}." for what, count in counts.items() if count]
    bundle = archive_file.is_bundle(path)
    is_whole = bundle and contents.about and expected in {None, contents.entries}
    return Archive(
        handle,
        name,
        tuple(tweets),
        tuple(warnings),
        "X archive" if bundle else "one file of an X archive",
        reaches=_reach(contents, tweets) if is_whole else None,
        counted=expected == contents.entries,
        entries=contents.entries,
        avatar=avatar.read(path),
        spelling=spelling,
    )


def author_of(path: Path, stated: Collection[str], option: str | None) -> str:
    """The author, from the handles that a file states and the person's --as, if any."""
    handle = handle_of(option)
    if option is not None and not handle:
        raise SourceError(f"{option!r} is not a handle: give up to 20 letters, digits or underscores.")
    if handle in stated or (handle and not stated):
        return handle
    if not stated:
        raise SourceError(f"{path} does not say whose tweets it holds: name the author with --as @handle.")
    some = ", ".join(f"@{one}" for one in sorted(stated)[:3])
    if handle:
        raise SourceError(f"{path} holds tweets of {some} and none of @{handle}: correct the handle or leave out --as.")
    if len(stated) > 1:
        raise SourceError(f"{path} holds tweets of {len(stated)} people ({some}): choose one with --as @handle.")
    return next(iter(stated))


def _gather(path: Path, report: Report | None) -> _Contents:
    """Every record of every public file, reduced to a tweet at once: a big archive as objects would fill the memory."""
    contents = _Contents()
    folders = set()
    bundle = archive_file.is_bundle(path)
    total = archive_file.total_size(path, PUBLIC) if report else 0
    done = 0
    for member in archive_file.members(path, PUBLIC):
        place = PUBLIC.fullmatch(member.name)
        where = f"{path}: {member.name}" if bundle else str(path)
        chunks = _counted(member.chunks, done, total, report)
        if bundle and place and place["table"]:
            kind = "tweet"
            _gather_rows(contents, b"".join(chunks), where)
        else:
            kind = _gather_script(contents, chunks, where)
        done += member.size
        if kind == "tweet":
            folders.add(place["folder"] if place else None)
        if len(folders) > 1:
            raise SourceError(f"{path} holds two archives: unpack it and give one of its folders.")
    if not bundle:
        _gather_neighbours(contents, path)
    _join_rows(contents)
    return contents


def _gather_neighbours(contents: _Contents, path: Path) -> None:
    """What account.js and manifest.js say, in the folder of a lone tweets.js. A folder may have others of that name."""
    for name in BESIDE:
        beside = path.with_name(name)
        if beside == path or beside.is_symlink() or not beside.is_file():
            continue
        about = _Contents()
        try:
            for member in archive_file.members(beside, PUBLIC):
                _gather_script(about, member.chunks, str(beside))
        except SourceError:
            contents.warnings.append(f"{beside} is none of X's, or is damaged: it is not used.")
        for kind, record in about.about.items():
            contents.about.setdefault(kind, record)


def _gather_script(contents: _Contents, chunks: Iterator[bytes], where: str) -> str:
    """Returns the kind of the file. The JavaScript before the JSON is matched, never run."""
    script = Script(chunks, where)
    head = script.head(HEAD)
    if not head:
        raise SourceError(f"{where} does not begin like a file of public tweets: give the archive as X sent it.")
    kind = next(group for group in head.groups() if group)
    if script.listed != (kind in LISTS):
        raise SourceError(f"{where} holds no list of records: download the archive again.")
    for item in capped(script.items(), where):
        record = _unwrapped(item, where) if kind in LISTS else item
        if kind == "tweet":
            _gather_tweet(contents, record)
        elif kind == "note_tweet":
            contents.notes.append(note_tweets.note_of(record))
        elif isinstance(item, Mapping):
            contents.about.setdefault(kind, record)
    return kind


def _gather_tweet(contents: _Contents, record: Record) -> None:
    if not contents.entries:
        contents.owner = owner_of(record)
    contents.entries += 1
    tweet = tweet_of(record, "")
    if tweet and tweet.id:
        contents.tweets.append(tweet)


def _gather_rows(contents: _Contents, data: bytes, where: str) -> None:
    text, warnings = any_text(data, where)
    cells = (tweet_of(lowered(row), "") for row in capped(rows(text, where), where))
    contents.rows += [tweet for tweet in cells if tweet and tweet.id]
    contents.warnings += warnings


def _join_rows(contents: _Contents) -> None:
    """Add grailbird's tweets that only tweets.csv holds, and warn if it and the JavaScript files disagree."""
    known, listed = {tweet.id for tweet in contents.tweets}, {tweet.id for tweet in contents.rows}
    if known and listed and known != listed:
        contents.warnings.append(
            f"tweets.csv and the JavaScript files disagree: {len(listed - known)} tweets are only in the one, "
            f"{len(known - listed)} only in the other; all are taken."
        )
    missing = [tweet for tweet in contents.rows if tweet.id not in known]
    contents.tweets += missing
    contents.entries += len(missing)


def _counted(chunks: Iterator[bytes], done: int, total: int, report: Report | None) -> Iterator[bytes]:
    for chunk in chunks:
        done += len(chunk)
        if report:
            report(min(done, total), total)
        yield chunk


def _unwrapped(item: object, where: str) -> Record:
    """Since 2020 each record is wrapped once: {"tweet": {…}}, {"noteTweet": {…}}, {"account": {…}}."""
    if not isinstance(item, Mapping):
        raise SourceError(f"{where} holds something that is not a record: download the archive again.")
    inner = next(iter(item.values())) if len(item) == 1 else None
    return inner if isinstance(inner, Mapping) else item


def _owner(contents: _Contents, path: Path, author: str | None) -> tuple[str, str, str]:
    """The handle, the display name and the handle as it is written, from whichever file states them."""
    account = contents.about.get("account", NO_RECORD)
    details = contents.about.get("user_details", NO_RECORD)
    info = contents.about.get("__THAR_CONFIG", NO_RECORD).get("userInfo")
    info = info if isinstance(info, Mapping) else NO_RECORD
    in_tweet, name_in_tweet = contents.owner
    handles = (account.get("username"), info.get("userName"), details.get("screen_name"), in_tweet)
    names = (account.get("accountDisplayName"), info.get("displayName"), details.get("full_name"), name_in_tweet)
    stated = [handle for value in handles if (handle := handle_of(value))]
    handle = author_of(path, stated[:1], author)
    spellings = (spelt for value in (*handles, author) if handle_of(spelt := written_handle(value)) == handle)
    name = next((well_formed(name) for name in names if isinstance(name, str) and name), handle)
    return handle, name, next(spellings, handle)


def _count_warning(expected: int | None, contents: _Contents, path: Path) -> list[str]:
    if expected in {None, contents.entries}:
        return []
    what = f"{path} says that it holds {expected} tweets, but holds {contents.entries}"
    return [f"{what}: it may be incomplete; download it again."]


def _reach(contents: _Contents, tweets: list[Tweet]) -> datetime | None:
    """When X made the archive; where that is not stated, the time of its newest tweet."""
    info = contents.about.get("__THAR_CONFIG", NO_RECORD).get("archiveInfo")
    made = when(info.get("generationDate")) if isinstance(info, Mapping) else None
    return made or max((tweet.at for tweet in tweets if tweet.at), default=None)


def _expected_count(contents: _Contents, only: str | None) -> int | None:
    """How many tweets the archive states that it holds: the sum over the files of tweets in its manifest.

    `only`: of the one file of that name, or of a manifest's only file.
    """
    types = contents.about.get("__THAR_CONFIG", NO_RECORD).get("dataTypes")
    types = types if isinstance(types, Mapping) else NO_RECORD
    about = types.get("tweets", types.get("tweet"))
    files = about.get("files") if isinstance(about, Mapping) else None
    listed = [file for file in files if isinstance(file, Mapping)] if isinstance(files, list) else []
    if only and len(listed) > 1:
        listed = [file for file in listed if str(file.get("fileName", "")).rpartition("/")[2] == only]
    counts = [file.get("count") for file in listed]
    if only and not counts:
        return None
    counts = counts or [contents.about.get("payload_details", NO_RECORD).get("tweets")]
    numbers = [int(count) for count in map(str, counts) if count.isdecimal() and len(count) < 10]
    return sum(numbers) if len(numbers) == len(counts) else None
