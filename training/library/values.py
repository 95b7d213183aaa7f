"""What is in the library and what an import did to it, as values: who, how much, since when. They know no database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Added:
    """What one import did."""

    author: str
    found: int
    new: int
    updated: int
    there: int
    missing: int  # gone from X, as far as two whole archives can tell
    dropped: int  # how many of those are out of the library now
    first: datetime | None
    last: datetime | None
    relatives: Mapping[str, int]  # other authors here, and how many tweets they share with this one


@dataclass(frozen=True, slots=True)
class Import:
    at: datetime
    source: str
    kind: str
    found: int
    new: int
    updated: int
    dropped: int


@dataclass(frozen=True, slots=True)
class Author:
    """Who is in the library, and with what."""

    handle: str
    display_name: str
    tweets: int
    first: datetime | None
    last: datetime | None
    kinds: Mapping[str, int]
    languages: Mapping[str, int]
    imports: tuple[Import, ...]
