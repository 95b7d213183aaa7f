"""Harmful words and the few harmful sentences that have a shape. What a list cannot see, the meaning, it cannot see.

slur          a word that demeans people for what they are
vulgar        obscene and sexual words
threat        violence announced to somebody
self_harm     somebody told to hurt themselves, or saying that they will
minors        children and sex in one text
promise       money or health for certain
office        speaking as the state, a court, the police
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from bot.screen import disguises
from bot.screen.phrases import Phrases
from bot.values import Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

_WORDS = files("bot.screen") / "words"
_LISTS = {"slur": "slurs.txt", "vulgar": "vulgar.txt"}
_APOSTROPHES = re.compile(r"['’`´]")


def why_not(text: str, *, vulgar: bool = False, allowed: re.Pattern[str] | None = None) -> Reason | None:
    """`vulgar`: whether obscene words may be said. What `allowed` finds is not looked up in the lists of words."""
    listed = allowed.sub(" allowed ", unicodedata.normalize("NFKC", text)) if allowed else text
    found = _listed(listed, ("slur",) if vulgar else ("slur", "vulgar"))
    return found or _shaped(disguises.bare(text))


def kinds() -> tuple[str, ...]:
    """The names of all reasons."""
    return (*_LISTS, *_shapes())


def _shaped(bare: str) -> Reason | None:
    line = " ".join(_APOSTROPHES.sub("", bare).split())
    for name, pattern in _shapes().items():
        if found := pattern.search(line):
            return Reason(name, found[0])
    return None


@cache
def _shapes() -> dict[str, re.Pattern[str]]:
    said = tomllib.loads((_WORDS / "shapes.toml").read_text(encoding="utf-8"))

    def whole(shape: str) -> str:
        return re.sub(r"<(\w+)>", lambda part: whole(said["parts"][part[1]]), shape)

    return {name: re.compile("|".join(map(whole, shapes))) for name, shapes in said["reasons"].items()}


def _listed(text: str, lists: Sequence[str]) -> Reason | None:
    views = disguises.views(text)
    for name in lists:
        if found := _words(name).first_in(views):
            return Reason(name, found)
    return None


@cache
def _words(name: str) -> Phrases:
    lines = (_WORDS / _LISTS[name]).read_text(encoding="utf-8").splitlines()
    return Phrases.of(line for line in lines if not line.startswith("#"))
