"""The fake X compared with X's documents: its OpenAPI file, its price list, its character counting."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from bot.errors import Halted, Refused
from bot.history.store import Store
from bot.x.signing import Keys
from bot.x.twitter import X
from tests.fake_x import length, openapi
from tests.fake_x.server import FakeX
from tests.fake_x.state import User, World, newcomer
from tests.fake_x.wire import Reply, Request
from tests.installed import lines, mynah

if TYPE_CHECKING:
    from collections.abc import Iterator

ME = newcomer()
OTHER = User("2", "other", "Other", "other-token", ME.secrets)
KEYS = Keys(ME.secrets.consumer_key, ME.secrets.consumer_secret, ME.access_token, ME.secrets.token_secret)
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
CASES = Path(__file__).parents[2] / ".." / "shared" / "data" / "twitter-text" / "validate.yml"
no_file = pytest.mark.skipif(openapi.spec() is None, reason="../shared/data is not here")


@pytest.fixture
def fake() -> Iterator[FakeX]:
    with FakeX(World(ME, OTHER, now=lambda: NOW)) as server:
        yield server
    assert server.broken == []


@pytest.fixture
def x(fake: FakeX) -> Iterator[X]:
    with X(KEYS, now=lambda: NOW, base_url=fake.url) as client:
        yield client


# X's OpenAPI file


def request(method: str, target: str, body: bytes = b"") -> Request:
    return Request(method, target, {}, body, "http://127.0.0.1")


@no_file
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (request("POST", "/2/tweets", b'{"text": "hello"}'), ""),
        (request("POST", "/2/tweets", b'{"text": 7}'), "is not of type string"),
        (request("POST", "/2/tweets", b'{"txt": "hello"}'), "no such field"),
        (request("POST", "/2/tweets", b"text=hello"), "is not of type object"),
        (request("GET", "/2/users/1/tweets?max_results=5&tweet.fields=created_at,note_tweet"), ""),
        (request("GET", "/2/users/1/tweets?max_results=4"), "not within its bounds"),
        (request("GET", "/2/users/1/tweets?max_results=all"), "is not of type integer"),
        (request("GET", "/2/users/1/tweets?post.fields=created"), "is not one of"),
        (request("GET", "/2/users/1/tweets?post.fields=author_id"), "is not one of"),
        (request("GET", "/2/users/1/tweets?sort=up"), "no such parameter"),
        (request("GET", "/2/users/me/tweets?max_results=5"), "does not look like"),
        (request("DELETE", "/2/tweets/abc"), "does not look like"),
        (request("GET", "/3/tweets"), "X has no"),
    ],
    ids=lambda each: each if isinstance(each, str) else f"{each.method} {each.target} {each.body.decode()}",
)
def test_requests_are_checked_against_the_openapi_file(call: Request, message: str) -> None:
    spec = openapi.spec()
    assert spec

    errors = "\n".join(spec.request_errors(call))

    assert bool(errors) == bool(message)
    assert message in errors


@no_file
@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (Reply(200, {"data": [{"id": "7", "text": "a"}], "meta": {"result_count": 1}}), ""),
        (Reply(200, {"data": [{"id": 7, "text": "a"}]}), "is not of type string"),
        (Reply(200, {"data": {"id": "7"}}), "is not of type array"),
        (Reply(200, {"data": [{"id": "7", "created_at": "today"}]}), "is not a date-time"),
        (Reply(200, {"data": [{"id": "7", "entities": {"urls": [{"url": "https://t.co/a"}]}}]}), "start is missing"),
        (Reply(201, {"data": []}), "X does not answer 201"),
    ],
    ids=lambda each: each if isinstance(each, str) else str(each.body),
)
def test_answers_are_checked_against_the_openapi_file(reply: Reply, message: str) -> None:
    spec = openapi.spec()
    assert spec

    errors = "\n".join(spec.reply_errors(request("GET", "/2/users/1/tweets"), reply))

    assert bool(errors) == bool(message)
    assert message in errors


@no_file
def test_an_answer_that_x_would_not_give_is_an_error_of_the_fake() -> None:
    with FakeX(World(ME, now=lambda: NOW)) as server:
        server.api._me = lambda *_: Reply(200, {"data": {"id": 1, "username": "a", "name": "b"}})  # type: ignore[method-assign]
        with X(KEYS, now=lambda: NOW, base_url=server.url) as x, pytest.raises(Exception, match="without id"):
            x.me()

    assert "answer.data.id: 1 is not of type string" in str(server.broken[0])


# Money


def test_every_request_is_billed_at_the_listed_price(fake: FakeX, x: X) -> None:
    first = x.post("hello")
    x.post("see example.com")
    x.me()
    x.find("other")
    x.own_posts(ME.id)
    x.page(OTHER.id)  # an empty page is not billed
    x.delete(first.id)

    assert [(charge.kind, charge.price) for charge in fake.world.bank.charges] == [
        ("create", 15_000),
        ("create with link", 200_000),
        ("read user", 10_000),
        ("read user", 10_000),
        ("read", 1_000),
        ("read", 1_000),
        ("delete", 10_000),
    ]


def test_a_post_read_twice_on_a_day_is_billed_once(fake: FakeX, x: X) -> None:
    fake.world.create(OTHER, "hello")
    for _ in range(2):
        x.page(OTHER.id)
    fake.world.now = lambda: NOW + timedelta(days=1)
    x.page(OTHER.id)

    assert [charge.price for charge in fake.world.bank.charges] == [5_000, 5_000]


def test_a_refusal_costs_nothing(fake: FakeX, x: X) -> None:
    x.post("hello")
    with pytest.raises(Refused):
        x.post("hello")

    assert fake.world.bank.billed == 15_000


def test_without_credits_nothing_is_posted_and_the_bot_halts(fake: FakeX, x: X) -> None:
    fake.world.bank.credits = 20_000
    x.post("hello")

    with pytest.raises(Halted, match="credits are used up"):
        x.post("hello again")

    assert (fake.world.texts, fake.world.bank.billed) == (["hello"], 15_000)


def test_the_ledger_equals_the_bill_of_x(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    Store.open(state / "history.db").close()
    with FakeX(World(ME, now=lambda: datetime.now(UTC))) as fake:
        keys = {
            "MYNAH_BOT": ME.handle,
            "MYNAH_LIVE": "true",
            "MYNAH_X__BASE_URL": fake.url,
            "MYNAH_X__CONSUMER_KEY": ME.secrets.consumer_key,
            "MYNAH_X__CONSUMER_SECRET": ME.secrets.consumer_secret,
            "MYNAH_X__ACCESS_TOKEN": ME.access_token,
            "MYNAH_X__ACCESS_TOKEN_SECRET": ME.secrets.token_secret,
            "MYNAH_POSTING__MIN_GAP": "0s",
            "MYNAH_POSTING__MAX_PER_HOUR": "9",
            "MYNAH_POSTING__ALLOW_LINKS": "true",
        }
        for arguments in (
            ["doctor", "--online"],
            ["post", "Hello out there, it is raining."],
            ["post", "All about rain: https://example.org/rain"],
            ["delete", "1", "--yes"],
        ):
            result = mynah(*arguments, state=state, **keys)
            assert result.returncode == 0, result.stdout + result.stderr
        (report,) = lines(mynah("spend", "--json", state=state, **keys).stdout)

    assert round(sum(day["cost"] for day in report["days"]) * 1_000_000) == fake.world.bank.billed == 235_000
    assert fake.broken == []


# Letters


@pytest.mark.skipif(not CASES.exists(), reason="../shared/data is not here")
def test_it_counts_characters_as_twitter_text_does() -> None:
    cases = yaml.safe_load(CASES.read_text(encoding="utf-8"))["tests"]["WeightedTweetsWithDiscountedEmojiCounterTest"]
    valid = [
        case for case in cases if not re.search("domain|punycode", case["description"])
    ]  # without invalid long hosts

    assert len(valid) > 10
    assert [case for case in valid if length.weighted(case["text"]) != case["expected"]["weightedLength"]] == []


def test_a_text_that_is_too_long_or_has_two_cashtags_is_refused(fake: FakeX, x: X) -> None:
    for text in ("ü" * 281, "語" * 141, "$AAA and $BBB"):
        with pytest.raises(Refused, match="nothing was created"):
            x.post(text)
    x.post("語" * 140)

    assert len(fake.world.texts) == 1
