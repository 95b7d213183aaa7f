"""The fake X itself, without our gateway, since the tests of the gateway rely on it."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import pytest

from tests.fake_x import oauth
from tests.fake_x.server import FakeX
from tests.fake_x.state import DUPLICATE_WINDOW, LIMIT_WINDOW, User, World, newcomer

if TYPE_CHECKING:
    from collections.abc import Iterator

START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
READER = User("2", "reader", "Reader", "reader-token", newcomer().secrets, access="read")
# X's documentation, "Creating a signature".
EXAMPLE = oauth.Secrets(
    "xvz1evFS4wEEPTGEFPHBog", "kAcSOqF21Fu85e7zjz7ZN2U4ZRhfV3WpwPAoE3Z7kBw", "LswwdoUaIvS8ltyTt5jkRh4J50vUPVVHtR2YPi5kE"
)


class ManualClock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def fake(clock: ManualClock) -> Iterator[FakeX]:
    with FakeX(World(newcomer(), READER, now=clock)) as server:
        yield server
    assert server.broken == []


def call(
    fake: FakeX, method: str, path: str, body: Any = None, *, user: User | None = None, nonce: str = ""
) -> tuple[int, Any]:
    """One signed request; without `nonce` a new one."""
    user = user or newcomer()
    pairs = {
        "oauth_consumer_key": user.secrets.consumer_key,
        "oauth_nonce": nonce or f"nonce {len(fake.requests)}",
        "oauth_signature_method": "HMAC-SHA1",
        "oauth_timestamp": "1795176000",
        "oauth_token": user.access_token,
        "oauth_version": "1.0",
    }
    query = parse_qsl(path.partition("?")[2])
    pairs["oauth_signature"] = oauth.signature(method, fake.url + path, [*pairs.items(), *query], user.secrets)
    header = "OAuth " + ", ".join(f'{name}="{oauth._escape(value)}"' for name, value in pairs.items())
    return bare_call(fake, method, path, body, {"Authorization": header})


def bare_call(fake: FakeX, method: str, path: str, body: Any, headers: dict[str, str]) -> tuple[int, Any]:
    with closing(http.client.HTTPConnection("127.0.0.1", fake.server_port, timeout=5)) as connection:
        connection.request(method, path, json.dumps(body) if body else None, headers)
        response = connection.getresponse()
        return response.status, json.loads(response.read())


def test_the_documented_request_gets_the_documented_signature() -> None:
    pairs = [
        ("status", "Hello Ladies + Gentlemen, a signed OAuth request!"),
        ("include_entities", "true"),
        ("oauth_consumer_key", EXAMPLE.consumer_key),
        ("oauth_nonce", "kYjzVBB8Y0ZFabxSWbWovY3uYSQ2pTgmZeNu2VS4cg"),
        ("oauth_signature_method", "HMAC-SHA1"),
        ("oauth_timestamp", "1318622958"),
        ("oauth_token", "370773112-GmHxMAgYyLbNEtIKZeRNFsMKPR9EyMZeS9weJAEb"),
        ("oauth_version", "1.0"),
    ]

    actual = oauth.signature("POST", "https://api.x.com/1.1/statuses/update.json", pairs, EXAMPLE)

    assert actual == "Ls93hJiZbQ3akF3HF3x1Bz8/zU4="


def test_a_request_without_a_signature_is_unauthorized(fake: FakeX) -> None:
    status, body = bare_call(fake, "GET", "/2/users/me", None, {})

    assert (status, body["title"]) == (401, "Unauthorized")


def test_a_request_cannot_be_replayed(fake: FakeX) -> None:
    first, _ = call(fake, "GET", "/2/users/me", nonce="once")
    second, _ = call(fake, "GET", "/2/users/me", nonce="once")

    assert (first, second) == (200, 401)


def test_a_signature_is_valid_only_for_its_address(fake: FakeX) -> None:
    call(fake, "GET", "/2/users/me")
    header = fake.requests[0].headers["authorization"].replace("nonce%200", "nonce%201")

    status, _ = bare_call(fake, "GET", "/2/users/2/tweets", None, {"Authorization": header})

    assert status == 401


def test_the_same_text_is_refused_for_half_a_day(fake: FakeX, clock: ManualClock) -> None:
    answers = [call(fake, "POST", "/2/tweets", {"text": "hello"})[0] for _ in range(2)]
    clock.at += DUPLICATE_WINDOW
    answers.append(call(fake, "POST", "/2/tweets", {"text": "hello"})[0])

    assert answers == [201, 403, 201]


def test_duplicates_can_be_allowed(fake: FakeX) -> None:
    fake.world.refuses_duplicates = False

    answers = [call(fake, "POST", "/2/tweets", {"text": "hello"})[0] for _ in range(2)]

    assert answers == [201, 201]
    assert fake.world.texts == ["hello", "hello"]


def test_read_only_keys_may_not_write(fake: FakeX) -> None:
    status, body = call(fake, "POST", "/2/tweets", {"text": "hello"}, user=READER)

    assert status == 403
    assert body["type"].endswith("oauth1-permissions")
    assert fake.world.texts == []


@pytest.mark.parametrize("body", [None, {}, {"text": 5}, {"text": " "}, ["text"]], ids=repr)
def test_a_post_needs_a_text(body: Any, fake: FakeX) -> None:
    assert call(fake, "POST", "/2/tweets", body)[0] == 400


@pytest.mark.parametrize("query", ["max_results=4", "max_results=101", "max_results=all", "since_id=x"])
def test_a_page_of_a_timeline_has_5_to_100_posts(query: str, fake: FakeX) -> None:
    assert call(fake, "GET", f"/2/users/2/tweets?{query}")[0] == 400


def test_a_post_of_another_user_cannot_be_deleted(fake: FakeX) -> None:
    post = fake.world.create(READER, "mine")

    status, _ = call(fake, "DELETE", f"/2/tweets/{post.id}")

    assert status == 403
    assert fake.world.texts == ["mine"]


def test_ids_increase_and_contain_the_time(fake: FakeX, clock: ManualClock) -> None:
    first = fake.world.create(READER, "first")
    second = fake.world.create(READER, "second")
    clock.at += timedelta(hours=1)
    third = fake.world.create(READER, "third")

    assert int(first.id) < int(second.id) < int(third.id)
    assert (int(third.id) >> 22) - (int(first.id) >> 22) == 3_600_000


def test_a_rate_limit_lasts_until_its_window_ends(fake: FakeX, clock: ManualClock) -> None:
    answers = [call(fake, "GET", "/2/users/me")[0] for _ in range(76)]
    clock.at += LIMIT_WINDOW
    answers.append(call(fake, "GET", "/2/users/me")[0])

    assert answers == [*[200] * 75, 429, 200]


def test_the_program_starts_and_ends_on_interrupt() -> None:
    command = [sys.executable, "-m", "tests.fake_x", "--port", "0", "--fault", "unavailable"]
    root = Path(__file__).parents[2]

    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root, env=os.environ) as process:
        assert process.stdout
        first = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()

    assert first.startswith("export MYNAH_X__BASE_URL=http://127.0.0.1:")
    assert rest.count("export MYNAH_X__") == 4
    assert process.returncode == 0
