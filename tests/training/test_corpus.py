from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from training.corpus import Corpus, Funnel, build
from training.errors import TooLittleData
from training.sources.archive import Archive
from training.tweets import Tweet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from training.tweets import Kind

START = datetime(2024, 1, 1, tzinfo=UTC)
FILLER = " and so the station hums along until the last train has left for the coast"  # 75 characters


def account(author: str, texts: Sequence[str], *, first: int = 0, kind: Kind = "original") -> Archive:
    """One tweet an hour, the first one the oldest."""
    tweets = [
        Tweet(str(1000 + first + i), author, text, START + timedelta(hours=first + i), kind)
        for i, text in enumerate(texts)
    ]
    return Archive(author, author.title(), tuple(tweets))


def many(count: int, name: str = "tweet") -> list[str]:
    return [f"{name} number {i:04}{FILLER}" for i in range(count)]


def test_the_funnel_counts_what_fell_out_and_why() -> None:
    tweets = (*account("magpie", many(600)).tweets, *account("magpie", ["RT caw", "caw"], kind="retweet").tweets)
    short = account("magpie", ["thank you!", "https://t.co/a", "quite so"], kind="reply").tweets

    corpus = build([Archive("magpie", "Ms Magpie", tweets + short)])

    assert corpus.funnels == (Funnel("magpie", downloaded=605, retweets=2, short=3, kept=600),)


def test_a_funnel_that_does_not_add_up_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="does not add up"):
        Funnel("magpie", downloaded=10, retweets=1, short=1, kept=9)


def test_the_newest_tenth_is_held_out_whatever_the_order_of_the_file() -> None:
    texts = many(600)
    archive = account("magpie", texts)

    corpus = build([Archive("magpie", "Ms Magpie", archive.tweets[::-1])])

    assert corpus == Corpus(tuple(texts[:540]), tuple(texts[540:]), corpus.funnels)


def test_tweets_of_one_second_are_ordered_by_id_as_a_number() -> None:
    texts = many(600)
    tweets = [Tweet(str(i), "magpie", text, START) for i, text in enumerate(texts)]

    corpus = build([Archive("magpie", "Ms Magpie", tuple(reversed(tweets)))])

    assert corpus.train + corpus.held_out == tuple(texts)


def test_tweets_without_a_date_count_as_the_oldest() -> None:
    dated, undated = (
        account("magpie", many(500)),
        [Tweet(str(i), "magpie", text) for i, text in enumerate(many(100, "x"))],
    )

    corpus = build([Archive("magpie", "Ms Magpie", (*dated.tweets, *undated))])

    assert corpus.train[:100] == tuple(many(100, "x"))
    assert corpus.held_out == tuple(many(500)[-60:])


def test_a_text_said_twice_is_learnt_once_and_never_held_out_too() -> None:
    texts = many(600)
    archive = account("magpie", [*texts, *(f"{text} https://t.co/{i}" for i, text in enumerate(texts[:100]))])

    corpus = build([archive])

    assert corpus.train + corpus.held_out == tuple(texts)
    assert corpus.funnels[0].kept == 700


def test_what_one_author_says_is_not_held_out_from_another() -> None:
    mine = many(600)
    theirs = [*many(590, "note"), *mine[:10]]

    corpus = build([account("magpie", mine), account("rook", theirs)])

    assert set(corpus.train).isdisjoint(corpus.held_out)
    assert corpus.held_out == (*mine[-60:], *many(590, "note")[-59:])
    assert [funnel.author for funnel in corpus.funnels] == ["magpie", "rook"]


def test_two_archives_of_one_author_are_one_account() -> None:
    corpus = build([account("magpie", many(300)), account("magpie", many(300, "late"), first=300)])

    assert corpus.funnels == (Funnel("magpie", 600, 0, 0, 600),)
    assert corpus.held_out == tuple(many(300, "late")[-60:])


@pytest.mark.parametrize(("share", "held_out"), [(0.0, 0), (0.0001, 1), (0.25, 150)])
def test_the_share_is_the_callers(share: float, held_out: int) -> None:
    corpus = build([account("magpie", many(600))], held_out_share=share)

    assert len(corpus.held_out) == held_out


def spread(characters: int, parts: int) -> list[str]:
    """That many characters in all, separators of 13 counted, in so many different texts."""
    size, rest = divmod(characters - 13 * (parts - 1), parts)
    return [f"a b c{i:05}".ljust(size + (i < rest), "x") for i in range(parts)]


@pytest.mark.parametrize("parts", [1, 60])
def test_the_floor_is_6000_characters_with_separators(parts: int) -> None:
    corpus = build([account("magpie", spread(6_000, parts))])

    assert len(corpus.train + corpus.held_out) == parts
    with pytest.raises(TooLittleData, match=rf"@magpie has 5,999 characters in {parts} different .* at least 6,000"):
        build([account("magpie", spread(5_999, parts))])


@pytest.mark.parametrize(("characters", "warned"), [(39_999, True), (40_000, False)])
def test_below_40000_characters_a_warning_is_returned(characters: int, warned: bool) -> None:
    corpus = build([account("magpie", spread(characters, 400))])

    assert bool(corpus.warnings) is warned
    assert all("39,999 characters in 400 different tweets" in warning for warning in corpus.warnings)


def test_each_author_must_have_enough() -> None:
    with pytest.raises(TooLittleData, match="@rook has 967 characters in 10 different tweets"):
        build([account("magpie", many(600)), account("rook", spread(967, 10))])


def test_no_archive_at_all_is_too_little() -> None:
    with pytest.raises(TooLittleData, match="import an archive"):
        build([])
