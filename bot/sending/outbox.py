"""From approved to posted, at most once: the intent is on the disk before the request leaves; nothing is sent twice.

X has no idempotency keys. So a request that may have been created is never repeated: it becomes `unknown`, and
while it is, nothing else goes out; reconcile.py finds out. The legal moves are in schema.py, and the database keeps
them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from bot.errors import Duplicate, Halted, RateLimited, Refused, StoreError, TryLater, Unexplained, XError
from bot.history import mentions, review
from bot.sending import budget, pause
from bot.text import durations
from bot.values import Receipt

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from bot.clock import Clock
    from bot.history.mentions import Waiting
    from bot.history.store import Store
    from bot.values import Post, Reason

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
RETRY_AFTER = timedelta(minutes=2)  # X's own outages last minutes; a slot's grace ends the trying
RETRY_SELDOM = timedelta(minutes=30)  # where nothing ends it for hours, as with a person's yes or an answer


class Publisher(Protocol):
    """Where an approved text goes."""

    def post(self, text: str, *, reply_to: str | None = None, without: Sequence[str] = ()) -> Receipt:
        """`without`: users whom a reply must not call on, though the post that it answers does."""


class DryRunPublisher:
    """Where a dry run's texts go: nowhere. It has no way to the network."""

    def post(self, text: str, *, reply_to: str | None = None, without: Sequence[str] = ()) -> Receipt:  # noqa: ARG002
        return Receipt(id="", text=text)


@dataclass(frozen=True, slots=True)
class Brakes:
    """What holds every post back, however it came to be approved."""

    min_gap: timedelta
    per_hour: int
    per_day: int
    caps: budget.Caps
    grace: timedelta  # for how long what was decided may still be done
    yes_holds: timedelta = timedelta(days=1)  # the same where a person has decided


@dataclass(frozen=True, slots=True)
class Answering:
    """What holds every reply back, in place of the gaps and caps of posts: neither may starve the other."""

    why_never: Callable[[Store, Waiting, datetime], Reason | None]  # a mention is not answered, now or later
    caps: budget.Caps  # of what reading mentions and answering them may cost, within the caps of all
    price: Callable[[str], int]
    kept_to_read: float = 0.25  # of these caps: without money to read, nobody would hear a stop


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a post, and why where it did not go out."""

    post: Post
    detail: str


class Outbox:
    def __init__(
        self,
        publisher: Publisher,
        brakes: Brakes,
        clock: Clock,
        *,
        dry: bool,
        price: Callable[[str], int],
        answering: Answering | None = None,  # None: no reply leaves
    ) -> None:
        self.dry = dry
        self._publisher = publisher
        self._brakes = brakes
        self._clock = clock
        self._price = price
        self._answering = answering
        self._cheapest = price("")
        self._last_sent: float | None = None  # monotonic: setting the wall clock must not shorten the gap

    def follows(self, before: Outbox) -> None:
        """In its place, after a reload: when the last post left must not be forgotten."""
        self._last_sent = before._last_sent

    def recover(self, store: Store) -> list[Post]:
        """What is still being sent was cut short: it may exist, so it is not sent again. Gives what is unknown."""
        for post in store.posts_in("sending", dry=self.dry):
            state = "dry" if self.dry else "unknown"
            store.move(post.id, state, at=self._clock.now(), note="stopped while sending")
        return store.posts_in("unknown", dry=self.dry)

    def why_wait(self, store: Store, *, cost: int | None = None) -> str | None:
        """Why no post may go out now, not even what costs least; None if it may."""
        cost = self._cheapest if cost is None else cost
        now = self._clock.now()
        return self._why_nothing(store, now) or self._too_soon(store, now) or self._too_much(store, now, cost)

    def why_no_reply(self, store: Store, *, cost: int | None = None) -> str | None:
        """The same for a reply: one that may go out needs no gap to the posts, and takes nothing from their caps."""
        now = self._clock.now()
        if self._answering is None:
            return "replies are off: replies.enabled and replies.approved_by_x"
        cost = self._answering.price("") if cost is None else cost
        share = 1 - self._answering.kept_to_read
        return self._why_nothing(store, now) or self.why_too_dear(store, cost, share=share)

    def why_too_dear(self, store: Store, cost: int, *, share: float = 1.0) -> str | None:
        """Whether it would break the replies' part of the budget, or this share of it, or the whole."""
        now = self._clock.now()
        if self._answering and (
            why := self._answering.caps.share(share).why_not(
                cost,
                **budget.spent_on_replies(store, now),
            )
        ):
            return f"{why} (replies.budget_share)"
        return self._too_dear(store, now, cost)

    def _why_nothing(self, store: Store, now: datetime) -> str | None:
        if why := pause.why_paused(store, now):
            return why
        if in_flight := store.posts_in("sending", "unknown", dry=self.dry):
            post = in_flight[0].id
            return f"post {post} may or may not exist: it is looked for, or `mynah resolve {post} posted|abandoned`"
        return None

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
        return self._too_dear(store, now, cost)

    def _too_dear(self, store: Store, now: datetime, cost: int) -> str | None:
        return self._brakes.caps.why_not(cost, **budget.spent(store, now, dry=self.dry))

    def send(self, store: Store, post: Post) -> Sent:
        """Try to send an approved post; a halting answer of X's pauses everything, visibly."""
        asked = mentions.one(store, post.reply_to)  # before the intent: what is forgotten later was known to it
        if why_not := self._intend(store, post):
            return Sent(store.post(post.id), why_not)
        try:
            receipt = self._publish(post, asked)
        except XError as error:
            self._settle(store, post, error)
            return Sent(store.post(post.id), str(error))
        if post.kind == "post":
            self._last_sent = self._clock.monotonic()
        self._remember(store, post, receipt)
        return Sent(store.post(post.id), "")

    def _publish(self, post: Post, asked: Waiting | None) -> Receipt:
        if post.reply_to is None:
            return self._publisher.post(post.text)
        return self._publisher.post(post.text, reply_to=post.reply_to, without=asked.others if asked else ())

    def _remember(self, store: Store, post: Post, receipt: Receipt) -> None:
        if self.dry:
            store.move(post.id, "dry", at=self._clock.now())
            return
        try:
            with store.atomic():
                store.move(post.id, "posted", at=self._clock.now(), x_id=receipt.id)
                pause.reset_unexplained(store)
        except StoreError as error:  # the log is then the only place that knows the id
            raise StoreError(
                f"post {post.id} is on X, but could not be written down ({error}): "
                f"when it can, `mynah resolve {post.id} posted --x-id {receipt.id}`"
            ) from error

    def _intend(self, store: Store, post: Post) -> str | None:
        """The brakes and the intent in one transaction, so that nothing slips between; why it waits, if it does."""
        is_reply = post.reply_to is not None
        cost = self._answering.price(post.text) if is_reply and self._answering else self._price(post.text)
        with store.atomic():
            now = self._clock.now()
            post = store.post(post.id)  # a person may have taken it back
            if post.state != "approved":
                return f"it is {post.state}"
            asked = review.approved_at(store, post.id)
            since, holds = (asked, self._brakes.yes_holds) if asked else (post.created_at, self._brakes.grace)
            is_late = abs(now - since) > holds and not is_reply  # in the future, where the clock was set back
            if why := "its time had passed" if is_late else self._why_never(store, post, now):
                store.move(post.id, "expired", at=now, note=why)
                return why
            if post.not_before and now < post.not_before:
                return f"waits until {post.not_before:%H:%M:%S} UTC: {post.note}"
            if reason := (self.why_no_reply if is_reply else self.why_wait)(store, cost=cost):
                return reason
            store.move(post.id, "sending", at=now, cost=cost, note="")
        return None

    def _why_never(self, store: Store, post: Post, now: datetime) -> str | None:
        """What may have come about since an answer was written: a block, an older age, other answers."""
        if post.reply_to is None or self._answering is None:
            return None
        asked = mentions.one(store, post.reply_to)
        if asked is None:
            return "the mention that it answers was forgotten"
        reason = self._answering.why_never(store, asked, now)
        return f"{reason.name}: {reason.detail}".rstrip(": ") if reason else None

    def _settle(self, store: Store, post: Post, error: XError) -> None:
        """What X's answer proves, as a state. Duplicate proves nothing: an earlier try of ours may have got through."""
        now = self._clock.now()
        note = str(error)
        match error:
            case RateLimited():
                store.move(post.id, "approved", at=now, note=note, not_before=error.until)
            case TryLater():
                store.move(post.id, "approved", at=now, note=note, not_before=now + _retry_in(post, now))
            case Halted():
                with store.atomic():
                    store.move(post.id, "approved", at=now, note=note)
                    pause.halt(store, now, note)
            case Refused() if not isinstance(error, Duplicate):
                with store.atomic():
                    store.move(post.id, "refused", at=now, note=note)
                    if isinstance(error, Unexplained):
                        pause.count_unexplained(store, now, error)
            case _:
                store.move(post.id, "unknown", at=now, note=note)


def _retry_in(post: Post, now: datetime) -> timedelta:
    """The longer it has been in vain, the longer."""
    return min(max(RETRY_AFTER, (now - post.created_at) / 4), RETRY_SELDOM)
