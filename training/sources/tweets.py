"""A tweet, as every source yields it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003  a dataclass's field types are for its readers too
from typing import Literal

Kind = Literal["original", "reply", "quote", "retweet"]


@dataclass(frozen=True, slots=True)
class Tweet:
    """One public tweet as its author wrote it; `text` still carries X's HTML escapes and t.co links."""

    id: str  # a string always: as a float it loses digits; "" where the source has none
    author: str  # handle, lower case, without the @
    text: str
    at: datetime | None = None  # UTC; None where the source has none
    kind: Kind = "original"
    lang: str = ""
    edits: tuple[str, ...] = ()  # the ids of its earlier versions, the oldest first
    parent: str = ""  # the id of the tweet that it answers; "" where the source does not say
