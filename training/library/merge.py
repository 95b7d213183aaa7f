"""Computes what an import changes for one author: no duplicates, edits replaced, cut texts completed.

library.py writes the changes.
"""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from datetime import time
from typing import TYPE_CHECKING

from training.sources.decoding import unescaped
from training.sources.note_tweets import uncut
from training.sources.records import age_order

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from training.sources.archive import Archive
    from training.sources.tweets import Tweet

MIDNIGHT = time(0)


@dataclass(frozen=True, slots=True)
class Kept:
    """A tweet in the library. If `archived`, a whole archive contained it, so a newer archive should too."""

    number: int
    tweet: Tweet
    archived: bool


@dataclass(slots=True)
class Changes:
    new: list[Tweet] = field(default_factory=list)
    updated: list[Kept] = field(default_factory=list)
    confirmed: list[int] = field(default_factory=list)  # unchanged, and archived from now on
    replaced: list[int] = field(default_factory=list)  # earlier versions of a tweet that is updated
    missing: list[int] = field(default_factory=list)  # not in this newer archive: deleted on X
    missed: list[Tweet] = field(default_factory=list)  # new, but not in an archive that is newer than this one
    there: int = 0  # unchanged


def merge(kept: Iterable[Kept], archive: Archive, covered: datetime | None) -> Changes:
    """`covered` is the date of the newest whole archive imported so far."""
    index = _Index(kept)
    changes = Changes()
    older = archive.reaches and covered and archive.reaches < covered
    for tweet in archive.tweets:
        if not tweet.id:
            continue
        known, match = index.find(tweet)
        if match:
            _update(match, tweet, archive, changes)
            changes.replaced += index.versions_but(match, tweet)
        elif known:
            changes.there += 1
        else:
            (changes.missed if older and tweet.at else changes.new).append(tweet)
    _add_without_ids([tweet for tweet in archive.tweets if not tweet.id], index.kept, changes)
    if archive.reaches and not older:
        held = {one for tweet in archive.tweets for one in (tweet.id, *tweet.edits)}
        changes.missing = [one.number for one in index.kept if _should_be_in(archive.reaches, one, held)]
    return changes


def fingerprint(text: str) -> str:
    """Equal for variants of one text: escaped or not, composed or not, on one line or more."""
    return unicodedata.normalize("NFC", " ".join(unescaped(text).split()))


class _Index:
    """The stored tweets by id and, where the source had no ids, by text."""

    def __init__(self, kept: Iterable[Kept]) -> None:
        self.kept = list(kept)
        self._by_id = {one.tweet.id: one for one in self.kept if one.tweet.id}
        self._done = {earlier for one in self.kept for earlier in one.tweet.edits}
        self._without_ids: defaultdict[str, list[Kept]] = defaultdict(list)
        for one in self.kept:
            if not one.tweet.id:
                self._without_ids[fingerprint(one.tweet.text)].append(one)

    def find(self, tweet: Tweet) -> tuple[bool, Kept | None]:
        """Whether the tweet is known, and the stored tweet that it may add to."""
        if tweet.id in self._done:
            return True, None
        self._done.update((tweet.id, *tweet.edits))
        versions = (self._by_id.get(one) for one in (tweet.id, *reversed(tweet.edits)))
        match = next((one for one in versions if one), None) or self._match_by_text(tweet)
        return match is not None, match

    def versions_but(self, stored: Kept, tweet: Tweet) -> list[int]:
        """The numbers of the stored earlier versions of the tweet, except `stored`."""
        versions = (self._by_id.get(one) for one in tweet.edits)
        return [one.number for one in versions if one and one is not stored]

    def _match_by_text(self, tweet: Tweet) -> Kept | None:
        """A stored tweet without an id that has the same text; of several, the one of the same time."""
        same = self._without_ids.get(fingerprint(tweet.text)) if self._without_ids else None
        if not same:
            return None
        return same.pop(next((index for index, one in enumerate(same) if one.tweet.at == tweet.at), 0))


def _add_without_ids(tweets: list[Tweet], kept: list[Kept], changes: Changes) -> None:
    """Without ids, counts decide: the third "good morning" of a file is known if the library has three."""
    if not tweets:
        return
    now = {one.number: one for one in (*kept, *changes.updated)}
    for number in changes.replaced:
        now.pop(number, None)
    counts = Counter(fingerprint(tweet.text) for tweet in (*(one.tweet for one in now.values()), *changes.new))
    for tweet in tweets:
        text = fingerprint(tweet.text)
        counts[text] -= 1
        if counts[text] >= 0:
            changes.there += 1
        else:
            changes.new.append(tweet)


def _update(stored: Kept, tweet: Tweet, archive: Archive, changes: Changes) -> None:
    whole = archive.reaches is not None
    merged = _merged(stored.tweet, tweet, trusted=whole or not stored.archived)
    if merged != stored.tweet:
        changes.updated.append(Kept(stored.number, merged, stored.archived or whole))
        return
    changes.there += 1
    if whole and not stored.archived:
        changes.confirmed.append(stored.number)


def _merged(old: Tweet, new: Tweet, *, trusted: bool) -> Tweet:
    """The stored tweet with the better fields of the new one.

    An archive's text replaces a table's, and a whole text a cut one; an edited version replaces the stored tweet.
    """
    earlier = {*old.edits, *new.edits, old.id} - {"", new.id}
    edits = tuple(sorted(earlier, key=age_order))
    if old.id and old.id != new.id:  # edited since
        return replace(new, at=new.at or old.at, edits=edits)
    text = old.text
    before, after = fingerprint(old.text), fingerprint(new.text)
    if before != after and (_is_cut(before, after) or (trusted and not _is_cut(after, before))):
        text = new.text
    coarse = old.at is None or (old.at.time() == MIDNIGHT and new.at is not None and new.at.date() == old.at.date())
    return replace(
        old,
        id=new.id,
        text=text,
        at=(new.at or old.at) if coarse else old.at,
        kind=new.kind if old.kind == "original" else old.kind,
        lang=old.lang or new.lang,
        edits=edits,
        parent=old.parent or new.parent,
    )


def _is_cut(text: str, whole: str) -> bool:
    """Whether `text` is the beginning of `whole`, and ends in an ellipsis."""
    start = uncut(text)
    return start != text and len(whole) > len(start) and whole.startswith(start)


def _should_be_in(reach: datetime, one: Kept, held: set[str]) -> bool:
    """Whether a missing tweet counts as deleted: an earlier whole archive had it, and it predates `reach`."""
    return one.archived and one.tweet.id not in held and one.tweet.at is not None and one.tweet.at <= reach
