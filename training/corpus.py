"""From tweets to the texts to learn and the texts held out, split by time, with the count of what fell out.

Knows neither files nor tokens.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from training.clean import kept_text
from training.errors import TooLittleData

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from training.sources.archive import Archive
    from training.tweets import Tweet

FEWEST_CHARACTERS = 6_000  # huggingtweets' floor: about one sample of 1,024 tokens, with a margin
FEW_CHARACTERS = 40_000  # below this it warned
SEPARATOR = len("<|endoftext|>")  # it counted those too
LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Funnel:
    """What became of an author's tweets; `kept` counts repetitions, as the published cards do."""

    author: str
    downloaded: int
    retweets: int
    short: int
    kept: int

    def __post_init__(self) -> None:
        if self.downloaded != self.retweets + self.short + self.kept:
            raise ValueError(f"the funnel of @{self.author} does not add up: {self}")


@dataclass(frozen=True, slots=True)
class Corpus:
    """Texts, the oldest first; no text occurs twice. `warnings` are sentences that the person should read."""

    train: tuple[str, ...]
    held_out: tuple[str, ...]
    funnels: tuple[Funnel, ...]
    warnings: tuple[str, ...] = ()


def build(archives: Iterable[Archive], *, held_out_share: float = 0.1) -> Corpus:
    """The newest `held_out_share` of each author's texts is held out: a random split flatters the model."""
    train: list[str] = []
    held_out: list[str] = []
    funnels: list[Funnel] = []
    warnings: list[str] = []
    seen: set[str] = set()  # by anyone: a text learnt from one author is no test of another
    for author, tweets in _by_author(archives).items():
        kept, funnel = sift(author, tweets)
        texts = [text for text in dict.fromkeys(kept) if text not in seen]
        seen.update(texts)
        warnings += _too_little(funnel, texts)
        cut = len(texts) - _held_out_count(len(texts), held_out_share)
        train += texts[:cut]
        held_out += texts[cut:]
        funnels.append(funnel)
    if not funnels:
        raise TooLittleData("There are no tweets to learn from: import an archive first.")
    return Corpus(tuple(train), tuple(held_out), tuple(funnels), tuple(warnings))


def sift(author: str, tweets: Sequence[Tweet]) -> tuple[list[str], Funnel]:
    """The texts that the published rules keep, the oldest first, and the count of the rest."""
    own = [tweet for tweet in sorted(tweets, key=_age) if tweet.kind != "retweet"]
    kept = [text for tweet in own if (text := kept_text(tweet.text))]
    retweets = len(tweets) - len(own)
    return kept, Funnel(author, len(tweets), retweets, len(own) - len(kept), len(kept))


def _by_author(archives: Iterable[Archive]) -> dict[str, list[Tweet]]:
    tweets: defaultdict[str, list[Tweet]] = defaultdict(list)
    for archive in archives:
        tweets[archive.author] += archive.tweets
    return dict(tweets)


def _age(tweet: Tweet) -> tuple[datetime, int, str]:
    """By time, then by id; ids are numbers without leading zeros, so the longer one is the later one."""
    return tweet.at or LONG_AGO, len(tweet.id), tweet.id


def _held_out_count(count: int, share: float) -> int:
    """Rounded down, but at least one where anything is to be held out and something is left to learn."""
    return max(int(count * share), 1) if share > 0 and count > 1 else 0


def _too_little(funnel: Funnel, texts: Sequence[str]) -> list[str]:
    """Raises below the floor, warns below the second one; the numbers are of distinct texts, as a model sees them."""
    characters = sum(map(len, texts)) + SEPARATOR * max(len(texts) - 1, 0)
    found = (
        f"@{funnel.author} has {characters:,} characters in {len(texts):,} different tweets "
        f"(of {funnel.downloaded:,}: {funnel.retweets:,} retweets, {funnel.short:,} short)"
    )
    if characters < FEWEST_CHARACTERS:
        raise TooLittleData(f"{found}; a model needs at least {FEWEST_CHARACTERS:,}: add more tweets.")
    if characters < FEW_CHARACTERS:
        return [f"{found}; below {FEW_CHARACTERS:,} a model repeats what it read: more tweets would help."]
    return []
