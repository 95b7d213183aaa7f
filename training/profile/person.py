"""How a person writes: openers, lengths, endings, by which the bot chooses among drafts without the tweets.

The only words in it are openers that several tweets share. No torch, no numpy.
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
from training.profile import flaws
from training.profile.discriminator import Discriminator
from training.profile.vocabulary import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

FILE = "person.json"  # its name in a model folder
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)

FLAWS = ("non-word", "cut off", "repeated clause")  # what a reader stumbles over

SHARED = 5  # the fewest tweets that must share an opener
SHARE = 0.004  # and the smallest share of all tweets, so that many tweets do not make everything a habit
MOST = 40  # openers: with three posts a day, a rotation takes two weeks
LONGEST = 3  # words
# Letters with apostrophes and hyphens between them and a mark at the end; no handle, hashtag, link, number or emoji.
WORD = re.compile(r"[^\W\d_]+(?:['\u2019-][^\W\d_]+)*[.,:;!?\u2026]?")
SELDOM = 0.2  # an ending (with or without a full stop) of this share of the tweets or more is not penalised
FEWEST = 10  # drafts; quantiles of fewer say nothing
LONG_WORD = 20  # letters; in a script without spaces a whole sentence would be one word
STOP = re.compile(r"[.!?\u2026\u3002\uff01\uff1f\u061f\u0964]\W*$")  # quotation marks, brackets, emoji may follow


@dataclass(frozen=True, slots=True)
class Person:
    """A value that is empty or None is unknown: older model folders have fewer."""

    openers: Mapping[str, int] = field(default_factory=dict)  # opener -> tweets whose longest opener it is
    lengths: tuple[float, ...] = ()  # of tweets, as X counts, at QUANTILES
    weakest: tuple[float, ...] = ()  # of the model's drafts, at QUANTILES: see Sample.weakest
    stopped: float | None = None  # the share of tweets that end with a full stop or similar mark
    vocabulary: Vocabulary = field(default_factory=lambda: Vocabulary(()))  # stored in its own file
    discriminator: Discriminator = field(default_factory=Discriminator)  # stored in its own file

    @classmethod
    def open(cls, folder: Path) -> Person:
        """The person in a model folder; without any values where the folder is an older one."""
        path = folder / FILE
        try:
            person = cls.from_json(path.read_bytes())
            return replace(person, vocabulary=Vocabulary.open(folder), discriminator=Discriminator.open(folder))
        except FileNotFoundError:
            return cls()
        except (OSError, ValueError) as error:
            raise ModelError(f"{path} does not say how a person writes ({error}): train the model again.") from error

    @classmethod
    def from_json(cls, data: bytes) -> Person:
        """Unknown keys are ignored; a ValueError where a value is invalid."""
        values: Any = json.loads(data)
        try:
            stopped = values.get("stopped")
            return cls(
                openers={str(opener): int(count) for opener, count in values.get("openers", {}).items()},
                lengths=_quantiles(values.get("lengths", ())),
                weakest=_quantiles(values.get("weakest", ())),
                stopped=None if stopped is None else float(stopped),
            )
        except (AttributeError, TypeError) as error:
            raise ValueError(str(error)) from error

    def to_json(self) -> bytes:
        values = {name: getattr(self, name) for name in ("openers", "lengths", "weakest", "stopped")}
        return (json.dumps(values, indent=2, ensure_ascii=False) + "\n").encode()

    def unknown_words(self, text: str) -> list[str]:
        """The words that neither the person's tweets nor the tokenizer contain; most are non-words."""
        return self.vocabulary.unknown_words(text)

    def likeness(self, text: str) -> float:
        """The probability that the text is the person's and not a draft of the model's; 1 if that is unknown."""
        return self.discriminator.likeness(text) if self.discriminator else 1.0

    def flaws(self, text: str) -> list[str]:
        """Those of `FLAWS` that the text has."""
        has = (bool(self.unknown_words(text)), flaws.is_cut_off(text), flaws.repeats_clause(text))
        return [name for name, has_it in zip(FLAWS, has, strict=True) if has_it]

    def rank(self, length: float) -> float:
        """The share of the person's tweets that are shorter, from 0 to 1; 1/2 if that is unknown."""
        if not self.lengths:
            return 0.5
        low, high = 0.0, 2 * self.lengths[-1] - self.lengths[-2]
        points = [(low, 0.0), *zip(self.lengths, QUANTILES, strict=True), (max(high, self.lengths[-1] + 1), 1.0)]
        for (below, share), (above, more) in pairwise(points):
            if length < above:
                return share + (more - share) * max(length - below, 0.0) / (above - below)
        return 1.0

    def ends(self, text: str) -> float:
        """How common the text's ending is, with or without a full stop: 1, or less if the person seldom ends so."""
        if self.stopped is None:
            return 1.0
        return min(1.0, (self.stopped if is_stopped(text) else 1 - self.stopped) / SELDOM)


def describe(
    texts: Sequence[str],
    weakest: Sequence[float],
    *,
    length: Callable[[str], int] = len,
    unspeakable: Callable[[str], str | None] | None = None,
) -> Person:
    """`texts` are all that the person wrote; `weakest` says how likely the least likely run of each draft is."""
    begins = openers(texts)
    return Person(
        openers={opener: count for opener, count in begins.items() if not (unspeakable and unspeakable(opener))},
        lengths=quantiles([length(text) for text in texts]),
        weakest=quantiles(weakest) if len(weakest) >= FEWEST else (),
        stopped=round(sum(is_stopped(text) for text in texts) / len(texts), 3) if texts else None,
    )


def openers(texts: Sequence[str]) -> dict[str, int]:
    """Openers that many tweets share, the commonest first. A tweet counts for its longest opener only."""
    least = max(SHARED, math.ceil(SHARE * len(texts)))
    names = _Names(texts)
    begins = [list(_beginnings(text, names)) for text in texts]  # of each tweet, the shortest first
    common: Counter[str] = Counter()
    counted = [False] * len(texts)
    for words in range(LONGEST, 0, -1):
        of_these = [own[words - 1] if len(own) >= words else None for own in begins]
        counts = Counter(begin for begin, done in zip(of_these, counted, strict=True) if begin is not None and not done)
        common += Counter({begin: count for begin, count in counts.items() if count >= least})
        counted = [done or begin in common for begin, done in zip(of_these, counted, strict=True)]
    return dict(sorted(common.items(), key=lambda one: (-one[1], one[0]))[:MOST])


def is_stopped(text: str) -> bool:
    """Whether the text ends as a sentence does."""
    return STOP.search(text) is not None


def quantiles(values: Sequence[float]) -> tuple[float, ...]:
    """The values at QUANTILES, interpolated; empty without values."""
    if not values:
        return ()
    ordered = sorted(values)
    places = [share * (len(ordered) - 1) for share in QUANTILES]
    return tuple(
        round(ordered[int(place)] + (place % 1) * (ordered[math.ceil(place)] - ordered[int(place)]), 3)
        for place in places
    )


class _Names:
    """Words that may be names: within sentences, they are capitalised at least as often as not."""

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
    """The first one, two and three words, up to a name, link or the like; never the whole text."""
    opener: list[str] = []
    for word in text.split()[:LONGEST]:
        if not WORD.fullmatch(word) or len(word) > LONG_WORD or names.may_hold(word):
            return
        opener.append(word)
        if " ".join(opener) == text:  # a whole tweet is not an opener
            return
        yield " ".join(opener)


def _bare(word: str) -> str:
    return word.strip(".,:;!?\u2026\"'()[]\u201c\u201d\u2018\u2019*")


def _quantiles(numbers: Any) -> tuple[float, ...]:
    values = tuple(float(number) for number in numbers)
    if values and (len(values) != len(QUANTILES) or list(values) != sorted(values)):
        raise ValueError(f"{len(QUANTILES)} rising numbers expected, not {list(values)}")
    return values
