"""From approved to posted, at most once: the intent is on the disk before the request leaves; nothing is sent twice.

X has no idempotency keys. So a request that may have been created is never repeated: it becomes `unknown`, and
while it is, nothing else goes out; lookout.py finds out. The legal moves are in schema.py, and the database keeps
them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from bot import budget, durations, ledger
from bot.clock import moment, stamp
from bot.errors import Duplicate, Halted, RateLimited, Refused, StoreError, TryLater, XError
from bot.tweets import Receipt

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.clock import Clock
    from bot.store import Store
    from bot.tweets import Post

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
PAUSED_UNTIL, PAUSED_BECAUSE = "paused_until", "paused_because"  # the pause switch, as the store names it
FOR_GOOD = datetime(9999, 12, 31, tzinfo=UTC)  # until somebody resumes
HALT_FOR = timedelta(minutes=15)  # one 401 may be an outage of X's: ask again, slowly, and say so in `mynah status`
RETRY_AFTER = timedelta(minutes=2)  # X's own outages last minutes; a slot's grace ends the trying


class Publisher(Protocol):
    """Where an approved text goes."""

    def post(self, text: str) -> Receipt: ...


class Rehearsal:
    """Where a dry run's texts go: nowhere. It has no way to the network."""

    def post(self, text: str) -> Receipt:
        return Receipt(id="", text=text)


@dataclass(frozen=True, slots=True)
class Brakes:
    """What holds every post back, however it came to be approved."""

    min_gap: timedelta
    per_hour: int
    per_day: int
    caps: budget.Caps
    grace: timedelta


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a post, and why where it did not go out."""

    post: Post
    detail: str


class Outbox:
    def __init__(
        self, publisher: Publisher, brakes: Brakes, clock: Clock, *, dry: bool, price: Callable[[str], int]
    ) -> None:
        self.dry = dry
        self._publisher = publisher
        self._brakes = brakes
        self._clock = clock
        self._price = price
        self._cheapest = price("")
        self._last_sent: float | None = None  # monotonic: setting the wall clock must not shorten the gap

    def recover(self, store: Store) -> list[Post]:
        """What is still being sent was cut short: it may exist, so it is not sent again. Gives what is unknown."""
        for post in store.posts_in("sending", dry=self.dry):
            state = "dry" if self.dry else "unknown"
            store.move(post.id, state, at=self._clock.now(), note="stopped while sending")
        return store.posts_in("unknown", dry=self.dry)

    def why_wait(self, store: Store, *, cost: int | None = None) -> str | None:
        """Why nothing may go out now, not even what costs least; None if it may."""
        cost = self._cheapest if cost is None else cost
        now = self._clock.now()
        if why := why_paused(store, now):
            return why
        if in_flight := store.posts_in("sending", "unknown", dry=self.dry):
            post = in_flight[0].id
            return f"post {post} may or may not exist: it is looked for, or `mynah resolve {post} posted|abandoned`"
        return self._too_soon(store, now) or self._too_much(store, now, cost)

    def _too_soon(self, store: Store, now: datetime) -> str | None:
        gap = self._brakes.min_gap
        by_wall = store.sent_around(now, gap, dry=self.dry)
        elapsed = None if self._last_sent is None else self._clock.monotonic() - self._last_sent
        if by_wall or (elapsed is not None and elapsed < gap.total_seconds()):
            return f"the last post is less than posting.min_gap ({durations.written(gap)}) away"
        return None

    def _too_much(self, store: Store, now: datetime, cost: int) -> str | None:
        for name, span, most in (
            ("per_hour", HOUR, self._brakes.per_hour),
            ("per_day", DAY, self._brakes.per_day),
        ):
            if store.sent_around(now, span, dry=self.dry) >= most:
                return f"posting.max_{name} ({most}) is reached"
        return self._brakes.caps.why_not(
            cost,
            spent_today=ledger.spent_since(store, budget.day_start(now), dry=self.dry),
            spent_this_month=ledger.spent_since(store, budget.month_start(now), dry=self.dry),
        )

    def send(self, store: Store, post: Post) -> Sent:
        """Try to send an approved post; a halting answer of X's pauses everything, visibly."""
        if why_not := self._intend(store, post):
            return Sent(store.post(post.id), why_not)
        try:
            receipt = self._publisher.post(post.text)
        except XError as error:
            self._settle(store, post, error)
            return Sent(store.post(post.id), str(error))
        self._last_sent = self._clock.monotonic()
        self._remember(store, post, receipt)
        return Sent(store.post(post.id), "")

    def _remember(self, store: Store, post: Post, receipt: Receipt) -> None:
        if self.dry:
            store.move(post.id, "dry", at=self._clock.now())
            return
        try:
            store.move(post.id, "posted", at=self._clock.now(), x_id=receipt.id)
        except StoreError as error:  # the log is then the only place that knows the id
            raise StoreError(
                f"post {post.id} is on X, but could not be written down ({error}): "
                f"when it can, `mynah resolve {post.id} posted --x-id {receipt.id}`"
            ) from error

    def _intend(self, store: Store, post: Post) -> str | None:
        """The brakes and the intent in one transaction, so that nothing slips between; why it waits, if it does."""
        cost = self._price(post.text)
        with store.atomic():
            now = self._clock.now()
            if abs(now - post.created_at) > self._brakes.grace:  # in the future, where the clock was set back
                store.move(post.id, "expired", at=now, note="its time had passed")
                return "its time had passed"
            if post.not_before and now < post.not_before:
                return f"waits until {post.not_before:%H:%M:%S} UTC: {post.note}"
            if reason := self.why_wait(store, cost=cost):
                return reason
            store.move(post.id, "sending", at=now, cost=cost, note="")
        return None

    def _settle(self, store: Store, post: Post, error: XError) -> None:
        """What X's answer proves, as a state. Duplicate proves nothing: an earlier try of ours may have got through."""
        now = self._clock.now()
        note = str(error)
        match error:
            case RateLimited():
                store.move(post.id, "approved", at=now, note=note, not_before=error.until)
            case TryLater():
                store.move(post.id, "approved", at=now, note=note, not_before=now + RETRY_AFTER)
            case Halted():
                with store.atomic():
                    store.move(post.id, "approved", at=now, note=note)
                    if not why_paused(store, now + HALT_FOR):  # a person's own pause may be longer
                        pause(store, until=now + HALT_FOR, because=note)
            case Refused() if not isinstance(error, Duplicate):
                store.move(post.id, "refused", at=now, note=note)
            case _:
                store.move(post.id, "unknown", at=now, note=note)


def pause(store: Store, *, until: datetime, because: str) -> None:
    store.keep_meta(PAUSED_UNTIL, stamp(until))
    store.keep_meta(PAUSED_BECAUSE, because)


def why_paused(store: Store, at: datetime) -> str | None:
    until = store.meta(PAUSED_UNTIL)
    if until is None or moment(until) <= at:
        return None
    span = "" if moment(until) >= FOR_GOOD else f" until {until}"
    return f"paused{span}: {store.meta(PAUSED_BECAUSE)}; `mynah resume` ends it"


def resume(store: Store) -> None:
    store.drop_meta(PAUSED_UNTIL)
    store.drop_meta(PAUSED_BECAUSE)
