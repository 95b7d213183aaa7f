"""From tweets to the training texts and the held-out texts, split by time, with counts of what was dropped.

training/rules decides which tweets are dropped.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

from training.corpus.near_duplicates import NearDuplicateIndex
from training.errors import TooLittleData
from training.rules import huggingtweets, mynah, threads

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from training.rules.verdict import Verdict
    from training.sources.archive import Archive
    from training.sources.tweets import Tweet

FEWEST_CHARACTERS = 6_000  # huggingtweets' floor: about one sample of 1,024 tokens, with a margin
FEW_CHARACTERS = 40_000  # huggingtweets warned below this
SEPARATOR = len("<|endoftext|>")  # huggingtweets counted the separators too
EVERY = 500  # tweets between two reports
LONG_AGO = datetime.min.replace(tzinfo=UTC)

Report = Callable[[int, int], None]  # tweets done, of how many
Rules = Literal["mynah", "huggingtweets"]


@dataclass(frozen=True, slots=True)
class Choices:
    """What a person may choose; the three after `rules` have no effect on the published rules."""

    rules: Rules = "mynah"
    newlines: bool = False  # whether line breaks are kept; otherwise they become spaces
    replies: bool = True
    unspeakable: Callable[[str], str | None] | None = None  # why the bot may never post a text, or None
    recency: timedelta | None = None  # the half-life of a tweet's weight
    tags: bool = False  # with several authors, each text begins with its author's handle
    held_out_share: float = 0.1


@dataclass(frozen=True, slots=True)
class Text:
    """A training text or a held-out one. With weight 0.5 it is part of every other epoch."""

    text: str
    author: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Funnel:
    """Counts of an author's tweets, kept and dropped; `dropped` is by rule, in the order of the rules."""

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
    last: datetime | None  # the time of the newest among this tweet and its duplicates


@dataclass(frozen=True, slots=True)
class Dropped:
    tweet: Tweet
    note: str = ""  # the reason, or the text that it repeats


@dataclass(frozen=True, slots=True)
class FilterResult:
    """The kept tweets, the oldest first, and the dropped ones by rule."""

    kept: tuple[Kept, ...]
    dropped: Mapping[str, tuple[Dropped, ...]]
    funnel: Funnel


@dataclass(frozen=True, slots=True)
class Corpus:
    """Texts by author, the oldest first; no held-out text is a near-duplicate of a training text of any author."""

    train: tuple[Text, ...]
    held_out: tuple[Text, ...]
    funnels: tuple[Funnel, ...]
    display_names: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()  # sentences that the person should read
    tags: Mapping[str, str] = field(default_factory=dict)  # the prefix of each author's texts; empty where off
    characters: Mapping[str, int] = field(default_factory=dict)  # kept, by author
    overlap: Mapping[str, int] = field(default_factory=dict)  # kept, but neither trained on nor held out: see build


MYNAH = Choices()


def build(archives: Iterable[Archive], choices: Choices = MYNAH, report: Report | None = None) -> Corpus:
    """The newest share of each author's texts is held out: a random split flatters the model.

    Of two near-duplicates on either side of the split, the held-out one is dropped: it is only a test.
    """
    tweets, names = _by_author(archives)
    train: list[Text] = []
    newest: list[Text] = []
    funnels: list[Funnel] = []
    warnings: list[str] = []
    characters: dict[str, int] = {}
    for author, own in tweets.items():
        filtered = filter_tweets(author, own, choices, report)
        characters[author] = _characters(filtered)
        warnings += _too_little(filtered.funnel, characters[author])
        funnels.append(filtered.funnel)
        cut = len(filtered.kept) - _held_out_count(len(filtered.kept), choices.held_out_share)
        train += _weighed(filtered.kept[:cut], author, choices.recency)
        newest += [Text(kept.text, author) for kept in filtered.kept[cut:]]
    if not funnels:
        raise TooLittleData("There are no tweets to train on: import an archive first.")
    may_overlap = len(tweets) > 1 or choices.rules == "huggingtweets"  # else filter_tweets has dropped duplicates
    held_out = _without_duplicates(newest, train) if may_overlap else newest
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


def newest_last(texts: Sequence[Text]) -> list[str]:
    """The texts so that any number of the last ones has as many of each author; each author's newest come last."""
    seen: Counter[str] = Counter()
    ranked: list[tuple[int, str]] = []
    for text in reversed(texts):
        ranked.append((seen[text.author], text.text))
        seen[text.author] += 1
    return [text for _, text in sorted(ranked, key=lambda one: -one[0])]


def filter_tweets(
    author: str, tweets: Sequence[Tweet], choices: Choices = MYNAH, report: Report | None = None
) -> FilterResult:
    """Apply the rules to one author's tweets; of duplicates, the oldest is kept."""
    rules, judge = _rules(choices)
    dropped: dict[str, list[Dropped]] = {rule: [] for rule in rules}
    kept: list[Kept] = []
    parts = sorted(tweets, key=_age)
    if "thread" in dropped:
        parts, joined = threads.join(parts)
        dropped["thread"] += map(Dropped, joined)
    for number, tweet in enumerate(parts, start=1):
        if report and (number % EVERY == 0 or number == len(parts)):
            report(number, len(parts))
        verdict = judge(tweet)
        if verdict.rule:
            dropped[verdict.rule].append(Dropped(tweet, verdict.note))
        else:
            kept.append(Kept(verdict.text, tweet, tweet.at))
    if "duplicate" in dropped:
        kept = _without_repeats(kept, dropped)
    funnel = Funnel(author, len(tweets), {rule: len(those) for rule, those in dropped.items()}, len(kept))
    return FilterResult(tuple(kept), {rule: tuple(those) for rule, those in dropped.items()}, funnel)


def _rules(choices: Choices) -> tuple[Sequence[str], Callable[[Tweet], Verdict]]:
    """The names of the rules that apply, in their order, and the function that applies them to one tweet."""
    if choices.rules == "huggingtweets":
        return huggingtweets.RULES, huggingtweets.judge
    off = {"reply": choices.replies, "unspeakable": choices.unspeakable is None}
    return [rule for rule in mynah.RULES if not off.get(rule)], lambda tweet: mynah.judge(
        tweet, newlines=choices.newlines, replies=choices.replies, unspeakable=choices.unspeakable
    )


def _without_repeats(kept: Sequence[Kept], dropped: Mapping[str, list[Dropped]]) -> list[Kept]:
    """The oldest tweet of each group of duplicates, with the time of the newest."""
    index = NearDuplicateIndex([one.text for one in kept])
    first: dict[int, Kept] = {}  # by its number in the index
    for number, one in enumerate(kept):
        rule, before = "duplicate", index.find_duplicate(number)
        if before is None:
            rule, before = "near_duplicate", index.find_near_duplicate(number)
        if before is None:
            index.add(number)
            first[number] = one
        else:
            dropped[rule].append(Dropped(one.tweet, first[before].text))
            first[before] = Kept(first[before].text, first[before].tweet, one.last or first[before].last)
    return list(first.values())


def _without_duplicates(newest: Sequence[Text], train: Sequence[Text]) -> list[Text]:
    """The texts of `newest` that duplicate neither a text of `train` nor one another."""
    index = NearDuplicateIndex([text.text for text in [*train, *newest]])
    for number in range(len(train)):
        index.add(number)
    unique = []
    for number, text in enumerate(newest, start=len(train)):
        if index.find_duplicate(number) is None and index.find_near_duplicate(number) is None:
            index.add(number)
            unique.append(text)
    return unique


def _by_author(archives: Iterable[Archive]) -> tuple[dict[str, list[Tweet]], dict[str, str]]:
    """Tweets and display name by author. Archives of one author are merged; the last display name is used."""
    tweets: defaultdict[str, list[Tweet]] = defaultdict(list)
    names: dict[str, str] = {}
    for archive in archives:
        tweets[archive.author] += archive.tweets
        names[archive.author] = archive.display_name or names.get(archive.author, archive.author)
    return dict(tweets), names


def _age(tweet: Tweet) -> tuple[datetime, int, str]:
    """The sort key: time, then id. Ids are numbers without leading zeros, so a longer id is later.

    Tweets without a time come first, in the order of the file: their id may be only a row number.
    """
    return (tweet.at, len(tweet.id), tweet.id) if tweet.at else (LONG_AGO, 0, "")


def _weighed(kept: Sequence[Kept], author: str, half_life: timedelta | None) -> list[Text]:
    """Texts with weights. The newest weighs 1; a text without a time counts as old as the oldest."""
    times = [one.last for one in kept if one.last]
    if half_life is None or not times:
        return [Text(one.text, author) for one in kept]
    newest, oldest = max(times), min(times)
    return [Text(one.text, author, 0.5 ** ((newest - (one.last or oldest)) / half_life)) for one in kept]


def _held_out_count(count: int, share: float) -> int:
    """The number of held-out texts: rounded down, but at least one if that leaves a text to train on."""
    return max(int(count * share), 1) if share > 0 and count > 1 else 0


def _count(texts: Sequence[Text], author: str) -> int:
    return sum(text.author == author for text in texts)


def _characters(filtered: FilterResult) -> int:
    return sum(len(kept.text) for kept in filtered.kept) + SEPARATOR * max(len(filtered.kept) - 1, 0)


def _too_little(funnel: Funnel, characters: int) -> list[str]:
    """Raise TooLittleData below FEWEST_CHARACTERS; return a warning below FEW_CHARACTERS."""
    counts = "; ".join(f"{rule.replace('_', ' ')} {count:,}" for rule, count in funnel.dropped.items() if count)
    counted = f"@{funnel.author} has {characters:,} characters in {funnel.kept:,} of {funnel.downloaded:,} tweets"
    counted += f" (dropped: {counts})" if counts else ""
    if characters < FEWEST_CHARACTERS:
        raise TooLittleData(f"{counted}; a model needs at least {FEWEST_CHARACTERS:,}: add more tweets.")
    if characters < FEW_CHARACTERS:
        return [f"{counted}; below {FEW_CHARACTERS:,} a model repeats what it read: more tweets would help."]
    return []
