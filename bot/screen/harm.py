"""Refuses harmful words, and the kinds of harmful sentences that a pattern can find. It does not see the meaning.

slur              a word that demeans people for what they are
hate              a sentence that does: "<people> are <animals>"
sexual_violence   rape and coercion
minors            children and sex in one text
self_harm         telling somebody to hurt themselves, or announcing it
threat            announced violence, wished or called for
insult            abuse of somebody
vulgar            obscene and sexual words: the only kind that may be allowed
promise           guaranteed money or health
office            speaking as the state, a court or the police

A draft is refused for doubtful words and sentences too: another one costs little. A tweet is kept out of training only
for certain ones.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from bot.screen import disguises, hashtags, shapes
from bot.screen.lexicon import Lexicon
from bot.values import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

_LINK = re.compile(r"https?://\S+|pic\.twitter\.com/\S+")
_WORDS = files("bot.screen") / "words"
_LISTS = {  # in the order of their gravity, so that the gravest is the reason
    "minors": "minors.txt",
    "slur": "hate.txt",
    "sexual_violence": "sexual_violence.txt",
    "threat": "threats.txt",
    "self_harm": "self_harm.txt",
    "vulgar": "obscenity.txt",
    "insult": "insults.txt",
}
_ORDER = ("minors", "slur", "hate", "threat", "sexual_violence", "self_harm", "vulgar", "insult", "promise", "office")


def why_not(
    text: str, *, vulgar: bool = False, allowed: re.Pattern[str] | None = None, certain: bool = False
) -> Reason | None:
    """Return why a text is harmful; of several reasons the gravest.

    `vulgar` permits obscene words; the word lists skip what `allowed` matches; `certain` leaves out what is doubtful.
    """
    unlinked = _LINK.sub(" ", unicodedata.normalize("NFKC", text))
    reasons = dict.fromkeys(
        Reason(kind, phrase)
        for kind, sure, phrase in (*_words_in(unlinked, allowed), *_sentences_in(unlinked))
        if (sure or not certain) and not (vulgar and kind == "vulgar")
    )
    return min(reasons, key=lambda reason: _ORDER.index(reason.name), default=None)


def kinds() -> tuple[str, ...]:
    """The names of all reasons."""
    return _ORDER


def _words_in(text: str, allowed: re.Pattern[str] | None) -> Iterator[tuple[str, bool, str]]:
    remaining = allowed.sub(" allowed ", text) if allowed else text
    lexicon = _lexicon()
    for reading in hashtags.readings(remaining, _vocabulary()):
        hits = list(lexicon.hits(reading))
        if hits and (excused := _excused().sub(" ; ", reading)) != reading:
            hits = list(lexicon.hits(excused))
        yield from hits


def _sentences_in(text: str) -> Iterator[tuple[str, bool, str]]:
    readings = hashtags.readings(text, _vocabulary())
    yield from shapes.hits(form for reading in readings for form in disguises.forms(reading))


@cache
def _lexicon() -> Lexicon:
    return Lexicon.of({kind: _lines(name) for kind, name in _LISTS.items()}, doubtful=("insult",))


@cache
def _vocabulary() -> hashtags.Vocabulary:
    return hashtags.vocabulary(_lexicon().words | shapes.words())


@cache
def _excused() -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{'|'.join(_lines('excused.txt'))})(?!\w)", re.IGNORECASE)


def _lines(name: str) -> list[str]:
    lines = (_WORDS / name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]
