from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from bot.errors import Duplicate, Halted, RateLimited, Refused, StoreError, TryLater, Unknown, XError
from bot.history.store import Store
from bot.sending import outbox as outboxes
from bot.sending import pause
from bot.sending.budget import Caps
from bot.sending.outbox import Brakes, DryRunPublisher, Outbox
from bot.values import Draft, Post, Receipt, Slot
from bot.x.payloads import id_at
from tests.fakes import NOON, FakeClock, FakePublisher

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BRAKES = Brakes(timedelta(minutes=20), 2, 3, Caps(per_day=60_000, per_month=100_000), grace=timedelta(minutes=10))
UNTIL = NOON + timedelta(minutes=5)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "history.db") as store:
        yield store


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def outbox(publisher: object, clock: FakeClock, *, dry: bool = False, brakes: Brakes = BRAKES) -> Outbox:
    return Outbox(publisher, brakes, clock, dry=dry, price=lambda _: 15_000)  # type: ignore[arg-type]


def approved_post(store: Store, clock: FakeClock, text: str = "good morning", *, dry: bool = False) -> Post:
    post = store.add_draft(
        Draft(text), slot=Slot(text, clock.now()), norm=text, length=len(text), dry=dry, model="m", at=clock.now()
    )
    store.move(post, "approved", at=clock.now())
    return store.post(post)


def test_an_approved_post_is_sent_and_its_id_stored(store: Store, clock: FakeClock) -> None:
    x = FakePublisher()

    outcome = outbox(x, clock).send(store, approved_post(store, clock))

    assert (outcome.post.state, outcome.post.x_id, outcome.post.cost) == ("posted", "901", 15_000)
    assert x.texts == ["good morning"]


def test_a_dry_run_takes_the_same_path_and_ends_as_dry(store: Store, clock: FakeClock) -> None:
    outcome = outbox(DryRunPublisher(), clock, dry=True).send(store, approved_post(store, clock, dry=True))

    assert (outcome.post.state, outcome.post.x_id, outcome.post.cost) == ("dry", None, 15_000)


def test_the_intent_is_stored_before_the_request_is_sent(store: Store, clock: FakeClock, tmp_path: Path) -> None:
    states: list[str] = []

    class ReadingPublisher(FakePublisher):
        def post(self, text: str) -> object:  # type: ignore[override]
            with Store.open(tmp_path / "history.db", read_only=True) as reader:
                states.extend(post.state for post in reader.history())
            return super().post(text)

    outbox(ReadingPublisher(), clock).send(store, approved_post(store, clock))

    assert states == ["sending"]


@pytest.mark.parametrize(
    ("answer", "state", "not_before"),
    [
        pytest.param(RateLimited("429", until=UNTIL), "approved", UNTIL, id="rate limited waits until then"),
        pytest.param(TryLater("down"), "approved", NOON + outboxes.RETRY_AFTER, id="not created, tried again later"),
        pytest.param(Refused("no"), "refused", None, id="refused for good"),
        pytest.param(Duplicate("twice"), "unknown", None, id="duplicate may be ours"),
        pytest.param(Unknown("reset"), "unknown", None, id="unknown"),
        pytest.param(XError("?"), "unknown", None, id="an unexpected error"),
        pytest.param(Halted("keys"), "approved", None, id="halted"),
    ],
)
def test_each_response_of_x_leads_to_its_state(
    store: Store, clock: FakeClock, answer: XError, state: str, not_before: datetime | None
) -> None:
    outcome = outbox(FakePublisher([answer]), clock).send(store, approved_post(store, clock))

    assert (outcome.post.state, outcome.post.not_before, outcome.detail) == (state, not_before, str(answer))
    assert outcome.post.note == str(answer)


def test_nothing_is_sent_while_a_post_is_unknown(store: Store, clock: FakeClock) -> None:
    x = FakePublisher([Unknown("reset")])
    box = outbox(x, clock)
    unknown = box.send(store, approved_post(store, clock)).post
    clock.passes(timedelta(hours=5))

    outcome = box.send(store, approved_post(store, clock, "another"))

    assert outcome.post.state == "approved"
    assert f"mynah resolve {unknown.id}" in outcome.detail
    assert x.texts == []


def test_a_halting_response_pauses_everything_and_states_why(store: Store, clock: FakeClock) -> None:
    x = FakePublisher([Halted("the keys were revoked")])
    box = outbox(x, clock)
    post = box.send(store, approved_post(store, clock)).post

    again = box.send(store, post)

    assert "paused until" in again.detail
    assert "the keys were revoked" in again.detail
    assert x.texts == []


def test_a_post_that_was_certainly_not_created_is_sent_again_when_it_is_due(store: Store, clock: FakeClock) -> None:
    x = FakePublisher([TryLater("down")])
    box = outbox(x, clock)
    post = box.send(store, approved_post(store, clock)).post

    assert box.send(store, post).post.state == "approved"
    clock.passes(outboxes.RETRY_AFTER)
    assert box.send(store, post).post.state == "posted"
    assert x.texts == ["good morning"]


def test_a_post_that_is_too_late_expires_unsent(store: Store, clock: FakeClock) -> None:
    x = FakePublisher()
    post = approved_post(store, clock)
    clock.passes(timedelta(minutes=10, seconds=1))

    outcome = outbox(x, clock).send(store, post)

    assert (outcome.post.state, x.texts) == ("expired", [])


def test_a_post_that_was_being_sent_at_a_kill_is_unknown_and_never_sent_again(store: Store, clock: FakeClock) -> None:
    x = FakePublisher()
    post = approved_post(store, clock)
    store.move(post.id, "sending", at=clock.now())

    (unknown,) = outbox(x, clock).recover(store)

    assert (unknown.id, unknown.state) == (post.id, "unknown")
    assert x.texts == []


def test_a_dry_run_that_was_killed_while_sending_is_dry(store: Store, clock: FakeClock) -> None:
    post = approved_post(store, clock, dry=True)
    store.move(post.id, "sending", at=clock.now())

    assert outbox(DryRunPublisher(), clock, dry=True).recover(store) == []
    assert store.post(post.id).state == "dry"


def test_the_gap_holds_over_a_restart(store: Store, clock: FakeClock) -> None:
    outbox(FakePublisher(), clock).send(store, approved_post(store, clock, "one"))
    clock.passes(timedelta(minutes=19))

    reason = outbox(FakePublisher(), clock).why_wait(store)

    assert reason is not None
    assert "posting.min_gap (20m)" in reason


def test_setting_the_clock_forward_does_not_shorten_the_gap(store: Store, clock: FakeClock) -> None:
    box = outbox(FakePublisher(), clock)
    box.send(store, approved_post(store, clock, "one"))

    clock.is_set(NOON + timedelta(days=1))

    assert "min_gap" in (box.why_wait(store) or "")


def test_setting_the_clock_back_by_years_does_not_stop_the_bot(store: Store, clock: FakeClock) -> None:
    box = outbox(FakePublisher(), clock)
    for text in ("one", "two"):  # the limit of an hour
        box.send(store, approved_post(store, clock, text))
        clock.passes(timedelta(minutes=30))

    clock.is_set(datetime(2016, 1, 1, tzinfo=UTC))

    assert box.why_wait(store) is None


def test_a_post_with_a_wrong_time_does_not_cancel_the_gap_after_the_last_one(store: Store, clock: FakeClock) -> None:
    for now, text in ((datetime(2036, 1, 1, tzinfo=UTC), "one"), (NOON, "two")):
        clock.is_set(now)
        outbox(FakePublisher(texts=["x"] * len(store.history())), clock).send(store, approved_post(store, clock, text))

    assert store.counts(dry=False) == {"posted": 2}
    assert "min_gap" in (outbox(FakePublisher(), clock).why_wait(store) or "")


def test_a_post_from_the_future_expires(store: Store, clock: FakeClock) -> None:
    clock.is_set(datetime(2036, 1, 1, tzinfo=UTC))
    post = approved_post(store, clock)
    clock.is_set(NOON)

    assert outbox(FakePublisher(), clock).send(store, post).post.state == "expired"


def test_a_halting_response_does_not_shorten_a_pause_by_hand(store: Store, clock: FakeClock) -> None:
    class PausingPublisher(FakePublisher):
        def post(self, text: str) -> Receipt:
            pause.pause(store, until=NOON + timedelta(days=9), because="by hand")
            return super().post(text)

    box = outbox(PausingPublisher([Halted("the keys were revoked")]), clock)
    box.send(store, approved_post(store, clock))
    clock.passes(pause.HALT)

    assert "by hand" in (box.why_wait(store) or "")


def test_the_error_for_a_post_that_cannot_be_recorded_has_its_id(store: Store, clock: FakeClock) -> None:
    brakes = Brakes(timedelta(0), 99, 99, BRAKES.caps, grace=timedelta(minutes=10))
    outbox(FakePublisher(), clock, brakes=brakes).send(store, approved_post(store, clock, "one"))
    post = approved_post(store, clock, "two")

    with pytest.raises(StoreError, match=rf"post {post.id} is on X.*--x-id 901"):
        outbox(FakePublisher(), clock, brakes=brakes).send(store, post)  # an id that is in the history already
    assert store.post(post.id).state == "sending"


@pytest.mark.parametrize(
    ("posts", "gap", "key"),
    [(2, timedelta(minutes=21), "max_per_hour (2)"), (3, timedelta(hours=2), "max_per_day (3)")],
    ids=["hour", "day"],
)
def test_the_caps_are_kept(store: Store, clock: FakeClock, posts: int, gap: timedelta, key: str) -> None:
    box = outbox(FakePublisher(), clock)
    for number in range(posts):
        assert box.send(store, approved_post(store, clock, f"text {number}")).post.state == "posted"
        clock.passes(gap)

    assert key in (box.why_wait(store) or "")


def test_nothing_is_sent_that_would_exceed_the_budget(store: Store, clock: FakeClock) -> None:
    brakes = Brakes(timedelta(0), 99, 99, Caps(per_day=29_999, per_month=10**9), timedelta(minutes=10))
    x = FakePublisher()
    box = outbox(x, clock, brakes=brakes)
    box.send(store, approved_post(store, clock, "one"))

    outcome = box.send(store, approved_post(store, clock, "two"))

    assert outcome.detail == "the day's budget of $0.030 has $0.015 left"
    assert x.texts == ["one"]


def test_a_pause_stops_sending_until_a_resume(store: Store, clock: FakeClock) -> None:
    box = outbox(FakePublisher(), clock)
    pause.pause(store, until=NOON + timedelta(hours=1), because="lunch")

    assert "lunch" in (box.why_wait(store) or "")
    pause.resume(store)
    assert box.why_wait(store) is None


def test_a_pause_ends_by_itself(store: Store, clock: FakeClock) -> None:
    pause.pause(store, until=NOON + timedelta(hours=1), because="lunch")
    clock.passes(timedelta(hours=1))

    assert outbox(FakePublisher(), clock).why_wait(store) is None


def test_expenses_dated_by_a_clock_that_was_ahead_do_not_count_for_years(store: Store, clock: FakeClock) -> None:
    brakes = Brakes(timedelta(0), 99, 99, Caps(per_day=30_000, per_month=30_000), timedelta(minutes=10))
    x = FakePublisher()
    box = outbox(x, clock, brakes=brakes)
    clock.is_set(NOON + timedelta(days=3650))
    for text in ("one", "two"):
        box.send(store, approved_post(store, clock, text))
    assert "budget" in (box.why_wait(store) or "")

    clock.is_set(NOON)

    assert box.why_wait(store) is None
    box.send(store, approved_post(store, clock, "three"))
    clock.is_set(NOON - timedelta(hours=5))  # expenses dated a little in the future count
    box.send(store, approved_post(store, clock, "four"))
    assert "budget" in (box.why_wait(store) or "")


def test_a_halt_by_a_clock_that_was_ahead_ends_when_the_clock_is_right(store: Store, clock: FakeClock) -> None:
    box = outbox(FakePublisher([Halted("the clock is wrong")]), clock)
    clock.is_set(NOON + timedelta(days=3650))
    box.send(store, approved_post(store, clock))
    assert "paused" in (box.why_wait(store) or "")

    clock.is_set(NOON)

    assert box.why_wait(store) is None


def test_a_pause_by_hand_is_kept_even_if_the_clock_was_ahead(store: Store, clock: FakeClock) -> None:
    pause.pause(store, until=NOON + timedelta(days=3650), because="by hand")

    assert "by hand" in (outbox(FakePublisher(), clock).why_wait(store) or "")


def test_an_abandoned_post_may_exist_and_counts_for_the_gap(store: Store, clock: FakeClock) -> None:
    box = outbox(FakePublisher([Unknown("reset")]), clock)
    unknown = box.send(store, approved_post(store, clock)).post
    store.move(unknown.id, "abandoned", at=clock.now())

    assert "min_gap" in (box.why_wait(store) or "")


def test_a_post_that_x_keeps_rejecting_is_tried_less_and_less_often(store: Store, clock: FakeClock) -> None:
    post = approved_post(store, clock)
    x = FakePublisher([TryLater("it may be tried again")] * 1000)
    box = outbox(x, clock, brakes=replace(BRAKES, grace=timedelta(days=1)))

    for _ in range(24 * 60):
        box.send(store, post)
        clock.passes(timedelta(minutes=1))

    assert 48 <= 1000 - len(x.answers) < 80


class Snowflakes(FakePublisher):
    """Ids that hold X's own time, which no clock of ours changes."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOON

    def post(self, text: str) -> Receipt:
        super().post(text)
        return Receipt(id=str(id_at(self.now)), text=text)


@pytest.mark.parametrize("back", [timedelta(minutes=5), timedelta(hours=3), timedelta(days=40)], ids=str)
def test_a_clock_that_is_set_back_over_a_restart_gains_no_post(store: Store, back: timedelta) -> None:
    x, clock = Snowflakes(), FakeClock()
    for number in range(5):
        sending = outbox(x, clock)  # a new process
        sending.send(store, approved_post(store, clock, f"text {number}"))
        clock.wall -= back
        x.now += timedelta(seconds=10)

    assert x.texts == ["text 0"]
    assert sending.why_wait(store) == "the last post is less than posting.min_gap (20m) away"


def test_a_clock_that_stays_behind_silences_the_bot_no_longer_than_the_gap(store: Store) -> None:
    x, clock = Snowflakes(), FakeClock()
    outbox(x, clock).send(store, approved_post(store, clock, "one"))
    clock.wall -= timedelta(days=40)
    sending = outbox(x, clock)
    assert sending.why_wait(store)

    clock.passes(timedelta(minutes=21))

    assert sending.why_wait(store) is None


def test_a_post_of_a_clock_that_was_hours_ahead_does_not_silence_the_bot(store: Store) -> None:
    x, clock = Snowflakes(), FakeClock(NOON + timedelta(hours=5))
    outbox(x, clock).send(store, approved_post(store, clock, "one"))
    clock.wall = NOON + timedelta(minutes=21)

    assert outbox(x, clock).why_wait(store) is None


def test_a_dry_run_of_the_future_counts_as_now(store: Store, clock: FakeClock) -> None:
    outbox(DryRunPublisher(), clock, dry=True).send(store, approved_post(store, clock, "one", dry=True))
    clock.wall -= timedelta(hours=3)

    assert outbox(DryRunPublisher(), clock, dry=True).why_wait(store)
