from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.training.archives import note, of_2024, tweet, zipped
from training.sources import archive

if TYPE_CHECKING:
    from pathlib import Path


def texts(result: archive.Archive) -> list[str]:
    return [tweet.text for tweet in result.tweets]


LONG = "@magpie tick &amp; tock: the station clock moves, I comment, " + "tick, tock, " * 30 + "done."
BODY = LONG.removeprefix("@magpie ")


@pytest.mark.parametrize(
    "created",
    ["2023-02-18T12:33:11.000Z", "2023-02-18T12:33:15.000Z", "2023-02-18T12:33:07.000Z"],
    ids=["same second", "later", "earlier"],
)
@pytest.mark.parametrize("cut", [LONG[:274] + "…", LONG[:250] + "… https://t.co/self"], ids=["ellipsis", "and a link"])
@pytest.mark.parametrize("whole", [LONG, BODY, BODY.replace("&amp;", "&")], ids=["as is", "no handle", "unescaped"])
def test_a_long_tweet_is_made_whole_from_its_note(tmp_path: Path, created: str, cut: str, whole: str) -> None:
    tweets = [tweet(1, "a short one in the same second"), tweet(2, cut)]
    path = zipped(tmp_path / "archive.zip", of_2024(tweets, [note(whole, created)]))

    result = archive.read(path)

    assert texts(result) == ["a short one in the same second", "@magpie " + whole.removeprefix("@magpie ")]
    assert result.notes == ()


def test_two_long_tweets_of_one_second_each_get_their_own_note(tmp_path: Path) -> None:
    first, second = "One: " + "seeds and crumbs " * 30, "Two: " + "crumbs and seeds " * 30
    tweets = [tweet(1, first[:270] + "…"), tweet(2, second[:270] + "…")]
    path = zipped(tmp_path / "archive.zip", of_2024(tweets, [note(second), note(first)]))

    result = archive.read(path)

    assert texts(result) == [first, second]


@pytest.mark.parametrize(
    "stray",
    [note("quite another matter " * 20), note(LONG, "2023-02-18T12:33:17.000Z"), {"noteTweet": {"tweetId": "1"}}],
    ids=["other words", "six seconds later", "a shape without a text"],
)
def test_a_note_that_fits_no_tweet_changes_nothing_and_is_counted(tmp_path: Path, stray: dict[str, Any]) -> None:
    path = zipped(tmp_path / "archive.zip", of_2024([tweet(1, LONG[:274] + "…")], [stray]))

    result = archive.read(path)

    assert texts(result) == [LONG[:274] + "…"]
    assert result.notes == ("Long texts that belong to no tweet, left out: 1.",)


def test_two_long_tweets_that_begin_alike_do_not_share_a_note(tmp_path: Path) -> None:
    start = "crumbs and seeds " * 20
    tweets = [tweet(1, start[:270] + "…"), tweet(2, start[:270] + "…")]
    path = zipped(tmp_path / "archive.zip", of_2024(tweets, [note(start + "for me"), note(start + "for you")]))

    result = archive.read(path)

    assert texts(result) == [start + "for me", start + "for you"]
