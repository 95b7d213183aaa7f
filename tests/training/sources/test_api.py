"""The walk down a timeline, through the real gateway, against the fake X."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from bot.errors import Refused, Unknown
from bot.x.signing import Keys
from bot.x.twitter import X
from tests.fake_x.server import FakeX
from tests.fake_x.state import World, newcomer
from training.errors import SourceError
from training.sources.api import PAGES, Place, walk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from training.sources.api import Page
    from training.sources.tweets import Tweet

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
ME = newcomer()


@pytest.fixture
def fake() -> Iterator[FakeX]:
    with FakeX(World(ME, now=lambda: NOW)) as server:
        yield server
    assert server.broken == []


@pytest.fixture
def x(fake: FakeX) -> Iterator[X]:
    secrets = ME.secrets
    keys = Keys(secrets.consumer_key, secrets.consumer_secret, ME.access_token, secrets.token_secret)
    with X(keys, now=lambda: NOW, base_url=fake.url, timeout=(10.0, 10.0)) as opened:
        yield opened


def say(fake: FakeX, *numbers: int) -> None:
    for number in numbers:
        fake.world.create(ME, f"tweet number {number}", retweet_of="7" if number % 10 == 0 else None)


def ask(x: X, **place: Any) -> dict[str, Any]:
    return x.page(ME.id, **place)


def pages(x: X, place: Place | None = None, most: int = 3_200) -> list[Page]:
    return list(walk(lambda **where: ask(x, **where), ME.handle, place or Place(), most=most))


def texts(result: list[Page]) -> list[str]:
    return [tweet.text for page in result for tweet in page.tweets]


def expected(numbers: range) -> list[str]:
    return [f"tweet number {number}" for number in reversed(numbers) if number % 10]


def test_all_tweets_arrive_once_and_retweets_are_not_requested(fake: FakeX, x: X) -> None:
    say(fake, *range(250))

    result = pages(x)

    assert texts(result) == expected(range(250))
    assert sum(page.billed for page in result) == 225
    assert result[-1].place == Place(known=fake.world.posts_of(ME.id)[1 - 1].id)


def test_a_second_walk_requests_only_newer_tweets(fake: FakeX, x: X) -> None:
    say(fake, *range(150))
    before = pages(x)[-1].place
    say(fake, 151, 152)

    result = pages(x, before)

    assert texts(result) == ["tweet number 152", "tweet number 151"]
    assert sum(page.billed for page in result) == 2


def test_an_interrupted_walk_continues_where_it_stopped(fake: FakeX, x: X) -> None:
    say(fake, *range(250))
    begun = walk(lambda **where: ask(x, **where), ME.handle, Place())
    first = [next(begun)]
    fake.fail_with("reset_before")
    with pytest.raises(Exception, match="broke"):
        next(begun)

    rest = pages(x, first[-1].place)

    assert texts(first + rest) == expected(range(250))


def test_tweets_posted_during_an_interruption_are_left_to_the_next_walk(fake: FakeX, x: X) -> None:
    say(fake, *range(250))
    first = next(walk(lambda **where: ask(x, **where), ME.handle, Place()))
    say(fake, 251)

    rest = pages(x, first.place)
    last = pages(x, rest[-1].place)

    assert texts([first, *rest]) == expected(range(250))
    assert texts(last) == ["tweet number 251"]


def test_no_more_tweets_are_read_than_allowed(fake: FakeX, x: X) -> None:
    say(fake, *range(250))

    result = pages(x, most=120)

    assert sum(page.billed for page in result) <= 120
    assert result[-1].place.reached
    assert texts(result + pages(x, result[-1].place)) == expected(range(250))


def test_an_account_without_tweets_is_not_an_error(fake: FakeX, x: X) -> None:
    assert texts(pages(x)) == []


def test_the_whole_text_the_kind_the_time_and_the_language_are_read(fake: FakeX, x: X) -> None:
    long = "a long tale of bells " * 20
    fake.world.create(ME, long)

    (tweet,) = _tweets(pages(x))

    assert tweet.text == long
    assert (tweet.at, tweet.kind, tweet.author) == (NOW, "original", "stationmynah")


def _tweets(result: list[Page]) -> list[Tweet]:
    return [tweet for page in result for tweet in page.tweets]


def test_an_answer_that_is_not_a_timeline_is_an_error_in_one_sentence() -> None:
    with pytest.raises(SourceError, match="not a list of posts"):
        list(walk(lambda **_: {"data": {"id": "1"}}, "someone", Place()))


def test_an_account_is_found_by_its_name(x: X) -> None:
    assert x.find("StationMynah").id == ME.id


def test_an_unknown_name_is_an_error_in_one_sentence(x: X) -> None:
    with pytest.raises(Refused, match="no account with that name"):
        x.find("nobody_at_all")


def test_a_post_is_never_refused_for_what_only_a_question_can_mean(fake: FakeX, x: X) -> None:
    fake.fail_with("only_errors")

    with pytest.raises(Unknown):
        x.post("hello")


@pytest.mark.parametrize("id_", [None, "", 7, "seven", "-7", {"a": 1}, "7" * 30], ids=repr)
def test_a_page_with_an_invalid_id_is_an_error(id_: Any) -> None:
    """Otherwise the next walk would begin at it, and X would always refuse that."""
    with pytest.raises(SourceError, match="not a list of posts"):
        list(walk(lambda **_: {"data": [{"id": id_, "text": "caw"}]}, "magpie", Place()))


def test_an_endless_series_of_empty_pages_ends_in_an_error() -> None:
    answers = walk(lambda **_: {"meta": {"result_count": 0, "next_token": "again"}}, "magpie", Place())
    pages = []

    with pytest.raises(SourceError, match="says that there are more"):
        pages.extend(answers)
    assert len(pages) == PAGES


@pytest.mark.parametrize("meta", [None, [], "more", {"next_token": 7}, {"next_token": ["a"]}], ids=repr)
def test_an_unreadable_page_token_does_not_end_a_walk(meta: Any) -> None:
    """Otherwise the older tweets would never be read."""
    body = {"data": [{"id": "7", "text": "caw"}], "meta": meta}

    with pytest.raises(SourceError, match="not a list of posts"):
        list(walk(lambda **_: body, "magpie", Place()))
