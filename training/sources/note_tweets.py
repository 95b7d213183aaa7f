"""Long tweets: an archive keeps the cut text in tweets.js and the whole text in note-tweet.js, with no id in common.

They are matched by time and by their first characters.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime  # noqa: TC003  a dataclass's field types are for its readers too
from itertools import islice, takewhile
from operator import itemgetter
from typing import TYPE_CHECKING

from training.sources.decoding import unescaped, well_formed
from training.sources.records import Record, when

if TYPE_CHECKING:
    from training.sources.tweets import Tweet

TOLERANCE = 5  # seconds between a tweet and its note; nearly always 0
ENOUGH = 20  # common characters that prove a match: links and escapes may differ further on
COMPARED = 300  # characters at most, since a note may be of any length
TRIED = 20  # tweets of one second that begin alike; a person has one or two, a hostile file thousands
LEADING_HANDLES = re.compile(r"(?:@\w+\s+)*")


@dataclass(frozen=True, slots=True)
class Note:
    at: datetime
    text: str


def note_of(record: Record) -> Note | None:
    """None for a record without a time or a text."""
    core = record.get("core")
    text = core.get("text") if isinstance(core, Mapping) else None
    at = when(record.get("createdAt"))
    return Note(at, well_formed(text)) if isinstance(text, str) and at else None


def join(tweets: Sequence[Tweet], notes: Iterable[Note]) -> tuple[list[Tweet], int]:
    """The tweets, with the whole text where a note has it; and how many notes match no tweet."""
    whole = list(tweets)
    starts = [_start(tweet.text) for tweet in tweets]
    # (second, first characters) -> indexes of the tweets that have no note yet, the oldest first
    free: defaultdict[tuple[int, str], dict[int, None]] = defaultdict(dict)
    for index, tweet in enumerate(tweets):
        if tweet.at:
            free[int(tweet.at.timestamp()), starts[index][:ENOUGH]][index] = None
    lost = 0
    for note in notes:
        second = int(note.at.timestamp())
        full = unescaped(_body(note.text[: 2 * COMPARED]))
        # Same second first: among equals, max takes the first.
        seconds = sorted(range(second - TOLERANCE, second + TOLERANCE + 1), key=lambda other: abs(other - second))
        places = [(other, full[:length]) for other in seconds for length in range(ENOUGH, -1, -1)]
        near = [
            (_agreement(starts[index], full), place, index)
            for place in dict.fromkeys(places)
            if place in free
            for index in islice(free[place], TRIED)
        ]
        agreement, place, index = max(near, key=itemgetter(0), default=(0, (0, ""), 0))
        if not agreement:
            lost += 1
            continue
        whole[index] = replace(tweets[index], text=_handles(tweets[index].text) + _body(note.text))
        del free[place][index]
    return whole, lost


def _start(tweet: str) -> str:
    return unescaped(_body(uncut(tweet)))[:COMPARED]


def _agreement(start: str, full: str) -> int:
    """The number of characters in common from the start; 0 where it is too small to prove a match."""
    if full.startswith(start):  # nearly always, and a hundred times as fast
        return len(start)
    agreed = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(start, full, strict=False)))
    return agreed if agreed >= min(ENOUGH, len(start)) else 0


def uncut(text: str) -> str:
    """The text without the ellipsis, and the link to the tweet itself, that end a cut text."""
    start, _, end = text.rpartition("…")
    return start.rstrip() if start and len(end.split()) <= 1 else text


def _handles(text: str) -> str:
    """The @handles at the start of a reply, which notes leave out."""
    match = LEADING_HANDLES.match(text)
    return match[0] if match else ""


def _body(text: str) -> str:
    return text[len(_handles(text)) :]
