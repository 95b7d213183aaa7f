from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from training.rules import threads
from training.sources.tweets import Tweet

if TYPE_CHECKING:
    from collections.abc import Sequence

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
LONG = "I have looked for it in every nest of the old town, " * 3
DOTTED = ("I wanted to say that all of my wire ...", "...is gone.")


def thread(*texts: str, stated: bool = True, apart: timedelta = timedelta(minutes=1)) -> list[Tweet]:
    """Tweets that answer one another, or that only follow one another."""
    return [
        Tweet(
            str(10 + number), "magpie", text, NOON + number * apart, parent=str(9 + number) if number and stated else ""
        )
        for number, text in enumerate(texts)
    ]


def joined(tweets: Sequence[Tweet]) -> list[str]:
    whole, parts = threads.join(tweets)
    assert len(whole) + len(parts) == len(tweets)
    return [tweet.text for tweet in whole]


@pytest.mark.parametrize(
    ("texts", "whole"),
    [
        (DOTTED, "I wanted to say that all of my wire is gone."),
        (("All of my wire -", "which I found myself - is gone."), "All of my wire which I found myself - is gone."),
        (("All of my wire is of the", "best kind."), "All of my wire is of the best kind."),
        (("All of my wire (cont) https://t.co/abc", "is gone."), "All of my wire is gone."),
        (("All of my wire https://t.co/abc", "is gone."), "All of my wire is gone."),
        (("All of my wire, 1/2", "is gone. 2/2"), "All of my wire, is gone."),
        (("All of my wire… 1/2", "Is gone. 2/2"), "All of my wire... Is gone."),
        (("So it begins…", "@magpie …and ends."), "So it begins and ends."),
    ],
)
def test_a_sentence_over_two_tweets_becomes_one_text(texts: tuple[str, ...], whole: str) -> None:
    assert joined(thread(*texts)) == [whole]


@pytest.mark.parametrize(
    "texts",
    [
        ("All of my wire is gone.", "I know who took it."),
        ("All of my wire is gone.", "and i know who took it."),
        ("all of my wire is gone", "I know who took it"),
        ("all of my wire is gone", "i know who took it"),
    ],
)
def test_whole_texts_stay_apart(texts: tuple[str, ...]) -> None:
    assert joined(thread(*texts)) == list(texts)


def test_numbered_whole_texts_lose_their_numbers() -> None:
    assert joined(thread("1/2 All of my wire is gone.", "2/2 I know who took it.", "It was 3/4 of the way.")) == [
        "All of my wire is gone.",
        "I know who took it.",
        "It was 3/4 of the way.",
    ]


def test_a_long_thread_is_cut_between_sentences() -> None:
    texts = (f"{LONG}my friends. And then -", f"{LONG}I say. That", "was all of it.")

    whole = joined(thread(*texts))

    assert whole == [f"{LONG}my friends.", f"And then {LONG}I say. That was all of it."]
    assert all(len(text) <= threads.LONGEST for text in whole)


def test_where_a_source_names_no_parents_time_and_form_decide() -> None:
    assert len(joined(thread(*DOTTED, stated=False))) == 1
    assert len(joined(thread(*DOTTED, stated=False, apart=timedelta(hours=1)))) == 2
    assert len(joined(thread(DOTTED[0], "@rook ...is gone.", stated=False))) == 2
    assert len(joined(thread("All of my wire", "is gone.", stated=False))) == 2
    assert len(joined(thread("who are you talking to", "good night all", stated=False))) == 2


def test_a_part_of_somebody_elses_thread_is_left_as_it_is() -> None:
    first, after = thread(*DOTTED)

    assert joined([first, replace(after, parent="999")]) == list(DOTTED)


def test_of_two_continuations_the_first_is_taken() -> None:
    first, after, other = thread(*DOTTED, "...or is it?")

    assert joined([first, after, replace(other, parent=first.id)]) == [
        "I wanted to say that all of my wire is gone.",
        "...or is it?",
    ]
