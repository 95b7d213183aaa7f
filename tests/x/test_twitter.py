"""The client against a fake X on a real socket: the outcome of every answer, and of a missing one."""

from __future__ import annotations

import json
import socket
import traceback
from contextlib import closing
from dataclasses import astuple
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from bot.errors import Duplicate, Halted, RateLimited, Refused, TryLater, Unexplained, Unknown, XError
from bot.values import Receipt, Timeline
from bot.x.payloads import Account
from bot.x.signing import Keys
from bot.x.twitter import X
from bot.x.wire import WITHIN
from tests.fake_x import oauth
from tests.fake_x.faults import FAULTS, TOO_MANY, End, Fault, limited
from tests.fake_x.server import FakeX
from tests.fake_x.state import User, World

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
SECRETS = oauth.Secrets("canary-consumer-key", "canary-consumer-secret", "canary-token-secret")
MYNAH = User("1500000000000000001", "stationmynah", "Station Mynah", "canary-access-token", SECRETS)
KEYS = Keys(SECRETS.consumer_key, SECRETS.consumer_secret, MYNAH.access_token, SECRETS.token_secret)
LONG_TIMEOUT = (10.0, 10.0)  # seconds; a busy machine may pause
SHORT_TIMEOUT = (10.0, 0.2)  # the second: how long a test waits for an answer that never comes
SHORT_LIMIT = 0.3  # how long it waits for an answer that is too slow
TRICKY = '<b>&amp; "q" & https://example.org/?a=1&lt=2 &lt;'  # unescaping once too often or too rarely changes it

MEANINGS: dict[str, type[XError] | None] = {
    "ok": None,
    "duplicate": Duplicate,
    "duplicate_187": Duplicate,
    "not_summoned": Refused,
    "not_summoned_newer": Refused,
    "quote_gate": Refused,
    "target_gone": Refused,
    "forbidden": Unexplained,
    "forbidden_html": Unexplained,
    "echo": Unexplained,
    "permissions": Halted,
    "permissions_x": Halted,
    "auth_kind": Halted,
    "not_enrolled": Halted,
    "suspended": Halted,
    "suspended_64": Halted,
    "token_89": Halted,
    "daily_185": RateLimited,
    "automated_226": Halted,
    "no_write_261": Halted,
    "locked_326": Halted,
    "bad_request": TryLater,
    "bad_auth_32": Halted,
    "unauthorized": Halted,
    "unauthorized_html": Halted,
    "no_credits": Halted,
    "not_found": TryLater,
    "teapot": Unknown,
    "too_many": RateLimited,
    "too_many_88": RateLimited,
    "too_many_no_reset": RateLimited,
    "too_many_past_reset": RateLimited,
    "too_many_absurd_reset": RateLimited,
    "too_many_html": RateLimited,
    "capped_no_reset": RateLimited,
    "capped_past_reset": RateLimited,
    "unavailable": Unknown,
    "unavailable_text": Unknown,
    "unavailable_after": Unknown,
    "server_error_list": Unknown,
    "redirect": Unknown,
    "redirect_away": Unknown,
    "html": Unknown,
    "created_html": Unknown,
    "created_no_id": Unknown,
    "created_null": Unknown,
    "created_empty": Unknown,
    "created_deep": Unknown,
    "created_long_number": Unknown,
    "created_bad_zip": Unknown,
    "only_errors": Unknown,
    "reset_before": Unknown,
    "reset_after": Unknown,
    "hang_before": Unknown,
    "hang_after": Unknown,
    "cut": Unknown,
    "endless": Unknown,
    "zipped_bomb": Unknown,
    "trickle": Unknown,
    "trickling_head": Unknown,
}


@pytest.fixture
def fake() -> Iterator[FakeX]:
    with FakeX(World(MYNAH, now=lambda: NOW)) as server:
        yield server
    assert server.broken == []


@pytest.fixture
def x(fake: FakeX) -> Iterator[X]:
    with gateway(fake.url) as client:
        yield client


def gateway(base_url: str, *, keys: Keys = KEYS, fault: Fault = FAULTS["ok"]) -> X:
    within = SHORT_LIMIT if fault.end in (End.TRICKLE, End.TRICKLE_HEAD) else WITHIN
    timeout = SHORT_TIMEOUT if fault.end is End.HANG else LONG_TIMEOUT
    return X(keys, now=lambda: NOW, base_url=base_url, timeout=timeout, within=within)


def test_every_fault_has_an_expected_error() -> None:
    assert MEANINGS.keys() == FAULTS.keys()


@pytest.mark.parametrize("name", FAULTS)
def test_a_post_that_meets_a_fault_raises_its_error_and_is_sent_once(name: str, fake: FakeX) -> None:
    fault = FAULTS[name]
    fake.fail_with(fault)

    with gateway(fake.url, fault=fault) as x:
        meaning = outcome_of_a_post(x)

    assert meaning is MEANINGS[name]
    assert fault.end is not End.HANG or fake.hanging.wait(10)
    assert len(fake.requests) == 1
    assert len(fake.world.texts) == (fault.commits or name == "ok")


def outcome_of_a_post(x: X) -> type[XError] | None:
    try:
        x.post("hello")
    except XError as error:
        return type(error)
    return None


@pytest.mark.parametrize("name", [name for name, meaning in MEANINGS.items() if meaning is Unknown])
def test_a_read_is_never_in_doubt(name: str, fake: FakeX) -> None:
    fault = FAULTS[name]
    fake.fail_with(fault)

    with gateway(fake.url, fault=fault) as x, pytest.raises(TryLater, match="again"):
        x.own_posts(MYNAH.id)

    assert len(fake.requests) <= 1


def test_nothing_was_sent_if_the_connection_is_refused() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]

    with gateway(f"http://127.0.0.1:{port}") as x, pytest.raises(TryLater, match="Connection refused"):
        x.post("hello")


def test_nothing_was_sent_if_tls_fails(fake: FakeX) -> None:
    with gateway(fake.url.replace("http:", "https:")) as x, pytest.raises(TryLater, match="could not be reached"):
        x.post("hello")

    assert fake.world.texts == []


def test_a_post_returns_its_receipt_and_arrives_unchanged(fake: FakeX, x: X) -> None:
    receipt = x.post("Crumbs & <signals> ☔ über alles")

    assert receipt == Receipt(receipt.id, "Crumbs & <signals> ☔ über alles")
    assert fake.world.texts == ["Crumbs & <signals> ☔ über alles"]
    assert fake.requests[0].headers["connection"] == "close"


def test_me_is_the_account_of_the_keys(x: X) -> None:
    account = x.me()

    assert account == Account("1500000000000000001", "stationmynah", "Station Mynah", MYNAH.bio)
    assert x.access_level == "read-write"
    assert x.headers["x-rate-limit-remaining"] == "74"


@pytest.mark.parametrize("new_dialect", [False, True], ids=["old_names", "new_names"])
def test_own_posts_come_newest_first_and_unchanged(new_dialect: bool) -> None:
    world = World(MYNAH, now=lambda: NOW)
    texts = ["first", TRICKY, f"{TRICKY} {'long ' * 60}end"]
    ids = [world.create(MYNAH, text).id for text in texts]
    world.create(MYNAH, "RT @somebody: not mine", retweet_of="1")

    with FakeX(world, new_dialect=new_dialect) as fake, gateway(fake.url) as x:
        posts = x.own_posts(MYNAH.id)

    assert posts.whole
    assert posts.posts == tuple(Receipt(id_, text) for id_, text in zip(reversed(ids), reversed(texts), strict=True))


def test_own_posts_are_those_after_since_id_up_to_the_limit(fake: FakeX, x: X) -> None:
    ids = [fake.world.create(MYNAH, f"post {n}").id for n in range(8)]

    after = x.own_posts(MYNAH.id, since_id=ids[4])
    two = x.own_posts(MYNAH.id, limit=2)
    empty = x.own_posts(MYNAH.id, since_id=ids[-1])

    assert [post.id for post in after.posts] == [ids[7], ids[6], ids[5]]
    assert [post.id for post in two.posts] == [ids[7], ids[6]]
    assert empty.posts == ()
    assert (after.whole, two.whole, empty.whole) == (True, False, True)


def test_a_page_followed_by_another_is_not_the_whole_timeline(fake: FakeX, x: X) -> None:
    for n in range(6):
        fake.world.create(MYNAH, f"RT @somebody: {n}", retweet_of="1")

    timeline = x.own_posts(MYNAH.id)

    assert timeline == Timeline((), whole=False)  # X removes retweets from a page of limited size


def test_a_deleted_post_is_gone_and_cannot_be_deleted_again(fake: FakeX, x: X) -> None:
    receipt = x.post("hello")

    x.delete(receipt.id)

    assert fake.world.texts == []
    with pytest.raises(Refused, match="no post with that id"):
        x.delete(receipt.id)


def test_a_rate_limit_ends_at_the_time_that_x_states(fake: FakeX, x: X) -> None:
    fake.fail_with(limited(TOO_MANY, reset=str(int(NOW.timestamp()) + 120)))

    with pytest.raises(RateLimited) as excinfo:
        x.post("hello")

    assert excinfo.value.until == NOW + timedelta(minutes=2)


def test_a_call_to_another_address_is_refused(fake: FakeX, x: X) -> None:
    x._wire.base_url = "http://127.0.0.2:1"

    with pytest.raises(XError, match="InvalidSchema"):
        x.post("hello")

    assert fake.requests == []


def test_a_proxy_in_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch, fake: FakeX, x: X) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)

    assert x.me().handle == "stationmynah"


def test_wrong_keys_halt(fake: FakeX) -> None:
    wrong = Keys(KEYS.consumer_key, "another", KEYS.access_token, KEYS.access_token_secret)

    with gateway(fake.url, keys=wrong) as x, pytest.raises(Halted, match="one 401 may be an outage"):
        x.post("hello")

    assert fake.world.texts == []


def test_no_error_and_no_repr_shows_a_secret(fake: FakeX) -> None:
    echo = json.dumps({"title": "Forbidden", "detail": " ".join(astuple(KEYS))}).encode()
    texts = [repr(KEYS), str(KEYS)]

    for fault in (*FAULTS.values(), Fault(403, echo), Fault(403, echo, end=End.CUT)):
        fake.fail_with(fault)
        try:
            with gateway(fake.url, fault=fault) as x:
                texts.append(repr(x))
                x.post("hello")
        except XError as error:
            texts += traceback.format_exception(error)

    assert "[secret]" in "".join(texts)
    assert "canary" not in "".join(texts)
