"""Refuses harmful words, harmful sentences that a pattern finds, and what a small model finds toxic.

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
toxic             the statistical layer finds it toxic as a whole

A draft is refused for doubtful words and sentences too: another one costs little. A tweet is kept out of training only
for certain ones.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from bot.screen import disguises, hashtags, shapes, toxicity
from bot.screen.lexicon import Lexicon
from bot.values import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bot.screen.lexicon import Hit

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
_ORDER = (
    "minors",
    "slur",
    "hate",
    "threat",
    "sexual_violence",
    "self_harm",
    "vulgar",
    "insult",
    "promise",
    "office",
    "toxic",
)


def why_not(
    text: str,
    *,
    vulgar: bool = False,
    allowed: re.Pattern[str] | None = None,
    certain: bool = False,
    toxic: bool = True,
    languages: Sequence[str] = (),
) -> Reason | None:
    """Return why a text is harmful; of several reasons the gravest.

    `vulgar` permits obscene words; the word lists skip what `allowed` matches; `certain` leaves out what is doubtful,
    and the statistical layer, as `toxic=False` does. `languages` are those besides English, by their codes.
    """
    unlinked = _LINK.sub(" ", unicodedata.normalize("NFKC", text))
    remaining = allowed.sub(" allowed ", unlinked) if allowed else unlinked
    listed = list(listed_in(remaining, languages))
    reasons = dict.fromkeys(
        Reason(kind, phrase)
        for kind, sure, phrase in (*listed, *sentences_in(unlinked))
        if (sure or not certain) and not (vulgar and kind == "vulgar")
    )
    if reasons or certain or not toxic:
        return min(reasons, key=lambda reason: _ORDER.index(reason.name), default=None)
    unexcused = excused().sub(" ", remaining)
    return toxicity.why_not(_without_obscene(unexcused, listed) if vulgar else unexcused)


def kinds() -> tuple[str, ...]:
    """The names of all reasons."""
    return _ORDER


def listed_in(text: str, languages: Sequence[str]) -> Iterator[Hit]:
    for reading in hashtags.readings(text, _vocabulary()):
        for lexicon in (_lexicon(), *map(_lexicon_of, set(languages) & set(foreign_lists()))):
            hits = list(lexicon.hits(reading))
            if hits and (harmful := excused().sub(" ; ", reading)) != reading:
                hits = list(lexicon.hits(harmful))
            yield from hits


def _without_obscene(text: str, hits: Iterable[Hit]) -> str:
    """The text without the obscene words in it."""
    phrases = sorted({re.escape(hit.phrase) for hit in hits if hit.kind == "vulgar"}, key=len, reverse=True)
    if not phrases:
        return text
    words = re.sub("|".join(phrases), " ", disguises.bare(text)).split()
    return " ".join(word for word in words if all(hit.kind != "vulgar" for hit in _lexicon().hits(word)))


def sentences_in(text: str) -> Iterator[tuple[str, bool, str]]:
    readings = hashtags.readings(text, _vocabulary())
    yield from shapes.hits(form for reading in readings for form in disguises.forms(reading))


@cache
def _lexicon() -> Lexicon:
    return Lexicon.of({kind: _lines(name) for kind, name in _LISTS.items()}, doubtful=("insult",))


@cache
def _lexicon_of(language: str) -> Lexicon:
    return Lexicon.of({"vulgar": _lines(f"languages/{language}.txt")})


@cache
def foreign_lists() -> tuple[str, ...]:
    """The codes of the languages that have a list of obscene words, besides English."""
    return tuple(
        sorted(path.name.removesuffix(".txt") for path in (_WORDS / "languages").iterdir() if ".txt" in path.name)
    )


@cache
def _vocabulary() -> hashtags.Vocabulary:
    return hashtags.vocabulary(_lexicon().words | shapes.words())


@cache
def excused() -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{'|'.join(_lines('excused.txt'))})(?!\w)", re.IGNORECASE)


def _lines(name: str) -> list[str]:
    lines = (_WORDS / name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]
