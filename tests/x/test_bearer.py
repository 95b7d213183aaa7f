"""A login by OAuth 2.0 over its life: renewed in time, kept before it is used, and never asked for in a loop."""

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
WRONG = '{"access_token": "a", "refresh_token": "b", "expires": "soon"}'
LATER = TOKEN_LIVES + timedelta(minutes=1)


class Practice:
    """A bot that is logged in at a fake X, and its file of tokens."""

    def __init__(self, x: FakeX, clock: FakeClock, path: Path) -> None:
        self.x = x
        self.clock = clock
        self.file = TokenFile(path)
        given = x.api.signin.login(ME)
        expires = clock.now().timestamp() + TOKEN_LIVES.total_seconds()
        self.file.keep(Grant(str(given["access_token"]), str(given["refresh_token"]), expires, ME.id, ME.handle))

    def gateway(self, *, secret: str = CLIENT_SECRET, patience: float = 10.0) -> X:
        bearer = Bearer(self.file, Client(CLIENT_ID, secret), now=self.clock.now)
        return X(bearer, now=self.clock.now, base_url=self.x.url, timeout=(10.0, patience))

    @property
    def kept(self) -> Grant:
        grant = self.file.read()
        assert grant is not None
        return grant

    @property
    def renewals(self) -> int:
        return [request.path for request in self.x.requests].count("/2/oauth2/token")


@pytest.fixture
def practice(tmp_path: Path) -> Iterator[Practice]:
    clock = FakeClock()
    with FakeX(World(newcomer(), now=clock.now)) as x:
        yield Practice(x, clock, tmp_path / "oauth2.json")
    assert x.broken == []


def test_a_login_speaks_without_being_renewed_while_it_is_fresh(practice: Practice) -> None:
    with practice.gateway() as x:
        x.post("hello")

    assert (practice.renewals, practice.x.world.texts) == (0, ["hello"])


@pytest.mark.parametrize(("left", "renewals"), [(90, 0), (30, 1)], ids=["90 s left", "30 s left"])
def test_a_token_that_could_expire_during_the_request_is_renewed_before_it(
    practice: Practice, left: int, renewals: int
) -> None:
    practice.clock.passes(TOKEN_LIVES - timedelta(seconds=left))

    with practice.gateway() as x:
        x.post("hello")

    assert [request.path for request in practice.x.requests] == ["/2/oauth2/token"] * renewals + ["/2/tweets"]


def test_an_old_login_is_renewed_and_the_new_one_kept_before_it_is_used(practice: Practice) -> None:
    old = practice.kept
    practice.clock.passes(LATER)
    practice.x.fail_with("ok", "hang_before")  # the renewal is answered, the post is not

    with practice.gateway(patience=0.2) as x, pytest.raises(Exception, match="may or may not exist"):
        x.post("hello")

    assert practice.renewals == 1
    assert practice.kept.refresh_token not in {"", old.refresh_token}
    assert (practice.kept.account, practice.kept.handle, practice.kept.tries) == (ME.id, ME.handle, 0)


def test_a_refresh_token_is_used_once_however_long_the_bot_lives(practice: Practice) -> None:
    with practice.gateway() as x:
        for number in range(5):
            practice.clock.passes(LATER)
            x.post(f"post {number}")

    assert practice.renewals == 5
    assert len(practice.x.world.texts) == 5
    assert [family.live for family in practice.x.api.signin.families] == [True]


def test_two_at_once_renew_once(practice: Practice) -> None:
    practice.clock.passes(LATER)
    meet = threading.Barrier(2)

    def speak(text: str) -> None:
        with practice.gateway() as x:
            meet.wait()
            x.post(text)

    both = [threading.Thread(target=speak, args=(text,)) for text in ("one", "two")]
    for each in both:
        each.start()
    for each in both:
        each.join()

    assert practice.renewals == 1
    assert sorted(practice.x.world.texts) == ["one", "two"]


LOST = [
    name
    for name, fault in FAULTS.items()
    if (fault.status or 500) >= 500 or fault.end is not End.ANSWER or fault.status in {200, 201, 307, 308}
    if fault.end not in {End.TRICKLE, End.TRICKLE_HEAD} and name != "ok"
]


@pytest.mark.parametrize("name", LOST)
def test_a_renewal_whose_answer_is_lost_leaves_no_post_in_doubt_and_is_tried_again(
    practice: Practice, name: str
) -> None:
    practice.clock.passes(LATER)
    practice.x.fail_with(name)

    with practice.gateway(patience=0.2) as x, pytest.raises(TryLater, match="could not be renewed"):
        x.post("hello")

    assert (practice.kept.tries, practice.x.world.texts) == (1, [])
    if not FAULTS[name].commits:
        with practice.gateway() as x:
            x.post("hello")
        assert practice.x.world.texts == ["hello"]


def test_a_renewal_that_x_made_and_whose_answer_was_lost_ends_in_a_login_never_in_a_loop(practice: Practice) -> None:
    practice.clock.passes(LATER)
    practice.x.fail_with("reset_after")

    with practice.gateway() as x:
        with pytest.raises(TryLater):
            x.post("hello")
        for _ in range(3):
            with pytest.raises(Halted, match="`mynah auth` logs in again"):
                x.post("hello")

    assert practice.renewals == 2  # the second one told that the token was used up; after that X is not asked


def test_answers_that_are_lost_again_and_again_end_in_a_login(practice: Practice) -> None:
    practice.clock.passes(LATER)
    practice.x.fail_with(*["unavailable"] * 10)

    with practice.gateway() as x:
        ends = []
        for _ in range(MOST_TRIES + 3):
            with pytest.raises((TryLater, Halted)) as caught:
                x.post("hello")
            ends.append(type(caught.value))

    assert ends == [TryLater] * (MOST_TRIES - 1) + [Halted] * 4
    assert practice.renewals == MOST_TRIES


def test_killed_between_the_answer_and_the_file_it_asks_once_more_and_then_for_a_login(practice: Practice) -> None:
    """What stands on the disk then: the old tokens, and that a try was made."""
    practice.clock.passes(LATER)
    before = practice.kept
    with practice.gateway() as x:
        x.me()
    practice.file.keep(Grant(before.access_token, before.refresh_token, before.expires, ME.id, ME.handle, tries=1))

    with practice.gateway() as x, pytest.raises(Halted, match="logs in again"):
        x.me()

    assert practice.kept.tries == MOST_TRIES


@pytest.mark.parametrize("name", ["too_many", "too_many_html"])
def test_a_limit_uses_nothing_up(practice: Practice, name: str) -> None:
    practice.clock.passes(LATER)
    practice.x.fail_with(name)

    with practice.gateway() as x, pytest.raises(TryLater):
        x.post("hello")

    assert practice.kept.tries == 0


def test_a_wrong_client_secret_uses_nothing_up(practice: Practice) -> None:
    practice.clock.passes(LATER)

    with practice.gateway(secret="another") as x, pytest.raises(Halted, match="client id or secret"):
        x.post("hello")
    with practice.gateway() as x:
        x.post("hello")

    assert practice.x.world.texts == ["hello"]


def test_a_server_that_is_not_there_uses_nothing_up(practice: Practice) -> None:
    practice.clock.passes(LATER)
    bearer = Bearer(practice.file, Client(CLIENT_ID, CLIENT_SECRET), now=practice.clock.now)

    with X(bearer, now=practice.clock.now, base_url="http://127.0.0.1:1") as x, pytest.raises(TryLater):
        x.post("hello")

    assert practice.kept.tries == 0


def test_a_token_that_x_does_not_take_is_renewed_before_the_next_request(practice: Practice) -> None:
    practice.x.fail_with("unauthorized")

    with practice.gateway() as x:
        with pytest.raises(Halted):
            x.post("hello")
        x.post("hello")

    assert (practice.renewals, practice.x.world.texts) == (1, ["hello"])


def test_a_login_that_is_gone_says_so(practice: Practice) -> None:
    practice.file.path.unlink()

    with practice.gateway() as x, pytest.raises(Halted, match="`mynah auth` logs in"):
        x.post("hello")


ENDLESS = '{"access_token": "a", "refresh_token": "b", "expires": 1, "tries": 1e999}'


@pytest.mark.parametrize(
    "text", ["", "null", "[]", '{"access_token": "a"}', WRONG, "\ufffe", ENDLESS, pytest.param("[" * 9999, id="deep")]
)
def test_a_file_that_holds_no_login_leaves_no_post_in_doubt(practice: Practice, text: str) -> None:
    practice.file.path.write_text(text, encoding="utf-8")

    with practice.gateway() as x, pytest.raises(Halted, match=r"oauth2\.json holds no login"):
        x.post("hello")


def test_a_file_that_others_can_read_is_not_used(practice: Practice) -> None:
    practice.file.path.chmod(0o640)

    with practice.gateway() as x, pytest.raises(Halted, match="chmod 600"):
        x.post("hello")


def test_a_public_app_sends_its_id_and_no_secret(practice: Practice) -> None:
    practice.clock.passes(LATER)

    with practice.gateway(secret="") as x, pytest.raises(Halted):
        x.post("hello")

    (asked,) = practice.x.requests
    assert "authorization" not in asked.headers
    assert f"client_id={CLIENT_ID}" in asked.body.decode()


def test_what_an_answer_echoes_is_hidden(practice: Practice) -> None:
    grant = practice.kept
    practice.x.fail_with(Fault(403, json.dumps({"detail": f"{grant.access_token} {grant.refresh_token}"}).encode()))

    with practice.gateway() as x, pytest.raises(Exception, match=r"\[secret\] \[secret\]") as caught:
        x.post("hello")

    assert grant.access_token not in str(caught.value)
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
def test_an_odd_answer_to_a_renewal_is_one_of_our_errors(
    practice: Practice, answer: object, error: type[Exception]
) -> None:
    practice.clock.passes(LATER)
    practice.x.fail_with(Fault(200, json.dumps(answer).encode()))

    with practice.gateway() as x, pytest.raises(error, match=r"renew|may only read"):
        x.post("hello")

    assert practice.x.world.texts == []
