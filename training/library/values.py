"""Values of the library: its authors, their imports, and the result of an import."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Added:
    """The result of one import."""

    author: str
    found: int
    new: int
    updated: int
    there: int
    missing: int  # deleted on X, as two whole archives show
    dropped: int  # how many of those were removed from the library
    first: datetime | None
    last: datetime | None
    relatives: Mapping[str, int]  # other authors in the library -> how many tweets they share with this one


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
    """One person in the library, with counts."""

    handle: str
    display_name: str
    tweets: int
    first: datetime | None
    last: datetime | None
    kinds: Mapping[str, int]
    languages: Mapping[str, int]
    imports: tuple[Import, ...]
    spelling: str = ""  # the handle with its own capitals; empty if no source stated it
