"""Reads the sample account's tweets and their times from `tweets/*.txt`.

Each file explains its marks in its first lines, which begin with "# ".
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from training.errors import SourceError

FOLDER = Path(__file__).parent / "tweets"
OPENED = datetime(2019, 1, 1, tzinfo=UTC)
CLOSED = datetime(2025, 1, 1, tzinfo=UTC)
NOTES_BEGAN = datetime(2023, 1, 1, tzinfo=UTC)  # X has had long notes and edits since then
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MARK = re.compile(rf"\[(?:(?P<form>note|edit)|(?P<month>{'|'.join(MONTHS)})(?: (?P<day>\d+))?)\] ")


@dataclass(frozen=True, slots=True)
class SampleTweet:
    """One line of a text file: the tweet as written, links whole, nothing escaped."""

    text: str
    at: datetime
    edited: str = ""  # the second version of an edited tweet


def read_tweets(folder: Path = FOLDER) -> list[SampleTweet]:
    """All tweets of the folder, oldest first."""
    copies: Counter[str] = Counter()
    tweets = []
    for path in sorted(folder.glob("*.txt")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if line and not line.startswith("# "):
                tweets.append(_tweet(line, copies[line], f"{path.name}:{number}"))
                copies[line] += 1
    return sorted(tweets, key=lambda tweet: tweet.at)


def _tweet(line: str, copy: int, where: str) -> SampleTweet:
    mark = _MARK.match(line)
    if mark is None and line.startswith("["):
        raise SourceError(f"{where} begins with an unknown mark: use [note], [edit], [dec] or [dec 24]")
    text = line[mark.end() :] if mark else line
    form, month, day = mark.group("form", "month", "day") if mark else (None, None, None)
    at = _moment(f"{copy} {text}", NOTES_BEGAN if form else OPENED, month, day)
    text = text.replace("\\n", "\n")
    if form != "edit":
        return SampleTweet(text, at)
    first, _, edited = text.partition(" >> ")
    return SampleTweet(first, at, edited)


def _moment(seed: str, since: datetime, month: str | None, day: str | None) -> datetime:
    """A time of day derived from the text itself, so a new line in a file moves no other tweet."""
    digest = hashlib.sha256(seed.encode()).digest()
    days, years, month_days, milliseconds = (int.from_bytes(digest[at : at + 4]) for at in range(0, 16, 4))
    if month:
        date = datetime(
            OPENED.year + years % (CLOSED.year - OPENED.year),
            MONTHS.index(month) + 1,
            int(day) if day else 1 + month_days % 28,
            tzinfo=UTC,
        )
    else:
        date = since + timedelta(days=days % (CLOSED - since).days)
    awake = timedelta(hours=17)  # from six in the morning to eleven at night
    return date + timedelta(hours=6) + timedelta(milliseconds=milliseconds % (awake // timedelta(milliseconds=1)))
