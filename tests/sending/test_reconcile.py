"""Posts whose response was lost: the outbox and the reconciler against a fake X whose timeline lags."""

from __future__ import annotations

import contextlib
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from bot.config.settings import Settings
from bot.errors import XError
from bot.history import ledger
from bot.history.store import Store
from bot.running import account, assembly
from bot.sending import reconcile
from bot.sending.budget import Caps, Prices
from bot.sending.outbox import Outbox
from bot.sending.reconcile import ACCOUNT, Reconciler, next_lookup
from bot.values import Draft, Post, Slot
from bot.x.signing import Keys
from bot.x.twitter import X
from tests.fake_x.faults import TOO_MANY, limited
from tests.fake_x.server import FakeX
from tests.fake_x.state import World, newcomer
from tests.fakes import NOON, FakeClock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ME = newcomer()
KEYS = Keys(ME.secrets.consumer_key, ME.secrets.consumer_secret, ME.access_token, ME.secrets.token_secret)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
TRICKY = '<b>&amp; "q" &  cafe\u0301 https://example.org/?a=1&b=2 ☔'
FAULTS_BEFORE = ("reset_before", "unavailable_text")
FAULTS_AFTER = ("reset_after", "created_html", "cut", "created_no_id", "unavailable_after")


class Bot:
    """A bot with an unknown post that it looks up as time passes."""

    def __init__(self, server: FakeX, clock: FakeClock, path: Path) -> None:
        self.server = server
        self.world = server.world
        self.clock = clock
        self.path = path
        self.caps = Caps(10**9, 10**9)

    def lose_answer(self, fault: str, text: str = "good morning") -> None:
        self.server.fail_with(fault)
        with Store.open(self.path) as store, self.x() as x:
            assert self.outbox(x).send(store, approved_post(store, self.clock, text)).post.state == "unknown"

    def x(self) -> X:
        return X(KEYS, now=self.clock.now, base_url=self.server.url)

    def outbox(self, x: X) -> Outbox:
        return Outbox(x, assembly.NO_BRAKES, self.clock, dry=False, price=lambda _: 15_000)

    def look_up(self, *, kind: type[Store] = Store) -> None:
        """One heartbeat."""
        with kind.open(self.path) as store, self.x() as x:
            self.outbox(x).recover(store)
            reconciler = Reconciler(x, self.caps, self.clock, prices=Prices(), log=structlog.get_logger())
            for state in ("unknown", "abandoned"):
                reconciler.look_up(store, state)

    def run_for(self, duration: timedelta) -> None:
        """Make every lookup that falls due within `duration`."""
        end = self.clock.now() + duration
        self.look_up()
        while (due := self.due()) and due <= end:
            self.clock.passes(max(due - self.clock.now(), timedelta(0)))
            self.look_up()
        self.clock.passes(end - self.clock.now())

    def due(self) -> datetime | None:
        with Store.open(self.path) as store:
            pending = [*store.to_look_up("unknown"), *store.to_look_up("abandoned")]
        return min((last.again if last else post.changed_at for post, last in pending), default=None)

    @property
    def post(self) -> Post:
        with Store.open(self.path) as store:
            return store.history(limit=1)[0]

    def outcomes(self) -> list[str]:
        with Store.open(self.path) as store:
            return [row["outcome"] for row in store.rows("SELECT outcome FROM look ORDER BY id")]

    def posts_sent(self) -> int:
        return sum(request.method == "POST" for request in self.server.requests)


def approved_post(store: Store, clock: FakeClock, text: str, *, norm: str = "") -> Post:
    now = clock.now()
    slot = Slot(f"{now} {text}", now)
    post = store.add_draft(
        Draft(text), slot=slot, norm=norm or text, length=len(text), dry=False, model="m", at=now
    )  # fmt: skip
    store.move(post, "approved", at=now)
    return store.post(post)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def bot(clock: FakeClock, tmp_path: Path) -> Iterator[Bot]:
    with FakeX(World(ME, now=clock.now, refuses_duplicates=False)) as server:
        yield Bot(server, clock, tmp_path / "history.db")
    assert server.broken == []


@pytest.mark.parametrize("text", ["good morning", TRICKY], ids=["plain", "tricky"])
@pytest.mark.parametrize("fault", FAULTS_AFTER)
def test_a_post_that_exists_is_found_at_once(bot: Bot, fault: str, text: str) -> None:
    bot.lose_answer(fault, text)

    bot.look_up()

    (post,) = bot.world.posts_of(ME.id)
    assert (bot.post.state, bot.post.x_id) == ("posted", post.id)
    assert bot.outcomes() == ["found"]
    assert bot.posts_sent() == 1


@pytest.mark.parametrize("fault", FAULTS_BEFORE)
def test_a_missing_post_is_abandoned_after_a_quarter_of_an_hour_and_never_sent_again(bot: Bot, fault: str) -> None:
    bot.lose_answer(fault)

    bot.run_for(14 * MINUTE)
    assert bot.post.state == "unknown"
    bot.run_for(MINUTE)

    assert (bot.post.state, bot.outcomes()) == ("abandoned", ["absent"] * 3)
    bot.run_for(3 * DAY)
    assert (bot.post.state, bot.outcomes()) == ("abandoned", ["absent"] * 5)
    assert (bot.posts_sent(), bot.world.texts) == (1, [])


@pytest.mark.parametrize(
    ("lag", "outcomes"),
    [
        pytest.param(90 * timedelta(seconds=1), ["absent", "found"], id="seconds"),
        pytest.param(14 * MINUTE, ["absent", "absent", "found"], id="minutes"),
        pytest.param(40 * MINUTE, ["absent", "absent", "absent", "found"], id="after it was abandoned"),
        pytest.param(5 * HOUR, ["absent"] * 4 + ["found"], id="hours after it was abandoned"),
    ],
)
def test_a_timeline_that_lags_is_read_again(bot: Bot, lag: timedelta, outcomes: list[str]) -> None:
    bot.world.lag = lag
    bot.lose_answer("reset_after")

    bot.run_for(30 * HOUR)

    assert (bot.post.state, bot.outcomes()) == ("posted", outcomes)
    assert len(bot.world.texts) == 1


@pytest.mark.parametrize(
    "fault", ["unavailable", "unauthorized", "reset_before", "html", "only_errors", "too_many_html"]
)
def test_a_timeline_that_cannot_be_read_decides_nothing(bot: Bot, fault: str) -> None:
    bot.lose_answer("reset_after")
    bot.server.fail_with(*[fault] * 5)

    bot.run_for(40 * MINUTE)
    assert (bot.post.state, set(bot.outcomes())) == ("unknown", {"unreadable"})
    bot.run_for(2 * HOUR)

    assert (bot.post.state, bot.outcomes()[-1]) == ("posted", "found")


def test_lookups_without_a_result_do_not_count_towards_giving_up(bot: Bot) -> None:
    bot.lose_answer("reset_before")
    bot.look_up()
    bot.clock.passes(2 * MINUTE)
    bot.server.fail_with(*["unavailable"] * 20)

    bot.run_for(4 * HOUR)

    assert (bot.post.state, len(bot.outcomes())) == ("unknown", 20)


def test_two_posts_with_the_same_text_stay_unknown(bot: Bot) -> None:
    bot.lose_answer("reset_after")
    other = bot.world.create(ME, "good morning")

    bot.run_for(DAY)
    assert (bot.post.state, set(bot.outcomes())) == ("unknown", {"undecided"})
    bot.world.delete(other.id)
    bot.run_for(7 * HOUR)

    assert (bot.post.state, bot.post.x_id) == ("posted", bot.world.posts_of(ME.id)[0].id)


def test_a_full_page_without_the_post_decides_nothing(bot: Bot) -> None:
    bot.lose_answer("reset_after")
    for number in range(reconcile.PAGE):
        bot.world.create(ME, f"by hand {number}")

    bot.run_for(DAY)

    assert (bot.post.state, set(bot.outcomes())) == ("unknown", {"undecided"})


def test_older_posts_are_not_paid_for(bot: Bot, clock: FakeClock) -> None:
    for number in range(50):
        bot.world.create(ME, f"long ago {number}")
    clock.passes(2 * HOUR)
    bot.lose_answer("reset_after")

    bot.look_up()

    assert (bot.post.state, expenses(bot)) == ("posted", 15_000 + 10_000 + 1_000)


def test_the_post_on_x_that_belongs_to_another_row_is_not_matched(bot: Bot, clock: FakeClock) -> None:
    with Store.open(bot.path) as store, bot.x() as x:
        bot.outbox(x).send(store, approved_post(store, clock, "good morning", norm="other words"))
    clock.passes(MINUTE)
    bot.lose_answer("reset_before")

    bot.run_for(HOUR)

    assert bot.post.state == "abandoned"


@pytest.mark.parametrize("offset", [3 * DAY, -3 * DAY], ids=["fast", "slow"])
def test_a_wrong_clock_does_not_hide_a_post(clock: FakeClock, tmp_path: Path, offset: timedelta) -> None:
    """X's ids contain X's time, so the newest known id is right even if our clock is wrong."""
    with FakeX(World(ME, now=lambda: clock.now() - offset)) as server:
        bot = Bot(server, clock, tmp_path / "history.db")
        with Store.open(bot.path) as store, bot.x() as x:
            bot.outbox(x).send(store, approved_post(store, clock, "the one before"))
        bot.lose_answer("reset_after")

        bot.look_up()

        assert bot.post.state == "posted"


def test_a_clock_that_is_set_back_does_not_end_the_lookups(bot: Bot, clock: FakeClock) -> None:
    bot.lose_answer("reset_before")
    bot.look_up()
    clock.is_set(NOON - 400 * DAY)

    bot.run_for(16 * MINUTE)

    assert bot.post.state == "abandoned"


def test_the_next_lookup_waits_for_the_rate_limit(bot: Bot, clock: FakeClock) -> None:
    bot.lose_answer("reset_after")
    reset = NOON + 3 * HOUR
    bot.server.fail_with(limited(TOO_MANY, reset=str(int(reset.timestamp()))))

    bot.look_up()

    with Store.open(bot.path) as store:
        assert next_lookup(store) == reset


def test_nothing_is_read_that_would_exceed_the_budget(bot: Bot) -> None:
    bot.lose_answer("reset_after")
    bot.caps = Caps(per_day=15_000 + 29_999, per_month=10**9)

    bot.run_for(20 * MINUTE)
    assert (bot.post.state, set(bot.outcomes())) == ("unknown", {"unreadable"})
    assert all(request.method == "POST" for request in bot.server.requests)
    bot.caps = Caps(10**9, 10**9)
    bot.run_for(20 * MINUTE)

    assert bot.post.state == "posted"


def test_the_account_is_requested_once_for_each_history(bot: Bot) -> None:
    bot.server.fail_with("reset_before", "ok", "unavailable")
    with Store.open(bot.path) as store, bot.x() as x:
        bot.outbox(x).send(store, approved_post(store, bot.clock, "good morning"))

    bot.run_for(20 * MINUTE)

    assert [request.path for request in bot.server.requests].count("/2/users/me") == 1
    assert expenses(bot) == 15_000 + 10_000  # an empty result costs nothing
    with Store.open(bot.path) as store:
        assert store.meta(ACCOUNT) == ME.id


def expenses(bot: Bot) -> int:
    with Store.open(bot.path) as store:
        return ledger.spent_since(store, NOON - DAY, dry=False)


def test_a_dry_run_has_nothing_to_look_up(clock: FakeClock) -> None:
    assert assembly.reconciler(Settings(), account.publisher(Settings(), clock), clock) is None


def test_a_resolution_by_hand_during_a_lookup_is_kept(bot: Bot) -> None:
    bot.lose_answer("reset_after")

    class InterruptedStore(Store):
        def has_x_id(self, x_id: str) -> bool:
            self.move(1, "abandoned", at=NOON, note="resolved by hand")
            return super().has_x_id(x_id)

    bot.look_up(kind=InterruptedStore)

    assert (bot.post.state, bot.post.note) == ("abandoned", "resolved by hand")


def test_a_post_abandoned_by_hand_is_still_looked_up(bot: Bot) -> None:
    bot.lose_answer("reset_after")
    with Store.open(bot.path) as store:
        store.move(1, "abandoned", at=NOON, note="resolved by hand")

    bot.look_up()

    assert bot.post.state == "posted"


class Killed(BaseException):
    """The process was killed; commits are kept."""


def store_dying_at(step: str, *, after: bool) -> type[Store]:
    """A store whose process dies right before or after one step: a method, or a statement with these words."""
    step, _, text = step.partition(": ")

    class DyingStore(Store):
        pass

    def step_and_die(self: Store, *args: Any, **kwargs: Any) -> Any:
        if text not in str(args[:1]):
            return getattr(Store, step)(self, *args, **kwargs)
        if after:
            getattr(Store, step)(self, *args, **kwargs)
        raise Killed

    setattr(DyingStore, step, step_and_die)
    return DyingStore


STEPS = (
    "meta",
    "to_look_up",
    "rows: FROM expense",
    "keep_meta",
    "newest_x_id",
    "has_x_id",
    "lookup_outcomes",
    "post",
    "move",
    "add_lookup",
    "write: INTO expense",
)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_a_kill_between_any_two_steps_of_a_lookup_does_not_change_the_result(bot: Bot, step: str, after: bool) -> None:
    bot.lose_answer("reset_after")

    with pytest.raises(Killed):
        bot.look_up(kind=store_dying_at(step, after=after))
    bot.run_for(20 * MINUTE)

    assert (bot.post.state, bot.outcomes()) == ("posted", ["found"])
    assert (bot.posts_sent(), len(bot.world.texts)) == (1, 1)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", ["lookup_outcomes", "move", "add_lookup"])
def test_after_a_kill_while_abandoning_the_post_is_abandoned_at_the_next_lookup(
    bot: Bot, step: str, after: bool
) -> None:
    bot.lose_answer("reset_before")
    bot.run_for(14 * MINUTE)
    bot.clock.passes(MINUTE)

    with pytest.raises(Killed):
        bot.look_up(kind=store_dying_at(step, after=after))
    assert (bot.post.state, bot.outcomes()) == ("unknown", ["absent"] * 2)
    bot.look_up()

    assert (bot.post.state, bot.outcomes()) == ("abandoned", ["absent"] * 3)


@pytest.mark.parametrize("fault", ["ok", *FAULTS_AFTER, *FAULTS_BEFORE])
def test_after_a_kill_while_sending_the_post_is_looked_up(bot: Bot, fault: str) -> None:
    bot.server.fail_with(fault)
    with Store.open(bot.path) as store, bot.x() as x:
        post = approved_post(store, bot.clock, "good morning")
        store.move(post.id, "sending", at=bot.clock.now())
        with contextlib.suppress(XError):  # the process is gone before the response
            x.post(post.text)

    bot.run_for(20 * MINUTE)

    assert bot.post.state == ("abandoned" if fault in FAULTS_BEFORE else "posted")
    assert bot.posts_sent() == 1


@pytest.mark.parametrize("fault", FAULTS_BEFORE)
def test_a_busy_hour_before_the_attempt_does_not_leave_it_undecided(bot: Bot, fault: str) -> None:
    with Store.open(bot.path) as store, bot.x() as x:
        sending = bot.outbox(x)
        for number in range(reconcile.PAGE + 5):
            sending.send(store, approved_post(store, bot.clock, f"text {number}"))
            bot.clock.passes(timedelta(minutes=1))
    bot.lose_answer(fault)

    bot.run_for(timedelta(minutes=16))

    assert bot.post.state == "abandoned"
    assert bot.outcomes() == ["absent"] * 3
