"""A login by OAuth 2.0: renewed in time, saved before it is used, and never renewed in a loop."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bot.errors import Halted, TryLater
from bot.x.bearer import Bearer
from bot.x.signin import Client
from bot.x.tokens import MOST_TRIES, Grant, TokenFile
from bot.x.twitter import X
from tests.fake_x.faults import FAULTS, End, Fault
from tests.fake_x.server import FakeX
from tests.fake_x.signin import CLIENT_ID, CLIENT_SECRET, TOKEN_LIVES
from tests.fake_x.state import World, newcomer
from tests.fakes import FakeClock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ME = newcomer()
WRONG_TOKENS = '{"access_token": "a", "refresh_token": "b", "expires": "soon"}'
AFTER_EXPIRY = TOKEN_LIVES + timedelta(minutes=1)


class LoggedInBot:
    """A bot that is logged in to a fake X, and its token file."""

    def __init__(self, x: FakeX, clock: FakeClock, path: Path) -> None:
        self.x = x
        self.clock = clock
        self.file = TokenFile(path)
        tokens = x.api.signin.login(ME)
        expires = clock.now().timestamp() + TOKEN_LIVES.total_seconds()
        self.file.keep(Grant(str(tokens["access_token"]), str(tokens["refresh_token"]), expires, ME.id, ME.handle))

    def gateway(self, *, secret: str = CLIENT_SECRET, patience: float = 10.0) -> X:
        bearer = Bearer(self.file, Client(CLIENT_ID, secret), now=self.clock.now)
        return X(bearer, now=self.clock.now, base_url=self.x.url, timeout=(10.0, patience))

    @property
    def grant(self) -> Grant:
        grant = self.file.read()
        assert grant is not None
        return grant

    @property
    def renewals(self) -> int:
        return [request.path for request in self.x.requests].count("/2/oauth2/token")


@pytest.fixture
def bot(tmp_path: Path) -> Iterator[LoggedInBot]:
    clock = FakeClock()
    with FakeX(World(newcomer(), now=clock.now)) as x:
        yield LoggedInBot(x, clock, tmp_path / "oauth2.json")
    assert x.broken == []


def test_a_fresh_login_is_not_renewed(bot: LoggedInBot) -> None:
    with bot.gateway() as x:
        x.post("hello")

    assert (bot.renewals, bot.x.world.texts) == (0, ["hello"])


@pytest.mark.parametrize(("seconds", "renewals"), [(90, 0), (30, 1)], ids=["90 s left", "30 s left"])
def test_a_token_that_could_expire_during_the_request_is_renewed_before_it(
    bot: LoggedInBot, seconds: int, renewals: int
) -> None:
    bot.clock.passes(TOKEN_LIVES - timedelta(seconds=seconds))

    with bot.gateway() as x:
        x.post("hello")

    assert [request.path for request in bot.x.requests] == ["/2/oauth2/token"] * renewals + ["/2/tweets"]


def test_an_expired_login_is_renewed_and_saved_before_it_is_used(bot: LoggedInBot) -> None:
    before = bot.grant
    bot.clock.passes(AFTER_EXPIRY)
    bot.x.fail_with("ok", "hang_before")  # the renewal is answered, the post is not

    with bot.gateway(patience=0.2) as x, pytest.raises(Exception, match="may or may not exist"):
        x.post("hello")

    assert bot.renewals == 1
    assert bot.grant.refresh_token not in {"", before.refresh_token}
    assert (bot.grant.account, bot.grant.handle, bot.grant.tries) == (ME.id, ME.handle, 0)


def test_no_refresh_token_is_used_twice(bot: LoggedInBot) -> None:
    with bot.gateway() as x:
        for number in range(5):
            bot.clock.passes(AFTER_EXPIRY)
            x.post(f"post {number}")

    assert bot.renewals == 5
    assert len(bot.x.world.texts) == 5
    assert [family.live for family in bot.x.api.signin.families] == [True]


def test_two_processes_at_once_renew_once(bot: LoggedInBot) -> None:
    bot.clock.passes(AFTER_EXPIRY)
    barrier = threading.Barrier(2)

    def post(text: str) -> None:
        with bot.gateway() as x:
            barrier.wait()
            x.post(text)

    threads = [threading.Thread(target=post, args=(text,)) for text in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert bot.renewals == 1
    assert sorted(bot.x.world.texts) == ["one", "two"]


LOST_RENEWALS = [
    name
    for name, fault in FAULTS.items()
    if (fault.status or 500) >= 500 or fault.end is not End.ANSWER or fault.status in {200, 201, 307, 308}
    if fault.end not in {End.TRICKLE, End.TRICKLE_HEAD} and name != "ok"
]


@pytest.mark.parametrize("name", LOST_RENEWALS)
def test_a_renewal_whose_answer_is_lost_leaves_no_post_in_doubt_and_can_be_repeated(
    bot: LoggedInBot, name: str
) -> None:
    bot.clock.passes(AFTER_EXPIRY)
    bot.x.fail_with(name)

    with bot.gateway(patience=0.2) as x, pytest.raises(TryLater, match="could not be renewed"):
        x.post("hello")

    assert (bot.grant.tries, bot.x.world.texts) == (1, [])
    if not FAULTS[name].commits:
        with bot.gateway() as x:
            x.post("hello")
        assert bot.x.world.texts == ["hello"]


def test_a_renewal_whose_answer_was_lost_after_x_made_it_requires_a_new_login(bot: LoggedInBot) -> None:
    bot.clock.passes(AFTER_EXPIRY)
    bot.x.fail_with("reset_after")

    with bot.gateway() as x:
        with pytest.raises(TryLater):
            x.post("hello")
        for _ in range(3):
            with pytest.raises(Halted, match="`mynah auth` logs in again"):
                x.post("hello")

    assert bot.renewals == 2  # the second one showed that the token is used up; after that X gets no request


def test_the_number_of_lost_answers_is_limited(bot: LoggedInBot) -> None:
    bot.clock.passes(AFTER_EXPIRY)
    bot.x.fail_with(*["unavailable"] * 10)

    with bot.gateway() as x:
        errors = []
        for _ in range(MOST_TRIES + 3):
            with pytest.raises((TryLater, Halted)) as excinfo:
                x.post("hello")
            errors.append(type(excinfo.value))

    assert errors == [TryLater] * (MOST_TRIES - 1) + [Halted] * 4
    assert bot.renewals == MOST_TRIES


def test_after_a_kill_between_answer_and_file_it_renews_once_more_and_then_needs_a_login(bot: LoggedInBot) -> None:
    """The old tokens and a count of one try are then on disk."""
    bot.clock.passes(AFTER_EXPIRY)
    before = bot.grant
    with bot.gateway() as x:
        x.me()
    bot.file.keep(Grant(before.access_token, before.refresh_token, before.expires, ME.id, ME.handle, tries=1))

    with bot.gateway() as x, pytest.raises(Halted, match="logs in again"):
        x.me()

    assert bot.grant.tries == MOST_TRIES


@pytest.mark.parametrize("name", ["too_many", "too_many_html"])
def test_a_rate_limit_uses_up_no_try(bot: LoggedInBot, name: str) -> None:
    bot.clock.passes(AFTER_EXPIRY)
    bot.x.fail_with(name)

    with bot.gateway() as x, pytest.raises(TryLater):
        x.post("hello")

    assert bot.grant.tries == 0


def test_a_wrong_client_secret_uses_up_no_try(bot: LoggedInBot) -> None:
    bot.clock.passes(AFTER_EXPIRY)

    with bot.gateway(secret="another") as x, pytest.raises(Halted, match="client id or secret"):
        x.post("hello")
    with bot.gateway() as x:
        x.post("hello")

    assert bot.x.world.texts == ["hello"]


def test_an_unreachable_server_uses_up_no_try(bot: LoggedInBot) -> None:
    bot.clock.passes(AFTER_EXPIRY)
    bearer = Bearer(bot.file, Client(CLIENT_ID, CLIENT_SECRET), now=bot.clock.now)

    with X(bearer, now=bot.clock.now, base_url="http://127.0.0.1:1") as x, pytest.raises(TryLater):
        x.post("hello")

    assert bot.grant.tries == 0


def test_a_token_that_x_rejects_is_renewed_before_the_next_request(bot: LoggedInBot) -> None:
    bot.x.fail_with("unauthorized")

    with bot.gateway() as x:
        with pytest.raises(Halted):
            x.post("hello")
        x.post("hello")

    assert (bot.renewals, bot.x.world.texts) == (1, ["hello"])


def test_a_missing_login_is_reported(bot: LoggedInBot) -> None:
    bot.file.path.unlink()

    with bot.gateway() as x, pytest.raises(Halted, match="`mynah auth` logs in"):
        x.post("hello")


ENDLESS = '{"access_token": "a", "refresh_token": "b", "expires": 1, "tries": 1e999}'


@pytest.mark.parametrize(
    "text",
    ["", "null", "[]", '{"access_token": "a"}', WRONG_TOKENS, "\ufffe", ENDLESS, pytest.param("[" * 9999, id="deep")],
)
def test_a_file_without_a_login_leaves_no_post_in_doubt(bot: LoggedInBot, text: str) -> None:
    bot.file.path.write_text(text, encoding="utf-8")

    with bot.gateway() as x, pytest.raises(Halted, match=r"oauth2\.json does not contain a login"):
        x.post("hello")


def test_a_file_that_others_can_read_is_not_used(bot: LoggedInBot) -> None:
    bot.file.path.chmod(0o640)

    with bot.gateway() as x, pytest.raises(Halted, match="chmod 600"):
        x.post("hello")


def test_a_public_app_sends_its_id_and_no_secret(bot: LoggedInBot) -> None:
    bot.clock.passes(AFTER_EXPIRY)

    with bot.gateway(secret="") as x, pytest.raises(Halted):
        x.post("hello")

    (request,) = bot.x.requests
    assert "authorization" not in request.headers
    assert f"client_id={CLIENT_ID}" in request.body.decode()


def test_tokens_that_an_answer_echoes_are_hidden(bot: LoggedInBot) -> None:
    grant = bot.grant
    bot.x.fail_with(Fault(403, json.dumps({"detail": f"{grant.access_token} {grant.refresh_token}"}).encode()))

    with bot.gateway() as x, pytest.raises(Exception, match=r"\[secret\] \[secret\]") as excinfo:
        x.post("hello")

    assert grant.access_token not in str(excinfo.value)
    assert grant.access_token not in repr(grant)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"access_token": "a", "refresh_token": "b", "expires_in": 10**400}, TryLater),
        ({"access_token": "a", "refresh_token": "b", "expires_in": -1}, TryLater),
        ({"access_token": "a", "refresh_token": "b"}, TryLater),
        ({"access_token": "a", "token_type": "bearer", "expires_in": 7200}, Halted),
        ({"access_token": "a", "refresh_token": "b", "expires_in": 7200, "scope": "tweet.read"}, Halted),
        ([], TryLater),
    ],
    ids=str,
)
def test_an_invalid_answer_to_a_renewal_is_one_of_our_errors(
    bot: LoggedInBot, answer: object, error: type[Exception]
) -> None:
    bot.clock.passes(AFTER_EXPIRY)
    bot.x.fail_with(Fault(200, json.dumps(answer).encode()))

    with bot.gateway() as x, pytest.raises(error, match=r"renew|may only read"):
        x.post("hello")

    assert bot.x.world.texts == []
