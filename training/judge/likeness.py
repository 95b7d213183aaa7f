"""Voice likeness: whether texts are written as a person writes, from 0 (as others do) to 1 (as they do themselves).

Only style counts: function words, punctuation, capitals, emoji, how texts begin and end, and lengths. Every other word
is replaced by its shape, so that no topic can be recognised; links and handles, which a bot may not post, are left out.
The scale is set by the person's own newer tweets at 1 and by the most similar of ten invented authors at 0. Those
authors write English: in another language, 0 is further away.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from functools import cache
from importlib import resources
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

PANEL = "panel.txt"
FEWEST = 16  # texts of a set: style does not show in fewer
RECENT = 1_500  # training tweets: a style drifts, and more cost time
NEAREST = 3  # authors of the panel that are 0 together: one alone has too few texts
FEATURES = 2**12  # hashed; single tokens and pairs of neighbours. Threes only added noise
COMMON = 0.02  # added to a feature's frequency: the rarest weigh seven times as much as one that every text has
BIN, BINS = 20, 15  # characters; the last bin, from 280 on, is open
LENGTH = 0.03  # weight of the lengths beside the words: enough that texts of half the length score .2 lower
SHORT, LONG = 5, 9  # letters: a word that is replaced by its shape is short, middling or long

TOKEN = re.compile(r"[@#]\w+|[^\W\d_]+(?:['\u2019][^\W\d_]+)*|\d+(?:[.,:]\d+)*|\n|\S")
LINK = re.compile(r"(?:https?://|www\.|pic\.twitter\.com/)\S+", re.IGNORECASE)
WORDS = """
a about above after again against all almost also although always am among an and another any anyone anything are
aren't around as at away back be because been before being below between both but by came can can't cannot come
could couldn't did didn't do does doesn't doing don't done down during each either else enough even ever every
everyone everything few first for from get gets getting go goes going gone got had hadn't has hasn't have haven't
having he he'd he'll he's her here here's hers herself him himself his how how's however i i'd i'll i'm i've if in
indeed into is isn't it it'd it'll it's its itself just last least less let let's like made make makes many may
maybe me might mine more most much must my myself need neither never no nobody none nor not nothing now of off often
oh ok okay on once one ones only onto or other others our ours ourselves out over own perhaps quite rather really
said same say says she she'd she'll she's should shouldn't since so some somebody someone something soon still such
than thank thanks that that's the their theirs them themselves then there there's these they they'd they'll they're
they've thing things think this those though through thus to today together tomorrow tonight too toward two under
until up upon us very was wasn't way we we'd we'll we're we've well went were weren't what what's whatever when
where whether which while who who's whom whose why will with within without won't would wouldn't yes yesterday yet
you you'd you'll you're you've your yours yourself u ur im ive dont cant didnt isnt thats lol idk tbh via
"""
FUNCTION_WORDS = frozenset(WORDS.split())


class _Style(NamedTuple):
    """Of some texts: (texts, FEATURES) and (texts, BINS)."""

    words: Floats
    lengths: Floats


def voice_likeness(texts: Sequence[str], train: Sequence[str], held_out: Sequence[str]) -> float | None:
    """How much more the texts' style is that of the person's older tweets than the nearest other authors' is."""
    return Scale(train, held_out).of(texts)


class Scale:
    """One person's scale; without one if tweets are few, or the newer ones as far from the older as other people's."""

    def __init__(self, train: Sequence[str], held_out: Sequence[str]) -> None:
        self._distance: _Distance | None = None
        if min(len(train), len(held_out)) < FEWEST:
            return
        distance = _Distance(_style(train[-RECENT:]))
        self._own = distance.of(_style(held_out))
        self._others = float(np.mean(sorted(map(distance.of, _panel()))[:NEAREST]))
        if self._own < self._others:
            self._distance = distance

    def of(self, texts: Sequence[str]) -> float | None:
        """None also for fewer than `FEWEST` texts."""
        if self._distance is None or len(texts) < FEWEST:
            return None
        share = (self._others - self._distance.of(_style(texts))) / (self._others - self._own)
        return min(1.0, max(0.0, share))


def tokens(text: str) -> list[str]:
    """Function words, marks and emoji as they are; in place of every other word, its capitals and rough length."""
    return [_token(token) for token in TOKEN.findall(LINK.sub(" ", text)) if not _is_handle(token)]


class _Distance:
    """The squared distance between the mean style of a set of texts and a person's, free of the sets' sizes.

    A mean of few texts lies further from any other than a mean of many; without that share (each text's product with
    itself) the expected distance of two sets by one author is 0 whatever their sizes.
    """

    def __init__(self, person: _Style) -> None:
        panel = np.concatenate([author.words for author in _panel()])
        frequency = ((person.words > 0).mean(axis=0) + (panel > 0).mean(axis=0)) / 2
        self._weights = (1 / np.sqrt(frequency + COMMON)).astype(np.float32)
        self._words = self._weighed(person.words)
        self._lengths = person.lengths

    def of(self, texts: _Style) -> float:
        words = _square(self._weighed(texts.words), self._words)
        return words + LENGTH * _square(texts.lengths, self._lengths)

    def _weighed(self, words: Floats) -> Floats:
        """Each text's features, weighted by rarity, at length 1: a long text counts as much as a short one."""
        features = np.sqrt(words) * self._weights
        return features / np.linalg.norm(features, axis=1, keepdims=True)


def _square(some: Floats, others: Floats) -> float:
    """An unbiased estimate of the squared distance of two means."""
    return _between(some) + _between(others) - 2 * float(some.mean(axis=0) @ others.mean(axis=0))


def _between(vectors: Floats) -> float:
    """The mean product of two different rows."""
    total = vectors.sum(axis=0, dtype=np.float64)
    return float((total @ total - np.square(vectors, dtype=np.float64).sum()) / (len(vectors) * (len(vectors) - 1)))


@cache
def _panel() -> tuple[_Style, ...]:
    authors: list[list[str]] = []
    for line in resources.files(__package__).joinpath(PANEL).read_text(encoding="utf-8").splitlines():
        if line.startswith("= "):
            authors.append([])
        elif not line.startswith("#"):
            authors[-1].append(line)
    return tuple(map(_style, authors))


def _style(texts: Sequence[str]) -> _Style:
    words = np.zeros((len(texts), FEATURES), dtype=np.float32)
    lengths = np.zeros((len(texts), BINS), dtype=np.float32)
    for row, text in enumerate(texts):
        for feature in _features(text):
            words[row, zlib.crc32(feature.encode("utf-8", "replace")) % FEATURES] += 1
        lengths[row, min(len(text) // BIN, BINS - 1)] = 1
    return _Style(words, lengths)


def _features(text: str) -> Iterator[str]:
    """Tokens and pairs of neighbours; the beginning and the end of the text are tokens too."""
    every = ["^", *tokens(text), "$"]
    yield from every
    yield from map(" ".join, pairwise(every))


def _token(token: str) -> str:
    if token[0] == "#" and len(token) > 1:
        return "#"
    if token[0].isdigit():
        return "0"
    if token[0].isnumeric():  # "½cup", which the pattern takes for a word
        return "0"
    if not token[0].isalpha():
        return "\U0001f600" if unicodedata.category(token[0]) in {"So", "Sk"} else token
    case = "XX" if len(token) > 1 and token.isupper() else "Xx" if token[0].isupper() else "x"
    word = token.casefold().replace("\u2019", "'")
    if word in FUNCTION_WORDS:
        return word if case == "x" else f"{case}:{word}"
    return case + ("1" if len(token) < SHORT else "2" if len(token) < LONG else "3")


def _is_handle(token: str) -> bool:
    return token[0] == "@" and len(token) > 1
