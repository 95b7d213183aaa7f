"""What an import changes in what a library holds of one author: nothing twice, edits replaced, cut texts made whole.

All pure; library.py keeps what this decides.
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
    """A tweet in the library; `archived` where a whole archive held it, so that a newer one must too."""

    number: int
    tweet: Tweet
    archived: bool


@dataclass(slots=True)
class Changes:
    new: list[Tweet] = field(default_factory=list)
    updated: list[Kept] = field(default_factory=list)
    confirmed: list[int] = field(default_factory=list)  # there already, and from now on archived
    replaced: list[int] = field(default_factory=list)  # earlier versions of a tweet that is updated
    missing: list[int] = field(default_factory=list)  # a newer archive lacks them: deleted on X
    missed: list[Tweet] = field(default_factory=list)  # new, but a newer archive than this one lacks them
    there: int = 0  # as they are


def merge(kept: Iterable[Kept], archive: Archive, covered: datetime | None) -> Changes:
    """`covered` is how far the newest whole archive that was imported so far reaches."""
    shelf = _Shelf(kept)
    changes = Changes()
    older = archive.reaches and covered and archive.reaches < covered
    for tweet in archive.tweets:
        if not tweet.id:
            continue
        known, place = shelf.find(tweet)
        if place:
            _update(place, tweet, archive, changes)
            changes.replaced += shelf.versions_but(place, tweet)
        elif known:
            changes.there += 1
        else:
            (changes.missed if older and tweet.at else changes.new).append(tweet)
    _add_nameless([tweet for tweet in archive.tweets if not tweet.id], shelf.kept, changes)
    if archive.reaches and not older:
        held = {one for tweet in archive.tweets for one in (tweet.id, *tweet.edits)}
        changes.missing = [one.number for one in shelf.kept if _should_be_in(archive.reaches, one, held)]
    return changes


def fingerprint(text: str) -> str:
    """Equal for two spellings of one text: escaped or not, composed or not, on one line or more."""
    return unicodedata.normalize("NFC", " ".join(unescaped(text).split()))


class _Shelf:
    """What is there, by id and, for tweets whose source gave no ids, by text."""

    def __init__(self, kept: Iterable[Kept]) -> None:
        self.kept = list(kept)
        self._by_id = {one.tweet.id: one for one in self.kept if one.tweet.id}
        self._done = {earlier for one in self.kept for earlier in one.tweet.edits}
        self._nameless: defaultdict[str, list[Kept]] = defaultdict(list)
        for one in self.kept:
            if not one.tweet.id:
                self._nameless[fingerprint(one.tweet.text)].append(one)

    def find(self, tweet: Tweet) -> tuple[bool, Kept | None]:
        """Whether it is known, and, if it may say more than what is known, its place."""
        if tweet.id in self._done:
            return True, None
        self._done.update((tweet.id, *tweet.edits))
        versions = (self._by_id.get(one) for one in (tweet.id, *reversed(tweet.edits)))
        place = next((one for one in versions if one), None) or self._without_id(tweet)
        return place is not None, place

    def versions_but(self, place: Kept, tweet: Tweet) -> list[int]:
        versions = (self._by_id.get(one) for one in tweet.edits)
        return [one.number for one in versions if one and one is not place]

    def _without_id(self, tweet: Tweet) -> Kept | None:
        """The same text, which had no id so far; of several the one of the same time."""
        same = self._nameless.get(fingerprint(tweet.text)) if self._nameless else None
        if not same:
            return None
        return same.pop(next((index for index, one in enumerate(same) if one.tweet.at == tweet.at), 0))


def _add_nameless(tweets: list[Tweet], kept: list[Kept], changes: Changes) -> None:
    """Without ids, the third "good morning" of a file is there already if the library has three of them by now."""
    if not tweets:
        return
    now = {one.number: one for one in (*kept, *changes.updated)}
    for number in changes.replaced:
        now.pop(number, None)
    said = Counter(fingerprint(tweet.text) for tweet in (*(one.tweet for one in now.values()), *changes.new))
    for tweet in tweets:
        text = fingerprint(tweet.text)
        said[text] -= 1
        if said[text] >= 0:
            changes.there += 1
        else:
            changes.new.append(tweet)


def _update(place: Kept, tweet: Tweet, archive: Archive, changes: Changes) -> None:
    whole = archive.reaches is not None
    better = _better(place.tweet, tweet, trusted=whole or not place.archived)
    if better != place.tweet:
        changes.updated.append(Kept(place.number, better, place.archived or whole))
        return
    changes.there += 1
    if whole and not place.archived:
        changes.confirmed.append(place.number)


def _better(old: Tweet, new: Tweet, *, trusted: bool) -> Tweet:
    """The best of both. An archive knows a text better than a table does; a whole text is better than a cut one."""
    earlier = {*old.edits, *new.edits, old.id} - {"", new.id}
    edits = tuple(sorted(earlier, key=age_order))
    if old.id and old.id != new.id:  # edited since
        return replace(new, at=new.at or old.at, edits=edits)
    text = old.text
    said, says = fingerprint(old.text), fingerprint(new.text)
    if said != says and (_is_cut(said, says) or (trusted and not _is_cut(says, said))):
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
    )


def _is_cut(text: str, whole: str) -> bool:
    """Whether `text` is the beginning of `whole`, and ends in the mark of a cut."""
    start = uncut(text)
    return start != text and len(whole) > len(start) and whole.startswith(start)


def _should_be_in(reach: datetime, one: Kept, held: set[str]) -> bool:
    """Another whole archive had it, and it is old enough for this one."""
    return one.archived and one.tweet.id not in held and one.tweet.at is not None and one.tweet.at <= reach
