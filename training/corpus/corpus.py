"""From tweets to the texts to learn and the texts held out, split by time, with the count of what fell out.

Knows neither files nor tokens; which tweets fall out is the business of training/rules.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

from training.corpus.near_duplicates import NearDuplicateIndex
from training.errors import TooLittleData
from training.rules import huggingtweets, mynah

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from training.rules.verdict import Verdict
    from training.sources.archive import Archive
    from training.sources.tweets import Tweet

FEWEST_CHARACTERS = 6_000  # huggingtweets' floor: about one sample of 1,024 tokens, with a margin
FEW_CHARACTERS = 40_000  # below this it warned
SEPARATOR = len("<|endoftext|>")  # it counted those too
LONG_AGO = datetime.min.replace(tzinfo=UTC)

Rules = Literal["mynah", "huggingtweets"]


@dataclass(frozen=True, slots=True)
class Choices:
    """What a person may choose. The published rules know no choice: there the next three do nothing."""

    rules: Rules = "mynah"
    newlines: bool = False  # kept, or made spaces
    replies: bool = True
    unspeakable: Callable[[str], str | None] | None = None  # why the bot may never say this
    recency: timedelta | None = None  # the half-life of a tweet's weight
    tags: bool = False  # before each text of several authors: who says it
    held_out_share: float = 0.1


@dataclass(frozen=True, slots=True)
class Text:
    """What is learnt or held out. With weight 0.5 it is learnt in every other pass."""

    text: str
    author: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Funnel:
    """What became of an author's tweets; `dropped` counts them by rule, in the order of the rules."""

    author: str
    downloaded: int
    dropped: Mapping[str, int]
    kept: int

    def __post_init__(self) -> None:
        if self.downloaded != sum(self.dropped.values()) + self.kept:
            raise ValueError(f"the funnel of @{self.author} does not add up: {self}")

    def counts(self) -> dict[str, int]:
        return {"downloaded": self.downloaded, **self.dropped, "kept": self.kept}


@dataclass(frozen=True, slots=True)
class Kept:
    text: str
    tweet: Tweet
    last: datetime | None  # when it was said last, by this tweet or one that says the same


@dataclass(frozen=True, slots=True)
class Dropped:
    tweet: Tweet
    note: str = ""  # more than the name of the rule: the reason against it, the text that it repeats


@dataclass(frozen=True, slots=True)
class FilterResult:
    """The kept ones, the oldest first, and all others by rule."""

    kept: tuple[Kept, ...]
    dropped: Mapping[str, tuple[Dropped, ...]]
    funnel: Funnel


@dataclass(frozen=True, slots=True)
class Corpus:
    """Texts author by author, the oldest first; nothing held out is nearly a text that is learnt, by anyone."""

    train: tuple[Text, ...]
    held_out: tuple[Text, ...]
    funnels: tuple[Funnel, ...]
    display_names: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()  # sentences that the person should read
    tags: Mapping[str, str] = field(default_factory=dict)  # what stands before each text of an author; empty where off
    characters: Mapping[str, int] = field(default_factory=dict)  # kept, of each author
    overlap: Mapping[str, int] = field(default_factory=dict)  # kept, but neither learnt nor held out: see build


MYNAH = Choices()


def build(archives: Iterable[Archive], choices: Choices = MYNAH) -> Corpus:
    """The newest share of each author's texts is held out: a random split flatters the model.

    What is held out is no more than a test, so of two texts that are nearly one across the split, that one goes.
    """
    tweets, names = _by_author(archives)
    train: list[Text] = []
    newest: list[Text] = []
    funnels: list[Funnel] = []
    warnings: list[str] = []
    characters: dict[str, int] = {}
    for author, own in tweets.items():
        sifted = filter_tweets(author, own, choices)
        characters[author] = _characters(sifted)
        warnings += _too_little(sifted.funnel, characters[author])
        funnels.append(sifted.funnel)
        cut = len(sifted.kept) - _held_out_count(len(sifted.kept), choices.held_out_share)
        train += _weighed(sifted.kept[:cut], author, choices.recency)
        newest += [Text(kept.text, author) for kept in sifted.kept[cut:]]
    if not funnels:
        raise TooLittleData("There are no tweets to learn from: import an archive first.")
    alike = len(tweets) > 1 or choices.rules == "huggingtweets"  # else sift has seen to it
    held_out = _unlike(newest, train) if alike else newest
    return Corpus(
        train=tuple(train),
        held_out=tuple(held_out),
        funnels=tuple(funnels),
        display_names=names,
        warnings=tuple(warnings),
        tags={author: f"@{author}: " for author in tweets} if choices.tags and len(tweets) > 1 else {},
        characters=characters,
        overlap={author: _count(newest, author) - _count(held_out, author) for author in tweets},
    )


def filter_tweets(author: str, tweets: Sequence[Tweet], choices: Choices = MYNAH) -> FilterResult:
    """What the rules keep and what they drop; of texts that say the same, the first one said is kept."""
    rules, judge = _rules(choices)
    dropped: dict[str, list[Dropped]] = {rule: [] for rule in rules}
    kept: list[Kept] = []
    for tweet in sorted(tweets, key=_age):
        verdict = judge(tweet)
        if verdict.rule:
            dropped[verdict.rule].append(Dropped(tweet, verdict.note))
        else:
            kept.append(Kept(verdict.text, tweet, tweet.at))
    if "duplicate" in dropped:
        kept = _first_said(kept, dropped)
    funnel = Funnel(author, len(tweets), {rule: len(those) for rule, those in dropped.items()}, len(kept))
    return FilterResult(tuple(kept), {rule: tuple(those) for rule, those in dropped.items()}, funnel)


def _rules(choices: Choices) -> tuple[Sequence[str], Callable[[Tweet], Verdict]]:
    """The names of those that count, in their order, and what they say of one tweet."""
    if choices.rules == "huggingtweets":
        return huggingtweets.RULES, huggingtweets.judge
    off = {"reply": choices.replies, "unspeakable": choices.unspeakable is None}
    return [rule for rule in mynah.RULES if not off.get(rule)], lambda tweet: mynah.judge(
        tweet, newlines=choices.newlines, replies=choices.replies, unspeakable=choices.unspeakable
    )


def _first_said(kept: Sequence[Kept], dropped: Mapping[str, list[Dropped]]) -> list[Kept]:
    """Without those that say again what one before them said; that one is as fresh as they are."""
    shelf = NearDuplicateIndex([one.text for one in kept])
    first: dict[int, Kept] = {}  # by its number on the shelf
    for number, one in enumerate(kept):
        rule, before = "duplicate", shelf.find_same(number)
        if before is None:
            rule, before = "near_duplicate", shelf.find_near(number)
        if before is None:
            shelf.put(number)
            first[number] = one
        else:
            dropped[rule].append(Dropped(one.tweet, first[before].text))
            first[before] = Kept(first[before].text, first[before].tweet, one.last or first[before].last)
    return list(first.values())


def _unlike(newest: Sequence[Text], train: Sequence[Text]) -> list[Text]:
    """Those that are neither nearly in `train` nor nearly one another."""
    shelf = NearDuplicateIndex([text.text for text in [*train, *newest]])
    for number in range(len(train)):
        shelf.put(number)
    unlike = []
    for number, text in enumerate(newest, start=len(train)):
        if shelf.find_same(number) is None and shelf.find_near(number) is None:
            shelf.put(number)
            unlike.append(text)
    return unlike


def _by_author(archives: Iterable[Archive]) -> tuple[dict[str, list[Tweet]], dict[str, str]]:
    """Two archives of one author are one; the later one knows the name better."""
    tweets: defaultdict[str, list[Tweet]] = defaultdict(list)
    names: dict[str, str] = {}
    for archive in archives:
        tweets[archive.author] += archive.tweets
        names[archive.author] = archive.display_name or names.get(archive.author, archive.author)
    return dict(tweets), names


def _age(tweet: Tweet) -> tuple[datetime, int, str]:
    """By time, then by id; ids are numbers without leading zeros, so the longer one is the later one.

    What has no time comes first, in the order given, which says more than an id that may be the number of a row.
    """
    return (tweet.at, len(tweet.id), tweet.id) if tweet.at else (LONG_AGO, 0, "")


def _weighed(kept: Sequence[Kept], author: str, half_life: timedelta | None) -> list[Text]:
    """The newest one to learn weighs 1; what has no time is as old as the oldest."""
    times = [one.last for one in kept if one.last]
    if half_life is None or not times:
        return [Text(one.text, author) for one in kept]
    newest, oldest = max(times), min(times)
    return [Text(one.text, author, 0.5 ** ((newest - (one.last or oldest)) / half_life)) for one in kept]


def _held_out_count(count: int, share: float) -> int:
    """Rounded down, but at least one where anything is to be held out and something is left to learn."""
    return max(int(count * share), 1) if share > 0 and count > 1 else 0


def _count(texts: Sequence[Text], author: str) -> int:
    return sum(text.author == author for text in texts)


def _characters(sifted: FilterResult) -> int:
    return sum(len(kept.text) for kept in sifted.kept) + SEPARATOR * max(len(sifted.kept) - 1, 0)


def _too_little(funnel: Funnel, characters: int) -> list[str]:
    """Raises below the floor, warns below the second one."""
    counts = "; ".join(f"{rule.replace('_', ' ')} {count:,}" for rule, count in funnel.dropped.items() if count)
    found = f"@{funnel.author} has {characters:,} characters in {funnel.kept:,} of {funnel.downloaded:,} tweets"
    found += f" (dropped: {counts})" if counts else ""
    if characters < FEWEST_CHARACTERS:
        raise TooLittleData(f"{found}; a model needs at least {FEWEST_CHARACTERS:,}: add more tweets.")
    if characters < FEW_CHARACTERS:
        return [f"{found}; below {FEW_CHARACTERS:,} a model repeats what it read: more tweets would help."]
    return []
