"""One request and its answer: limits of time and size, and secrets that are hidden."""

from __future__ import annotations

import gzip
import threading
from typing import TYPE_CHECKING, Any

import pytest

from bot.errors import TryLater, Unknown
from bot.x.wire import MOST, Wire
from tests.fake_x.faults import FAULTS, JSON, End, Fault
from tests.fake_x.server import FakeX
from tests.fake_x.state import World, newcomer
from tests.fakes import FakeClock

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def fake() -> Iterator[FakeX]:
    with FakeX(World(newcomer(), now=FakeClock().now)) as server:
        yield server
    assert server.broken == []


def ask(fake: FakeX, method: str = "GET", **limits: Any) -> str:
    wire = Wire(fake.url, **limits)
    try:
        return wire.ask(method, "/2/users/me", sign=lambda request: request, hide=("canary",)).text
    finally:
        wire.close()


@pytest.mark.parametrize("end", [End.TRICKLE, End.TRICKLE_HEAD], ids=["body", "head"])
def test_a_slow_answer_is_cut_off(fake: FakeX, end: End) -> None:
    fake.fail_with(Fault(200, b" ", end=end))

    with pytest.raises(TryLater, match=r"not all of it came within 0\.3 s"):
        ask(fake, within=0.3)


def test_an_endless_answer_is_cut_off(fake: FakeX) -> None:
    fake.fail_with("endless")

    with pytest.raises(Unknown, match="the answer is larger than 16,000,000 bytes"):
        ask(fake, "POST")


def test_an_answer_of_the_largest_size_is_read(fake: FakeX) -> None:
    fake.fail_with(Fault(200, b"x" * MOST), Fault(200, b"x" * (MOST + 1)))

    assert len(ask(fake)) == MOST
    with pytest.raises(TryLater, match="larger"):
        ask(fake)


def test_a_decompression_bomb_is_not_decompressed_beyond_the_largest_size(fake: FakeX) -> None:
    fake.fail_with(FAULTS["zipped_bomb"])

    with pytest.raises(TryLater, match="larger"):
        ask(fake)


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "deflate"])
def test_an_answer_compressed_without_request_is_read(fake: FakeX, encoding: str) -> None:
    fake.fail_with(Fault(200, gzip.compress(b'{"a": 1}'), {"Content-Encoding": encoding}, kind=JSON))

    assert ask(fake) == '{"a": 1}'
    assert fake.requests[0].headers["accept-encoding"] == "identity"


def test_secrets_are_hidden_in_the_answer(fake: FakeX) -> None:
    fake.fail_with(Fault(200, b"a canary, and a canary"))

    assert ask(fake) == "a [secret], and a [secret]"


def test_a_request_in_progress_does_not_keep_the_process_alive(fake: FakeX) -> None:
    """Without a daemon thread, the process would wait for the timer after its main thread, up to WITHIN seconds."""
    timers: list[threading.Timer] = []

    def sign(request: Any) -> Any:  # called while the request is on its way
        timers.extend(thread for thread in threading.enumerate() if isinstance(thread, threading.Timer))
        return request

    wire = Wire(fake.url)
    wire.ask("GET", "/2/users/me", sign=sign)
    wire.close()

    assert [timer.daemon for timer in timers] == [True]


def test_no_request_leaves_a_thread_behind(fake: FakeX) -> None:
    for fault in ("ok", "reset_before", "cut"):
        fake.fail_with(fault)
        try:
            ask(fake)
        except TryLater:
            continue

    assert [each for each in threading.enumerate() if isinstance(each, threading.Timer)] == []
