"""How a person writes, in a few numbers and beginnings: what a bot that has no tweets must know to choose well.

It holds no words but beginnings that several tweets share. It knows no models, and needs neither torch nor numpy.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from training.errors import ModelError
from training.profile.vocabulary import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

FILE = "person.json"  # its name in a model folder
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)

SHARED = 5  # tweets that must begin alike at least
SHARE = 0.004  # and of all tweets, so that much that is said does not make everything a habit
MOST = 40  # beginnings: a rotation through them takes two weeks of three posts a day
LONGEST = 3  # words
# Letters, apostrophes and hyphens between them, a mark at the end: no handle, hashtag, link, number or emoji.
WORD = re.compile(r"[^\W\d_]+(?:['\u2019-][^\W\d_]+)*[.,:;!?\u2026]?")
SELDOM = 0.2  # of the tweets end so; from there on it is as good as any other way
FEWEST = 10  # tweets, below which a share of them says nothing
LONG_WORD = 20  # letters; where no spaces are between words, a whole sentence would be one
STOP = re.compile(r"[.!?\u2026\u3002\uff01\uff1f\u061f\u0964]\W*$")  # quotation marks, brackets, emoji may follow


@dataclass(frozen=True, slots=True)
class Person:
    """What is empty or None is not known: older model folders say less."""

    openers: Mapping[str, int] = field(default_factory=dict)  # how tweets begin: how many begin so and no longer one
    lengths: tuple[float, ...] = ()  # of tweets as X counts, at QUANTILES
    likelihoods: tuple[float, ...] = ()  # of tweets that the model has not learnt, a token, in nats, at QUANTILES
    stopped: float | None = None  # the share of tweets that end with a full stop or its like
    vocabulary: Vocabulary = field(default_factory=lambda: Vocabulary(()))  # a file of its own

    @classmethod
    def open(cls, folder: Path) -> Person:
        """The person in a model folder; one of whom nothing is known where the folder is an older one."""
        path = folder / FILE
        try:
            return replace(cls.from_json(path.read_bytes()), vocabulary=Vocabulary.open(folder))
        except FileNotFoundError:
            return cls()
        except (OSError, ValueError) as error:
            raise ModelError(f"{path} does not say how a person writes ({error}): train the model again.") from error

    @classmethod
    def from_json(cls, data: bytes) -> Person:
        """What newer programs add is passed over; a ValueError where a value is none."""
        said: Any = json.loads(data)
        try:
            stopped = said.get("stopped")
            return cls(
                openers={str(opener): int(count) for opener, count in said.get("openers", {}).items()},
                lengths=_quantiles(said.get("lengths", ())),
                likelihoods=_quantiles(said.get("likelihoods", ())),
                stopped=None if stopped is None else float(stopped),
            )
        except (AttributeError, TypeError) as error:
            raise ValueError(str(error)) from error

    def to_json(self) -> bytes:
        said = {name: getattr(self, name) for name in ("openers", "lengths", "likelihoods", "stopped")}
        return (json.dumps(said, indent=2, ensure_ascii=False) + "\n").encode()

    def unknown_words(self, text: str) -> list[str]:
        """The words that neither the person used nor the tokenizer has: most of those that are none, see there."""
        return self.vocabulary.unknown_words(text)

    def ends(self, text: str) -> float:
        """Whether it is usual to end so, with a full stop or without: 1, or less for what the person seldom does."""
        if self.stopped is None:
            return 1.0
        return min(1.0, (self.stopped if is_stopped(text) else 1 - self.stopped) / SELDOM)


def describe(
    texts: Sequence[str],
    likelihoods: Sequence[float],
    *,
    length: Callable[[str], int] = len,
    unspeakable: Callable[[str], str | None] | None = None,
) -> Person:
    """`texts` are what the person wrote, `likelihoods` those of the ones that the model has not learnt."""
    begins = openers(texts)
    return Person(
        openers={opener: count for opener, count in begins.items() if not (unspeakable and unspeakable(opener))},
        lengths=quantiles([length(text) for text in texts]),
        likelihoods=quantiles(likelihoods) if len(likelihoods) >= FEWEST else (),
        stopped=round(sum(is_stopped(text) for text in texts) / len(texts), 3) if texts else None,
    )


def openers(texts: Sequence[str]) -> dict[str, int]:
    """Beginnings that many tweets share, the commonest first. A tweet counts for its longest one only."""
    least = max(SHARED, math.ceil(SHARE * len(texts)))
    names = _Names(texts)
    begins = [list(_beginnings(text, names)) for text in texts]  # of each tweet, the shortest first
    left: Counter[str] = Counter()
    counted = [False] * len(texts)
    for words in range(LONGEST, 0, -1):
        of_these = [own[words - 1] if len(own) >= words else None for own in begins]
        counts = Counter(begin for begin, done in zip(of_these, counted, strict=True) if begin is not None and not done)
        left += Counter({begin: count for begin, count in counts.items() if count >= least})
        counted = [done or begin in left for begin, done in zip(of_these, counted, strict=True)]
    return dict(sorted(left.items(), key=lambda one: (-one[1], one[0]))[:MOST])


def is_stopped(text: str) -> bool:
    """Does it end as a sentence does?"""
    return STOP.search(text) is not None


def quantiles(values: Sequence[float]) -> tuple[float, ...]:
    """At QUANTILES, between neighbours where one falls between them; nothing of nothing."""
    if not values:
        return ()
    ordered = sorted(values)
    places = [share * (len(ordered) - 1) for share in QUANTILES]
    return tuple(
        round(ordered[int(place)] + (place % 1) * (ordered[math.ceil(place)] - ordered[int(place)]), 3)
        for place in places
    )


class _Names:
    """Which words may be names of somebody or something: those never written small where no sentence begins."""

    def __init__(self, texts: Sequence[str]) -> None:
        small: Counter[str] = Counter()
        large: Counter[str] = Counter()
        for text in texts:
            words = text.split()
            for before, word in pairwise(words):
                bare = _bare(word)
                if bare and before[-1] not in '.!?\u2026:"\u201c\u201d':
                    (small if bare[0] == bare[0].lower() else large)[bare.casefold()] += 1
        self._small, self._large = small, large

    def may_hold(self, word: str) -> bool:
        bare = _bare(word)
        if bare[0] == bare[0].lower() or len(re.split(r"['\u2019]", bare)[0]) == 1:  # I, I'm, A
            return False
        return self._small[bare.casefold()] <= self._large[bare.casefold()]


def _beginnings(text: str, names: _Names) -> Iterator[str]:
    """Its first word, its first two, its first three, as far as they may be said by anybody."""
    said: list[str] = []
    for word in text.split()[:LONGEST]:
        if not WORD.fullmatch(word) or len(word) > LONG_WORD or names.may_hold(word):
            return
        said.append(word)
        if " ".join(said) == text:  # a whole tweet is no beginning
            return
        yield " ".join(said)


def _bare(word: str) -> str:
    return word.strip(".,:;!?\u2026\"'()[]\u201c\u201d\u2018\u2019*")


def _quantiles(said: Any) -> tuple[float, ...]:
    values = tuple(float(value) for value in said)
    if values and (len(values) != len(QUANTILES) or list(values) != sorted(values)):
        raise ValueError(f"{len(values)} numbers that rise were to be {len(QUANTILES)}")
    return values
