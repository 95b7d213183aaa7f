"""Scores the drafts that pass the screen, from 0 to 1. The score is a weighted sum of parts from 0 to 1:

    person   a classifier that knows the person's tweets from drafts takes it for a tweet
    sense    its least likely run of tokens is likely, for a draft of this model: there nonsense shows
    words    no words that neither the person nor the tokenizer knows: most of these are non-words
    whole    it ends like the person's tweets, closes its brackets and quotes, and repeats no word at once and no clause
    length   the length that is this post's turn, so that posts are as long as the person's tweets, or a usual one
    fresh    few words in common with the last posts

`benchmarks/choice.py` measures what each part and each weight is worth; docs/speaking.md has the table.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.text.length import weighted_length

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bot.values import Draft
    from training.profile.person import Person

WEIGHTS: Mapping[str, float] = {
    "person": 0.2, "sense": 0.3, "words": 0.1, "whole": 0.05, "length": 0.25, "fresh": 0.1,
}  # fmt: skip

STRANGE = 0.5  # factor of `words` for each unknown word
LOPSIDED = 0.3  # factor of `whole` for an unclosed bracket or quote
DOUBLED = 0.3  # factor of `whole` for a doubled word
FLAWED = 0.3  # factor of `whole` for an end in mid-sentence and for a repeated clause
FAR = 0.5  # of the person's tweets between a draft's length and the one whose turn it is: `length` is 0
LONG = 4  # letters of a word that counts for `fresh`; shorter ones are in every text

_TWICE = re.compile(r"\b([^\W\d_]+) \1\b")
_PAIRS = (("(", ")"), ("[", "]"), ("\u201c", "\u201d"), ("\u00ab", "\u00bb"))
_WORD = re.compile(rf"[^\W\d_]{{{LONG},}}")


@dataclass(frozen=True, slots=True)
class Score:
    total: float
    parts: Mapping[str, float]


def score(draft: Draft, person: Person | None, last: Sequence[str] = (), turn: float | None = None) -> Score:
    """`last` are the texts of the last posts. Without a profile of the person, the likeliest draft is the best.

    `turn`, from 0 to 1, is the share of the person's tweets that should be shorter than this post.
    """
    parts = {
        "person": person.likeness(draft.text) if person else 1.0,
        "sense": _sense(draft, person),
        "words": STRANGE ** len(person.unknown_words(draft.text)) if person else 1.0,
        "whole": _whole(draft.text, person),
        "length": _length(weighted_length(draft.text), person, turn),
        "fresh": 1 - max((overlap(draft.text, other) for other in last), default=0.0),
    }
    return Score(sum(weight * parts[name] for name, weight in WEIGHTS.items()), parts)


def ranked(
    drafts: Iterable[Draft], person: Person | None, last: Sequence[str] = (), turn: float | None = None
) -> list[tuple[Draft, Score]]:
    """The best first; of two equal ones, the likelier."""
    scored = [(draft, score(draft, person, last, turn)) for draft in drafts]
    return sorted(scored, key=lambda one: (one[1].total, one[0].likelihood), reverse=True)


def usual(value: float, quantiles: Sequence[float]) -> float:
    """1 between the quartiles, 1/2 at the 5 % and 95 % quantiles, falling linearly to 0.

    `quantiles` are the person's, at 5, 25, 50, 75 and 95 %.
    """
    low, lower, _, upper, high = quantiles
    if value < lower:
        return max(0.0, 1 - (lower - value) / (2 * (lower - low))) if lower > low else 0.0
    if value > upper:
        return max(0.0, 1 - (value - upper) / (2 * (high - upper))) if high > upper else 0.0
    return 1.0


def overlap(text: str, other: str) -> float:
    """The share of a text's longer words that are in the other text too."""
    own = set(_WORD.findall(text.casefold()))
    return len(own & set(_WORD.findall(other.casefold()))) / len(own) if own else 0.0


def _sense(draft: Draft, person: Person | None) -> float:
    """0 at the 5 % quantile of the model's drafts, 1 at the 95 % quantile."""
    if person is None or not person.weakest or draft.weakest is None:
        return 1 / (1 + abs(draft.likelihood))
    low, _, _, _, high = person.weakest
    return min(1.0, max(0.0, (draft.weakest - low) / (high - low))) if high > low else 1.0


def _whole(text: str, person: Person | None) -> float:
    lopsided = any(text.count(opening) != text.count(closing) for opening, closing in _PAIRS) or text.count('"') % 2
    whole = (LOPSIDED if lopsided else 1.0) * (DOUBLED if _TWICE.search(text) else 1.0)
    if person is None:
        return whole
    flaws = sum(flaw != "non-word" for flaw in person.flaws(text))  # `words` counts those
    return whole * person.ends(text) * FLAWED**flaws


def _length(length: int, person: Person | None, turn: float | None) -> float:
    if person is None or not person.lengths:
        return 1.0
    return usual(length, person.lengths) if turn is None else max(0.0, 1 - abs(person.rank(length) - turn) / FAR)
