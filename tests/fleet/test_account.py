"""X for one bot of many: the keys are read for each request, and hidden in the log while they are in memory."""

from __future__ import annotations

import io
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
import structlog

from bot.errors import Halted
from bot.fleet.account import XOnCall
from bot.running import log
from tests.fake_x.server import FakeX
from tests.fake_x.state import World, newcomer
from tests.fakes import FakeClock
from tests.fleet.making import put_keys, settings_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

USER = newcomer()


@pytest.fixture
def x() -> Iterator[FakeX]:
    with FakeX(World(newcomer(), now=lambda: datetime.now(UTC))) as server:
        yield server
    assert server.broken == []


@pytest.fixture
def home(tmp_path: Path, x: FakeX) -> Path:
    (tmp_path / "config.toml").write_text('bot = "stationmynah"\n')
    put_keys(tmp_path, USER, x)
    return tmp_path


def on_call(home: Path) -> XOnCall:
    return XOnCall(lambda: settings_of(home), FakeClock(datetime.now(UTC)))


def test_all_calls_of_a_running_bot_reach_x(home: Path) -> None:
    account = on_call(home)

    post = account.post("One bell.")

    assert account.me().id == USER.id
    assert [each.text for each in account.own_posts(USER.id).posts] == ["One bell."]
    assert account.mentions(USER.id).items == ()
    assert post.text == "One bell."


def test_new_keys_are_used_by_the_next_request(home: Path) -> None:
    secret = home / "keys" / "access_token_secret"
    right = secret.read_text()
    account = on_call(home)
    secret.write_text("wrong")
    with pytest.raises(Halted):
        account.post("One bell.")
    secret.write_text(right)

    assert account.post("One bell.").id


def test_keys_that_cannot_be_read_halt_before_a_request(home: Path, x: FakeX) -> None:
    account = on_call(home)
    (home / "keys" / "consumer_key").unlink()

    with pytest.raises(Halted, match="Keys for X are missing"):
        account.post("One bell.")

    assert x.requests == []


def test_the_keys_are_hidden_from_the_log_during_a_request(home: Path) -> None:
    stream = io.StringIO()
    log.configure(level="info", console=False, stream=stream, secrets=(), clock=FakeClock())
    secret = USER.secrets.consumer_secret

    with on_call(home)._client():
        logging.getLogger("somewhere").warning("in a request: %s", secret)
        structlog.get_logger().info("request.made", detail=secret)
    structlog.get_logger().info("request.ended", detail="nothing")

    lines = stream.getvalue().splitlines()
    assert len(lines) == 3
    assert secret not in stream.getvalue()
    assert stream.getvalue().count(log.HIDDEN) == 2
