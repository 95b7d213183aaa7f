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


def approved(store: Store, clock: FakeClock, text: str = "good morning", *, dry: bool = False) -> Post:
    post = store.add_draft(
        Draft(text), slot=Slot(text, clock.now()), norm=text, length=len(text), dry=dry, model="m", at=clock.now()
    )
    store.move(post, "approved", at=clock.now())
    return store.post(post)


def test_an_approved_post_is_sent_and_its_id_remembered(store: Store, clock: FakeClock) -> None:
    x = FakePublisher()

    sent = outbox(x, clock).send(store, approved(store, clock))

    assert (sent.post.state, sent.post.x_id, sent.post.cost) == ("posted", "901", 15_000)
    assert x.texts == ["good morning"]


def test_a_rehearsal_takes_the_same_path_to_dry(store: Store, clock: FakeClock) -> None:
    sent = outbox(DryRunPublisher(), clock, dry=True).send(store, approved(store, clock, dry=True))

    assert (sent.post.state, sent.post.x_id, sent.post.cost) == ("dry", None, 15_000)


def test_the_intent_is_on_the_disk_before_the_request_leaves(store: Store, clock: FakeClock, tmp_path: Path) -> None:
    seen: list[str] = []

    class Looking(FakePublisher):
        def post(self, text: str) -> object:  # type: ignore[override]
            with Store.open(tmp_path / "history.db", read_only=True) as other:
                seen.extend(post.state for post in other.history())
            return super().post(text)

    outbox(Looking(), clock).send(store, approved(store, clock))

    assert seen == ["sending"]


@pytest.mark.parametrize(
    ("answer", "state", "not_before"),
    [
        pytest.param(RateLimited("429", until=UNTIL), "approved", UNTIL, id="rate limited waits until then"),
        pytest.param(TryLater("down"), "approved", NOON + outboxes.RETRY_AFTER, id="not created, tried again later"),
        pytest.param(Refused("no"), "refused", None, id="refused for good"),
        pytest.param(Duplicate("twice"), "unknown", None, id="duplicate may be ours"),
        pytest.param(Unknown("reset"), "unknown", None, id="unknown"),
        pytest.param(XError("?"), "unknown", None, id="an error nobody thought of"),
        pytest.param(Halted("keys"), "approved", None, id="halted"),
    ],
)
def test_each_answer_of_x_leads_to_its_state(
    store: Store, clock: FakeClock, answer: XError, state: str, not_before: datetime | None
) -> None:
    sent = outbox(FakePublisher([answer]), clock).send(store, approved(store, clock))

    assert (sent.post.state, sent.post.not_before, sent.detail) == (state, not_before, str(answer))
    assert sent.post.note == str(answer)


def test_nothing_goes_out_while_a_post_is_unknown(store: Store, clock: FakeClock) -> None:
    x = FakePublisher([Unknown("reset")])
    box = outbox(x, clock)
    lost = box.send(store, approved(store, clock)).post
    clock.passes(timedelta(hours=5))

    sent = box.send(store, approved(store, clock, "another"))

    assert sent.post.state == "approved"
    assert f"mynah resolve {lost.id}" in sent.detail
    assert x.texts == []


def test_a_halting_answer_pauses_everything_and_says_why(store: Store, clock: FakeClock) -> None:
    x = FakePublisher([Halted("the keys were revoked")])
    box = outbox(x, clock)
    post = box.send(store, approved(store, clock)).post

    again = box.send(store, post)

    assert "paused until" in again.detail
    assert "the keys were revoked" in again.detail
    assert x.texts == []


def test_a_post_that_was_proved_not_created_is_tried_again_when_its_time_has_come(
    store: Store, clock: FakeClock
) -> None:
    x = FakePublisher([TryLater("down")])
    box = outbox(x, clock)
    post = box.send(store, approved(store, clock)).post

    assert box.send(store, post).post.state == "approved"
    clock.passes(outboxes.RETRY_AFTER)
    assert box.send(store, post).post.state == "posted"
    assert x.texts == ["good morning"]


def test_a_post_whose_time_has_passed_expires_unsent(store: Store, clock: FakeClock) -> None:
    x = FakePublisher()
    post = approved(store, clock)
    clock.passes(timedelta(minutes=10, seconds=1))

    sent = outbox(x, clock).send(store, post)

    assert (sent.post.state, x.texts) == ("expired", [])


def test_what_was_being_sent_when_we_died_is_unknown_and_never_sent_again(store: Store, clock: FakeClock) -> None:
    x = FakePublisher()
    post = approved(store, clock)
    store.move(post.id, "sending", at=clock.now())

    (unknown,) = outbox(x, clock).recover(store)

    assert (unknown.id, unknown.state) == (post.id, "unknown")
    assert x.texts == []


def test_a_rehearsal_that_died_is_done(store: Store, clock: FakeClock) -> None:
    post = approved(store, clock, dry=True)
    store.move(post.id, "sending", at=clock.now())

    assert outbox(DryRunPublisher(), clock, dry=True).recover(store) == []
    assert store.post(post.id).state == "dry"


def test_the_gap_holds_over_a_restart(store: Store, clock: FakeClock) -> None:
    outbox(FakePublisher(), clock).send(store, approved(store, clock, "one"))
    clock.passes(timedelta(minutes=19))

    why = outbox(FakePublisher(), clock).why_wait(store)

    assert why is not None
    assert "posting.min_gap (20m)" in why


def test_setting_the_clock_forward_does_not_shorten_the_gap(store: Store, clock: FakeClock) -> None:
    box = outbox(FakePublisher(), clock)
    box.send(store, approved(store, clock, "one"))

    clock.is_set(NOON + timedelta(days=1))

    assert "min_gap" in (box.why_wait(store) or "")


def test_setting_the_clock_back_by_years_does_not_stop_the_bot(store: Store, clock: FakeClock) -> None:
    box = outbox(FakePublisher(), clock)
    for text in ("one", "two"):  # as many as an hour may have
        box.send(store, approved(store, clock, text))
        clock.passes(timedelta(minutes=30))

    clock.is_set(datetime(2016, 1, 1, tzinfo=UTC))

    assert box.why_wait(store) is None


def test_a_post_of_a_wrong_clock_does_not_hide_the_last_one_from_the_gap(store: Store, clock: FakeClock) -> None:
    for now, text in ((datetime(2036, 1, 1, tzinfo=UTC), "one"), (NOON, "two")):
        clock.is_set(now)
        outbox(FakePublisher(texts=["x"] * len(store.history())), clock).send(store, approved(store, clock, text))

    assert store.counts(dry=False) == {"posted": 2}
    assert "min_gap" in (outbox(FakePublisher(), clock).why_wait(store) or "")


def test_a_post_from_the_future_expires(store: Store, clock: FakeClock) -> None:
    clock.is_set(datetime(2036, 1, 1, tzinfo=UTC))
    post = approved(store, clock)
    clock.is_set(NOON)

    assert outbox(FakePublisher(), clock).send(store, post).post.state == "expired"


def test_an_answer_that_halts_does_not_shorten_a_persons_pause(store: Store, clock: FakeClock) -> None:
    class PausedMeanwhile(FakePublisher):
        def post(self, text: str) -> Receipt:
            pause.pause(store, until=NOON + timedelta(days=9), because="by hand")
            return super().post(text)

    box = outbox(PausedMeanwhile([Halted("the keys were revoked")]), clock)
    box.send(store, approved(store, clock))
    clock.passes(pause.HALT)

    assert "by hand" in (box.why_wait(store) or "")


def test_a_post_that_cannot_be_written_down_is_told_with_its_id(store: Store, clock: FakeClock) -> None:
    brakes = Brakes(timedelta(0), 99, 99, BRAKES.caps, grace=timedelta(minutes=10))
    outbox(FakePublisher(), clock, brakes=brakes).send(store, approved(store, clock, "one"))
    post = approved(store, clock, "two")

    with pytest.raises(StoreError, match=rf"post {post.id} is on X.*--x-id 901"):
        outbox(FakePublisher(), clock, brakes=brakes).send(store, post)  # an id that the history has already
    assert store.post(post.id).state == "sending"


@pytest.mark.parametrize(
    ("posts", "gap", "key"),
    [(2, timedelta(minutes=21), "max_per_hour (2)"), (3, timedelta(hours=2), "max_per_day (3)")],
    ids=["hour", "day"],
)
def test_the_caps_hold(store: Store, clock: FakeClock, posts: int, gap: timedelta, key: str) -> None:
    box = outbox(FakePublisher(), clock)
    for number in range(posts):
        assert box.send(store, approved(store, clock, f"text {number}")).post.state == "posted"
        clock.passes(gap)

    assert key in (box.why_wait(store) or "")


def test_nothing_is_sent_that_would_break_the_budget(store: Store, clock: FakeClock) -> None:
    brakes = Brakes(timedelta(0), 99, 99, Caps(per_day=29_999, per_month=10**9), timedelta(minutes=10))
    x = FakePublisher()
    box = outbox(x, clock, brakes=brakes)
    box.send(store, approved(store, clock, "one"))

    sent = box.send(store, approved(store, clock, "two"))

    assert sent.detail == "the day's budget of $0.030 has $0.015 left"
    assert x.texts == ["one"]


def test_a_pause_holds_and_a_resume_ends_it(store: Store, clock: FakeClock) -> None:
    box = outbox(FakePublisher(), clock)
    pause.pause(store, until=NOON + timedelta(hours=1), because="lunch")

    assert "lunch" in (box.why_wait(store) or "")
    pause.resume(store)
    assert box.why_wait(store) is None


def test_a_pause_ends_by_itself(store: Store, clock: FakeClock) -> None:
    pause.pause(store, until=NOON + timedelta(hours=1), because="lunch")
    clock.passes(timedelta(hours=1))

    assert outbox(FakePublisher(), clock).why_wait(store) is None


def test_what_a_clock_that_was_ahead_paid_does_not_count_for_years(store: Store, clock: FakeClock) -> None:
    brakes = Brakes(timedelta(0), 99, 99, Caps(per_day=30_000, per_month=30_000), timedelta(minutes=10))
    x = FakePublisher()
    box = outbox(x, clock, brakes=brakes)
    clock.is_set(NOON + timedelta(days=3650))
    for text in ("one", "two"):
        box.send(store, approved(store, clock, text))
    assert "budget" in (box.why_wait(store) or "")

    clock.is_set(NOON)

    assert box.why_wait(store) is None
    box.send(store, approved(store, clock, "three"))
    clock.is_set(NOON - timedelta(hours=5))  # but what was paid by a clock that is a little ahead does
    box.send(store, approved(store, clock, "four"))
    assert "budget" in (box.why_wait(store) or "")


def test_a_halt_by_a_clock_that_was_ahead_ends_when_the_clock_is_right(store: Store, clock: FakeClock) -> None:
    box = outbox(FakePublisher([Halted("the clock is wrong")]), clock)
    clock.is_set(NOON + timedelta(days=3650))
    box.send(store, approved(store, clock))
    assert "paused" in (box.why_wait(store) or "")

    clock.is_set(NOON)

    assert box.why_wait(store) is None


def test_a_persons_pause_by_a_clock_that_was_ahead_holds(store: Store, clock: FakeClock) -> None:
    pause.pause(store, until=NOON + timedelta(days=3650), because="by hand")

    assert "by hand" in (outbox(FakePublisher(), clock).why_wait(store) or "")


def test_a_post_that_was_given_up_may_exist_and_holds_the_gap(store: Store, clock: FakeClock) -> None:
    box = outbox(FakePublisher([Unknown("reset")]), clock)
    lost = box.send(store, approved(store, clock)).post
    store.move(lost.id, "abandoned", at=clock.now())

    assert "min_gap" in (box.why_wait(store) or "")


def test_what_x_takes_for_hours_as_a_wrong_request_is_tried_ever_more_seldom(store: Store, clock: FakeClock) -> None:
    post = approved(store, clock)
    x = FakePublisher([TryLater("it may be tried again")] * 1000)
    patient = outbox(x, clock, brakes=replace(BRAKES, grace=timedelta(days=1)))

    for _ in range(24 * 60):
        patient.send(store, post)
        clock.passes(timedelta(minutes=1))

    assert 48 <= 1000 - len(x.answers) < 80
