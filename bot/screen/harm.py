"""Refuses harmful words, and the few kinds of harmful sentences that a pattern can find. It does not see the meaning.

slur          a word that demeans people for what they are
vulgar        obscene and sexual words
threat        announced violence against somebody
self_harm     telling somebody to hurt themselves, or announcing it
minors        children and sex in one text
promise       guaranteed money or health
office        speaking as the state, a court or the police
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
    """Return why a text is harmful. `vulgar` permits obscene words; the word lists skip what `allowed` matches."""
    remaining = allowed.sub(" allowed ", unicodedata.normalize("NFKC", text)) if allowed else text
    lists = ("slur",) if vulgar else ("slur", "vulgar")
    return _first_listed(remaining, lists) or _first_shape(disguises.bare(text))


def kinds() -> tuple[str, ...]:
    """The names of all reasons."""
    return (*_LISTS, *_shapes())


def _first_shape(bare: str) -> Reason | None:
    line = " ".join(_APOSTROPHES.sub("", bare).split())
    for name, pattern in _shapes().items():
        if match := pattern.search(line):
            return Reason(name, match[0])
    return None


@cache
def _shapes() -> dict[str, re.Pattern[str]]:
    document = tomllib.loads((_WORDS / "shapes.toml").read_text(encoding="utf-8"))

    def whole(shape: str) -> str:
        return re.sub(r"<(\w+)>", lambda part: whole(document["parts"][part[1]]), shape)

    return {name: re.compile("|".join(map(whole, shapes))) for name, shapes in document["reasons"].items()}


def _first_listed(text: str, lists: Sequence[str]) -> Reason | None:
    views = disguises.views(text)
    for name in lists:
        if phrase := _words(name).first_in(views):
            return Reason(name, phrase)
    return None


@cache
def _words(name: str) -> Phrases:
    lines = (_WORDS / _LISTS[name]).read_text(encoding="utf-8").splitlines()
    return Phrases.of(line for line in lines if not line.startswith("#"))
