from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.corpus.corpus import Choices, Corpus, Dropped, Funnel, Text, build, filter_tweets, newest_last
from training.corpus.near_duplicates import NearDuplicateIndex
from training.errors import TooLittleData
from training.sources import recognise
from training.sources.archive import Archive
from training.sources.tweets import Tweet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from training.sources.tweets import Kind

START = datetime(2024, 1, 1, tzinfo=UTC)
PUBLISHED = Choices(rules="huggingtweets")
SYLLABLES = "ba de fi go ku la me ni po ru sa te vi wo zu".split()  # noqa: SIM905  easier to read
CORPORA = Path(__file__).parents[3] / ".." / "shared" / "data" / "corpora"


def account(author: str, texts: Sequence[str], *, first: int = 0, kind: Kind = "original") -> Archive:
    """One tweet an hour, the first one the oldest."""
    tweets = [
        Tweet(str(1000 + first + i), author, text, START + timedelta(hours=first + i), kind)
        for i, text in enumerate(texts)
    ]
    return Archive(author, author.title(), tuple(tweets))


def many(count: int, name: str = "tweet") -> list[str]:
    """Texts of about 75 characters that are not alike."""
    chance = random.Random(name)
    return [f"{name} {i:04} " + " ".join(_word(chance) for _ in range(9)) for i in range(count)]


def _word(chance: random.Random) -> str:
    return "".join(chance.choices(SYLLABLES, k=3))


def texts_of(part: Sequence[Text]) -> list[str]:
    return [text.text for text in part]


def test_the_funnel_counts_what_was_dropped_and_why() -> None:
    tweets = (
        *account("magpie", many(600)).tweets,
        *account("magpie", ["RT caw", "caw"], kind="retweet").tweets,
        *account("magpie", ["thank you!", "https://t.co/a", "quite so"], kind="reply").tweets,
        *account("magpie", ['"@rook: I said so myself"', "It said so on (cont) https://t.co/a"]).tweets,
        *account("magpie", ["I saw @nightjar92 there", "Come and see the"], first=700).tweets,
        *account("magpie", [many(1)[0].upper(), f"{many(2)[1]} indeed"], first=900).tweets,
    )

    corpus = build([Archive("magpie", "Ms Magpie", tweets)])

    assert [(funnel.author, funnel.downloaded, funnel.kept) for funnel in corpus.funnels] == [("magpie", 611, 600)]
    assert list(corpus.funnels[0].dropped.items()) == [
        ("retweet", 2),
        ("quote", 1),
        ("thread", 0),
        ("truncated", 1),
        ("short", 3),
        ("fragment", 1),
        ("mention", 1),
        ("duplicate", 1),
        ("near_duplicate", 1),
    ]
    assert len(corpus.train) + len(corpus.held_out) == 600


def test_the_parts_of_a_thread_are_one_text_and_counted() -> None:
    head = Tweet("1", "magpie", "I have looked for my wire in every -", START)
    tail = Tweet("2", "magpie", "nest of the old town.", START + timedelta(hours=1), "reply", parent="1")
    texts = account("magpie", many(600), first=900).tweets

    mynah = build([Archive("magpie", "Ms Magpie", (*texts, tail, head))])
    without_replies = filter_tweets("magpie", [head, tail], Choices(replies=False))
    published = filter_tweets("magpie", [head, tail], Choices("huggingtweets"))

    assert "I have looked for my wire in every nest of the old town." in texts_of(mynah.train)
    assert mynah.funnels[0].dropped["thread"] == 1
    assert [kept.text for kept in without_replies.kept] == ["I have looked for my wire in every nest of the old town."]
    assert len(published.kept) == 2


def test_optional_rules_are_counted_too() -> None:
    archive = account("magpie", ["you and your wire", "nothing but crumbs today"])
    reply = account("magpie", ["@rook no, that was the wind"], kind="reply")
    choices = Choices(replies=False, unspeakable=lambda text: "wire is theft" if "wire" in text else None)

    filtered = filter_tweets("magpie", [*archive.tweets, *reply.tweets], choices)

    assert [kept.text for kept in filtered.kept] == ["nothing but crumbs today"]
    assert filtered.funnel.dropped["reply"] == filtered.funnel.dropped["unspeakable"] == 1
    assert filtered.dropped["unspeakable"] == (Dropped(archive.tweets[0], "wire is theft"),)


def test_each_rule_shows_what_it_dropped_and_what_that_repeats() -> None:
    [first, second] = many(2)
    archive = account("magpie", [first, second, f"{first} indeed", first])

    filtered = filter_tweets("magpie", archive.tweets)

    assert [kept.tweet for kept in filtered.kept] == list(archive.tweets[:2])
    assert filtered.dropped["near_duplicate"] == (Dropped(archive.tweets[2], first),)
    assert filtered.dropped["duplicate"] == (Dropped(archive.tweets[3], first),)


def test_a_funnel_that_does_not_add_up_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="does not add up"):
        Funnel("magpie", downloaded=10, dropped={"retweet": 1, "short": 1}, kept=9)


def test_the_published_rules_ignore_the_choices_and_keep_duplicates() -> None:
    texts = [*many(300), "@rook no, that was the wind", *many(300)]
    choices = Choices("huggingtweets", newlines=True, replies=False, unspeakable=lambda _: "never", held_out_share=0)

    corpus = build([account("magpie", texts, kind="reply")], choices)

    assert texts_of(corpus.train) == texts
    assert corpus.funnels == (Funnel("magpie", 601, {"retweet": 0, "short": 0}, 601),)


def test_the_newest_tenth_is_held_out_whatever_the_order_of_the_file() -> None:
    texts = many(600)
    archive = account("magpie", texts)

    corpus = build([Archive("magpie", "Ms Magpie", archive.tweets[::-1])])

    assert texts_of(corpus.train) == texts[:540]
    assert texts_of(corpus.held_out) == texts[540:]
    assert corpus.display_names == {"magpie": "Ms Magpie"}


def test_tweets_of_one_second_are_ordered_by_id_as_a_number() -> None:
    texts = many(600)
    tweets = [Tweet(str(i), "magpie", text, START) for i, text in enumerate(texts)]

    corpus = build([Archive("magpie", "Ms Magpie", tuple(reversed(tweets)))])

    assert texts_of(corpus.train + corpus.held_out) == texts


def test_tweets_without_a_date_count_as_the_oldest_in_their_order() -> None:
    dated = account("magpie", many(500))
    undated = [Tweet(str(900 - i), "magpie", text) for i, text in enumerate(many(100, "x"))]

    corpus = build([Archive("magpie", "Ms Magpie", (*dated.tweets, *undated))])

    assert texts_of(corpus.train[:100]) == many(100, "x")
    assert texts_of(corpus.held_out) == many(500)[-60:]


def test_a_repeated_text_is_trained_on_once_and_never_held_out_too() -> None:
    texts = many(600)
    archive = account("magpie", [*texts, *(f"{text} https://t.co/{i}" for i, text in enumerate(texts[:100]))])

    corpus = build([archive])

    assert texts_of(corpus.train + corpus.held_out) == texts
    assert corpus.funnels[0].kept == 600


@pytest.mark.parametrize("rules", ["mynah", "huggingtweets"])
def test_no_held_out_text_is_a_near_duplicate_of_any_authors_training_text(rules: str) -> None:
    mine = many(600)
    theirs = [*many(590, "note"), *(f"{text} indeed" for text in mine[:10])]

    corpus = build([account("magpie", mine), account("rook", theirs)], Choices(rules=rules))  # type: ignore[arg-type]

    assert texts_of(corpus.held_out) == [*mine[-60:], *many(590, "note")[-50:]]
    assert corpus.overlap == {"magpie": 0, "rook": 10}
    assert [(funnel.author, funnel.kept) for funnel in corpus.funnels] == [("magpie", 600), ("rook", 600)]


def test_the_published_rules_hold_out_no_duplicate_of_a_training_text() -> None:
    texts = many(600)

    corpus = build([account("magpie", [*texts, *texts[:30]])], PUBLISHED)

    assert len(corpus.train) == 567
    assert texts_of(corpus.held_out) == texts[567:]
    assert corpus.overlap == {"magpie": 30}


def test_two_archives_of_one_author_are_one_account() -> None:
    corpus = build([account("magpie", many(300)), account("magpie", many(300, "late"), first=300)])

    assert [(funnel.author, funnel.downloaded, funnel.kept) for funnel in corpus.funnels] == [("magpie", 600, 600)]
    assert texts_of(corpus.held_out) == many(300, "late")[-60:]


@pytest.mark.parametrize(("share", "held_out"), [(0.0, 0), (0.0001, 1), (0.25, 150)])
def test_the_held_out_share_is_a_choice(share: float, held_out: int) -> None:
    corpus = build([account("magpie", many(600))], Choices(held_out_share=share))

    assert len(corpus.held_out) == held_out


@pytest.mark.parametrize(
    ("authors", "tags", "expected"),
    [
        (["magpie", "rook"], True, {"magpie": "@magpie: ", "rook": "@rook: "}),
        (["magpie", "rook"], False, {}),
        (["magpie"], True, {}),
    ],
)
def test_tags_distinguish_several_authors_and_are_not_part_of_the_texts(
    authors: list[str], tags: bool, expected: dict[str, str]
) -> None:
    corpus = build([account(author, many(200, author)) for author in authors], Choices(tags=tags))

    assert corpus.tags == expected
    assert not any(text.text.startswith("@") for text in corpus.train)


def test_a_tweet_weighs_half_as_much_for_each_half_life_that_it_is_older() -> None:
    corpus = build([account("magpie", many(600))], Choices(recency=timedelta(hours=100)))

    weights = [text.weight for text in corpus.train]
    assert weights[-1] == 1.0
    assert weights[-101] == 0.5
    assert weights == sorted(weights)
    assert {text.weight for text in corpus.held_out} == {1.0}


def test_a_repeated_text_is_as_fresh_as_its_newest_duplicate() -> None:
    texts = many(600)
    archive = account("magpie", [*texts, texts[0]])

    corpus = build([archive], Choices(recency=timedelta(hours=100), held_out_share=0))

    assert corpus.train[0] == Text(texts[0], "magpie", 1.0)
    assert corpus.train[-1].weight < 1.0


def test_tweets_without_a_date_weigh_as_much_as_the_oldest() -> None:
    undated = Tweet("1", "magpie", many(1, "x")[0])
    archive = account("magpie", many(600))
    choices = Choices(recency=timedelta(hours=100))

    corpus = build([Archive("magpie", "", (undated, *archive.tweets))], choices)
    all_undated = build([Archive("magpie", "", tuple(Tweet("", "magpie", text) for text in many(600)))], choices)

    assert corpus.train[0].weight == corpus.train[1].weight < 0.1
    assert {text.weight for text in all_undated.train} == {1.0}
    assert corpus.display_names == {"magpie": "magpie"}


def spread(characters: int, parts: int) -> list[str]:
    """That many characters in all, separators of 13 counted, in so many texts that are not alike."""
    size, rest = divmod(characters - 13 * (parts - 1), parts)
    return [" ".join(f"{i:05}{word}" for word in "abc").ljust(size + (i < rest), "x") for i in range(parts)]


@pytest.mark.parametrize("parts", [1, 60])
def test_the_floor_is_6000_characters_with_separators(parts: int) -> None:
    corpus = build([account("magpie", spread(6_000, parts))])

    assert len(corpus.train + corpus.held_out) == parts
    assert corpus.characters == {"magpie": 6_000}
    with pytest.raises(TooLittleData, match=rf"@magpie has 5,999 characters in {parts} of {parts} .* at least 6,000"):
        build([account("magpie", spread(5_999, parts))])


@pytest.mark.parametrize(("characters", "warned"), [(39_999, True), (40_000, False)])
def test_below_40000_characters_a_warning_is_returned(characters: int, warned: bool) -> None:
    corpus = build([account("magpie", [*spread(characters, 400), "caw", "caw"])])

    assert bool(corpus.warnings) is warned
    assert all("39,999 characters in 400 of 402 tweets (dropped: short 2)" in line for line in corpus.warnings)


def test_each_author_must_have_enough() -> None:
    with pytest.raises(TooLittleData, match="@rook has 967 characters in 10 of 10 tweets"):
        build([account("magpie", many(600)), account("rook", spread(967, 10))])


def test_no_archive_at_all_is_too_little() -> None:
    with pytest.raises(TooLittleData, match="import an archive"):
        build([])


def test_an_account_that_repeats_one_text_is_too_little() -> None:
    with pytest.raises(TooLittleData, match="duplicate 999"):
        build([account("magpie", [many(1)[0]] * 1000)])


@given(
    st.lists(st.sampled_from([*many(4), "caw", "RT @rook caw", "two words", '"@rook: caw caw"']), max_size=12),
    st.randoms(),
)
def test_the_order_of_the_file_changes_nothing(texts: list[str], chance: random.Random) -> None:
    tweets = list(account("magpie", texts).tweets)
    mixed = chance.sample(tweets, len(tweets))

    assert filter_tweets("magpie", mixed) == filter_tweets("magpie", tweets)


REAL = sorted(CORPORA.glob("538-*/*.csv")) if CORPORA.is_dir() else []


@pytest.mark.skipif(not REAL, reason="the corpora of shared/data are not here")
@pytest.mark.parametrize("path", REAL, ids=lambda path: path.stem)
def test_a_real_timeline_adds_up_and_is_split_without_overlap(path: Path) -> None:
    corpus = build([recognise.read(path)])

    [funnel] = corpus.funnels
    assert funnel.kept == len(corpus.train) + len(corpus.held_out) > 0.7 * funnel.downloaded
    assert _repeated(corpus) == []


def _repeated(corpus: Corpus) -> list[int]:
    """The numbers of the held-out texts that repeat a training text; not the texts, which are a real person's."""
    index = NearDuplicateIndex(texts_of(corpus.train + corpus.held_out))
    for number in range(len(corpus.train)):
        index.add(number)
    held_out = range(len(corpus.train), len(corpus.train) + len(corpus.held_out))
    return [
        number
        for number in held_out
        if (index.find_duplicate(number), index.find_near_duplicate(number)) != (None, None)
    ]


def test_any_number_of_the_last_texts_has_as_many_of_each_author() -> None:
    texts = [Text(f"{author}{number}", author) for author in ("ada", "bo") for number in range(4)]

    ordered = newest_last([*texts, Text("ada4", "ada")])

    assert sorted(ordered[-4:]) == ["ada3", "ada4", "bo2", "bo3"]
    assert ordered[0] == "ada0"
