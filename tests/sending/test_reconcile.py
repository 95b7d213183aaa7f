"""What became of a post whose answer was lost: the outbox and the lookout against a fake X whose timeline lags."""

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
from bot.sending.reconcile import ACCOUNT, Reconciler, next_look
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
UNSENT = ("reset_before", "unavailable_text")
SENT = ("reset_after", "created_html", "cut", "created_no_id", "unavailable_after")


class Life:
    """A bot that has just lost the answer to its post, and what it does about it as time passes."""

    def __init__(self, server: FakeX, clock: FakeClock, path: Path) -> None:
        self.server = server
        self.world = server.world
        self.clock = clock
        self.path = path
        self.caps = Caps(10**9, 10**9)

    def loses(self, fault: str, text: str = "good morning") -> None:
        self.server.fail_with(fault)
        with Store.open(self.path) as store, self.x() as x:
            assert self.outbox(x).send(store, approved(store, self.clock, text)).post.state == "unknown"

    def x(self) -> X:
        return X(KEYS, now=self.clock.now, base_url=self.server.url)

    def outbox(self, x: X) -> Outbox:
        return Outbox(x, assembly.NO_BRAKES, self.clock, dry=False, price=lambda _: 15_000)

    def looks(self, *, kind: type[Store] = Store) -> None:
        """One heartbeat."""
        with kind.open(self.path) as store, self.x() as x:
            self.outbox(x).recover(store)
            guard = Reconciler(x, self.caps, self.clock, prices=Prices(), log=structlog.get_logger())
            for state in ("unknown", "abandoned"):
                guard.look(store, state)

    def lives(self, span: timedelta) -> None:
        """From look to look, as heartbeats would have it."""
        end = self.clock.now() + span
        self.looks()
        while (due := self.due()) and due <= end:
            self.clock.passes(max(due - self.clock.now(), timedelta(0)))
            self.looks()
        self.clock.passes(end - self.clock.now())

    def due(self) -> datetime | None:
        with Store.open(self.path) as store:
            lost = [*store.lost("unknown"), *store.lost("abandoned")]
        return min((last.again if last else post.changed_at for post, last in lost), default=None)

    @property
    def post(self) -> Post:
        with Store.open(self.path) as store:
            return store.history(limit=1)[0]

    def told(self) -> list[str]:
        with Store.open(self.path) as store:
            return [row["outcome"] for row in store.rows("SELECT outcome FROM look ORDER BY id")]

    def sendings(self) -> int:
        return sum(request.method == "POST" for request in self.server.requests)


def approved(store: Store, clock: FakeClock, text: str, *, norm: str = "") -> Post:
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
def life(clock: FakeClock, tmp_path: Path) -> Iterator[Life]:
    with FakeX(World(ME, now=clock.now, refuses_duplicates=False)) as server:
        yield Life(server, clock, tmp_path / "history.db")
    assert server.broken == []


@pytest.mark.parametrize("text", ["good morning", TRICKY], ids=["plain", "tricky"])
@pytest.mark.parametrize("fault", SENT)
def test_a_post_that_is_there_is_found_at_once(life: Life, fault: str, text: str) -> None:
    life.loses(fault, text)

    life.looks()

    (there,) = life.world.posts_of(ME.id)
    assert (life.post.state, life.post.x_id) == ("posted", there.id)
    assert life.told() == ["found"]
    assert life.sendings() == 1


@pytest.mark.parametrize("fault", UNSENT)
def test_a_post_that_is_not_there_is_given_up_after_a_quarter_of_an_hour_and_never_sent_again(
    life: Life, fault: str
) -> None:
    life.loses(fault)

    life.lives(14 * MINUTE)
    assert life.post.state == "unknown"
    life.lives(MINUTE)

    assert (life.post.state, life.told()) == ("abandoned", ["absent"] * 3)
    life.lives(3 * DAY)
    assert (life.post.state, life.told()) == ("abandoned", ["absent"] * 5)
    assert (life.sendings(), life.world.texts) == (1, [])


@pytest.mark.parametrize(
    ("lag", "told"),
    [
        pytest.param(90 * timedelta(seconds=1), ["absent", "found"], id="seconds"),
        pytest.param(14 * MINUTE, ["absent", "absent", "found"], id="minutes"),
        pytest.param(40 * MINUTE, ["absent", "absent", "absent", "found"], id="after it was given up"),
        pytest.param(5 * HOUR, ["absent"] * 4 + ["found"], id="hours after it was given up"),
    ],
)
def test_a_timeline_that_lags_is_asked_again(life: Life, lag: timedelta, told: list[str]) -> None:
    life.world.lag = lag
    life.loses("reset_after")

    life.lives(30 * HOUR)

    assert (life.post.state, life.told()) == ("posted", told)
    assert len(life.world.texts) == 1


@pytest.mark.parametrize(
    "fault", ["unavailable", "unauthorized", "reset_before", "html", "only_errors", "too_many_html"]
)
def test_a_timeline_that_cannot_be_read_decides_nothing(life: Life, fault: str) -> None:
    life.loses("reset_after")
    life.server.fail_with(*[fault] * 5)

    life.lives(40 * MINUTE)
    assert (life.post.state, set(life.told())) == ("unknown", {"unreadable"})
    life.lives(2 * HOUR)

    assert (life.post.state, life.told()[-1]) == ("posted", "found")


def test_looks_that_told_nothing_do_not_count_towards_giving_up(life: Life) -> None:
    life.loses("reset_before")
    life.looks()
    life.clock.passes(2 * MINUTE)
    life.server.fail_with(*["unavailable"] * 20)

    life.lives(4 * HOUR)

    assert (life.post.state, len(life.told())) == ("unknown", 20)


def test_two_posts_of_the_same_words_are_left_to_a_person(life: Life) -> None:
    life.loses("reset_after")
    by_hand = life.world.create(ME, "good morning")

    life.lives(DAY)
    assert (life.post.state, set(life.told())) == ("unknown", {"undecided"})
    life.world.delete(by_hand.id)
    life.lives(7 * HOUR)

    assert (life.post.state, life.post.x_id) == ("posted", life.world.posts_of(ME.id)[0].id)


def test_a_page_that_is_full_without_it_decides_nothing(life: Life) -> None:
    life.loses("reset_after")
    for number in range(reconcile.PAGE):
        life.world.create(ME, f"by hand {number}")

    life.lives(DAY)

    assert (life.post.state, set(life.told())) == ("unknown", {"undecided"})


def test_older_posts_are_not_paid_for(life: Life, clock: FakeClock) -> None:
    for number in range(50):
        life.world.create(ME, f"long ago {number}")
    clock.passes(2 * HOUR)
    life.loses("reset_after")

    life.looks()

    assert (life.post.state, spent(life)) == ("posted", 15_000 + 10_000 + 1_000)


def test_what_another_post_of_ours_is_this_one_is_not(life: Life, clock: FakeClock) -> None:
    with Store.open(life.path) as store, life.x() as x:
        life.outbox(x).send(store, approved(store, clock, "good morning", norm="other words"))
    clock.passes(MINUTE)
    life.loses("reset_before")

    life.lives(HOUR)

    assert life.post.state == "abandoned"


@pytest.mark.parametrize("wrong", [3 * DAY, -3 * DAY], ids=["fast", "slow"])
def test_a_wrong_clock_does_not_hide_a_post(clock: FakeClock, tmp_path: Path, wrong: timedelta) -> None:
    """X's ids tell X's time. The newest id that we know from before is right whatever our clock says."""
    with FakeX(World(ME, now=lambda: clock.now() - wrong)) as server:
        life = Life(server, clock, tmp_path / "history.db")
        with Store.open(life.path) as store, life.x() as x:
            life.outbox(x).send(store, approved(store, clock, "the one before"))
        life.loses("reset_after")

        life.looks()

        assert life.post.state == "posted"


def test_a_clock_that_is_set_back_does_not_end_the_looking(life: Life, clock: FakeClock) -> None:
    life.loses("reset_before")
    life.looks()
    clock.is_set(NOON - 400 * DAY)

    life.lives(16 * MINUTE)

    assert life.post.state == "abandoned"


def test_a_limit_of_x_is_waited_for(life: Life, clock: FakeClock) -> None:
    life.loses("reset_after")
    end = NOON + 3 * HOUR
    life.server.fail_with(limited(TOO_MANY, reset=str(int(end.timestamp()))))

    life.looks()

    with Store.open(life.path) as store:
        assert next_look(store) == end


def test_nothing_is_read_that_would_break_the_budget(life: Life) -> None:
    life.loses("reset_after")
    life.caps = Caps(per_day=15_000 + 29_999, per_month=10**9)

    life.lives(20 * MINUTE)
    assert (life.post.state, set(life.told())) == ("unknown", {"unreadable"})
    assert all(request.method == "POST" for request in life.server.requests)
    life.caps = Caps(10**9, 10**9)
    life.lives(20 * MINUTE)

    assert life.post.state == "posted"


def test_the_account_is_asked_for_once_in_the_life_of_a_history(life: Life) -> None:
    life.server.fail_with("reset_before", "ok", "unavailable")
    with Store.open(life.path) as store, life.x() as x:
        life.outbox(x).send(store, approved(store, life.clock, "good morning"))

    life.lives(20 * MINUTE)

    assert [request.path for request in life.server.requests].count("/2/users/me") == 1
    assert spent(life) == 15_000 + 10_000  # what is not there costs nothing
    with Store.open(life.path) as store:
        assert store.meta(ACCOUNT) == ME.id


def spent(life: Life) -> int:
    with Store.open(life.path) as store:
        return ledger.spent_since(store, NOON - DAY, dry=False)


def test_a_rehearsal_has_nothing_to_look_for(clock: FakeClock) -> None:
    assert assembly.reconciler(Settings(), account.publisher(Settings(), clock), clock) is None


def test_a_person_who_is_faster_is_right(life: Life) -> None:
    life.loses("reset_after")

    class Interrupted(Store):
        def has_x_id(self, x_id: str) -> bool:
            self.move(1, "abandoned", at=NOON, note="resolved by hand")
            return super().has_x_id(x_id)

    life.looks(kind=Interrupted)

    assert (life.post.state, life.post.note) == ("abandoned", "resolved by hand")


def test_a_post_given_up_by_hand_is_looked_for_all_the_same(life: Life) -> None:
    life.loses("reset_after")
    with Store.open(life.path) as store:
        store.move(1, "abandoned", at=NOON, note="resolved by hand")

    life.looks()

    assert life.post.state == "posted"


class Killed(BaseException):
    """The process is gone; what was committed stays."""


def dying(step: str, *, after: bool) -> type[Store]:
    """A store that goes down with its process right before or after one step: a question, or a statement's words."""
    step, _, words = step.partition(": ")

    class Dying(Store):
        pass

    def broken(self: Store, *args: Any, **kwargs: Any) -> Any:
        if words not in str(args[:1]):
            return getattr(Store, step)(self, *args, **kwargs)
        if after:
            getattr(Store, step)(self, *args, **kwargs)
        raise Killed

    setattr(Dying, step, broken)
    return Dying


STEPS = (
    "meta",
    "lost",
    "rows: FROM expense",
    "keep_meta",
    "newest_x_id",
    "has_x_id",
    "looks",
    "post",
    "move",
    "add_look",
    "write: INTO expense",
)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_killed_between_any_two_steps_of_a_look_it_ends_as_if_it_had_not_been(
    life: Life, step: str, after: bool
) -> None:
    life.loses("reset_after")

    with pytest.raises(Killed):
        life.looks(kind=dying(step, after=after))
    life.lives(20 * MINUTE)

    assert (life.post.state, life.told()) == ("posted", ["found"])
    assert (life.sendings(), len(life.world.texts)) == (1, 1)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", ["looks", "move", "add_look"])
def test_killed_while_giving_up_it_gives_up_a_heartbeat_later(life: Life, step: str, after: bool) -> None:
    life.loses("reset_before")
    life.lives(14 * MINUTE)
    life.clock.passes(MINUTE)

    with pytest.raises(Killed):
        life.looks(kind=dying(step, after=after))
    assert (life.post.state, life.told()) == ("unknown", ["absent"] * 2)
    life.looks()

    assert (life.post.state, life.told()) == ("abandoned", ["absent"] * 3)


@pytest.mark.parametrize("fault", ["ok", *SENT, *UNSENT])
def test_killed_while_sending_it_finds_out(life: Life, fault: str) -> None:
    life.server.fail_with(fault)
    with Store.open(life.path) as store, life.x() as x:
        post = approved(store, life.clock, "good morning")
        store.move(post.id, "sending", at=life.clock.now())
        with contextlib.suppress(XError):  # nobody is left to hear the answer
            x.post(post.text)

    life.lives(20 * MINUTE)

    assert life.post.state == ("abandoned" if fault in UNSENT else "posted")
    assert life.sendings() == 1
