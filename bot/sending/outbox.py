"""Sends approved posts, each at most once: the intent is on the disk before the request leaves.

X has no idempotency keys. So a request that may have created a post is never repeated: the post becomes `unknown`, and
nothing else is sent until reconcile.py or a person has resolved it. The database enforces the transitions (schema.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from bot.errors import Duplicate, Halted, RateLimited, Refused, StoreError, TryLater, Unexplained, XError
from bot.history import mentions, review
from bot.sending import budget, pause
from bot.text import durations
from bot.values import BY_HAND, Receipt
from bot.x.payloads import time_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from bot.clock import Clock
    from bot.history.mentions import StoredMention
    from bot.history.store import Store
    from bot.values import Post, Reason

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
RETRY_AFTER = timedelta(minutes=2)  # X's outages last minutes; a slot's grace ends the retries
BY_HAND_HOLDS = timedelta(minutes=30)  # for a person's own text, since a lost answer takes 15 minutes to be settled
RETRY_SELDOM = timedelta(minutes=30)  # for what may be retried for hours, such as a reviewed post or a reply


class Publisher(Protocol):
    """Creates posts on X, or stands in for it."""

    def post(self, text: str, *, reply_to: str | None = None, without: Sequence[str] = ()) -> Receipt:
        """`without`: ids of users whom X must not mention in the reply, though the post that it answers does."""


class DryRunPublisher:
    """Sends nothing: for dry runs."""

    def post(self, text: str, *, reply_to: str | None = None, without: Sequence[str] = ()) -> Receipt:  # noqa: ARG002
        return Receipt(id="", text=text)


@dataclass(frozen=True, slots=True)
class Brakes:
    """The limits on posts, whoever approved them."""

    min_gap: timedelta
    per_hour: int | None  # None: no limit
    per_day: int | None
    caps: budget.Caps
    grace: timedelta  # time after its slot in which a post may still be sent
    yes_holds: timedelta = timedelta(days=1)  # time after a person's approval in which a post may still be sent


@dataclass(frozen=True, slots=True)
class ReplyBrakes:
    """The limits on replies, separate from those on posts, so that neither uses up the other's."""

    why_never: Callable[[Store, StoredMention, datetime], Reason | None]  # why a mention gets no reply
    caps: budget.Caps  # on the cost of reading and answering mentions, within the caps on everything
    price: Callable[[str], int]
    reading_reserve: float = 0.25  # share of these caps kept for reading mentions, so that opt-outs are noticed


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a post, and why it was not sent, if it was not."""

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
        reply_brakes: ReplyBrakes | None = None,  # None: no reply is sent
    ) -> None:
        self.dry = dry
        self._publisher = publisher
        self._brakes = brakes
        self._clock = clock
        self._price = price
        self._reply_brakes = reply_brakes
        self._cheapest = price("")
        self._behind: timedelta | None = None  # how far our clock was behind X's when the newest post was made
        self._last_sent: float | None = None  # monotonic: setting the wall clock must not shorten the gap

    def follows(self, previous: Outbox) -> None:
        """Replace `previous` after a reload, without forgetting when the last post was sent."""
        self._last_sent = previous._last_sent
        self._behind = previous._behind

    def _time(self, store: Store) -> datetime:
        """The time for limits: not before that of our newest post on X, by X's own clock, if ours was set back."""
        now = self._clock.now()
        if self._behind is None:
            self._behind = _behind(store.last_x_id(), now)
        return now + self._behind

    def recover(self, store: Store) -> list[Post]:
        """Move interrupted posts to `unknown`, since they may exist; in a dry run, to `dry`. Returns unknown posts."""
        for post in store.posts_in("sending", dry=self.dry):
            state = "dry" if self.dry else "unknown"
            store.move(post.id, state, at=self._clock.now(), note="stopped while sending")
        return store.posts_in("unknown", dry=self.dry)

    def why_wait(self, store: Store, *, cost: int | None = None) -> str | None:
        """Why no post may be sent now, not even one at the lowest price; None if one may."""
        cost = self._cheapest if cost is None else cost
        now = self._time(store)
        return self._why_nothing(store) or self._too_soon(store, now) or self._over_caps(store, now, cost)

    def why_no_reply(self, store: Store, *, cost: int | None = None) -> str | None:
        """Why no reply may be sent now. Replies have caps of their own and need no minimum gap to the posts."""
        if self._reply_brakes is None:
            return "replies are off: replies.enabled and replies.approved_by_x"
        cost = self._reply_brakes.price("") if cost is None else cost
        share = 1 - self._reply_brakes.reading_reserve
        return self._why_nothing(store) or self.why_over_budget(store, cost, share=share)

    def why_over_budget(self, store: Store, cost: int, *, share: float = 1.0) -> str | None:
        """Why this cost exceeds the replies' part of the budget, `share` of that part, or the whole budget."""
        now = self._time(store)
        if self._reply_brakes and (
            why := self._reply_brakes.caps.share(share).why_not(
                cost,
                **budget.spent_on_replies(store, now),
            )
        ):
            return f"{why} (replies.budget_share)"
        return self._over_budget(store, now, cost)

    def _why_nothing(self, store: Store) -> str | None:
        return pause.why_paused(store, self._clock.now()) or self.in_flight(store)

    def in_flight(self, store: Store) -> str | None:
        """About the post that may or may not exist, before which no other is sent; None if there is none."""
        posts = store.posts_in("sending", "unknown", dry=self.dry)
        if not posts:
            return None
        post = posts[0].id
        return f"post {post} may or may not exist: the bot looks it up, or {how_to_resolve(post)}"

    def _too_soon(self, store: Store, now: datetime) -> str | None:
        gap = self._brakes.min_gap
        by_wall = store.sent_around(now, gap, dry=self.dry, most=1)
        elapsed = None if self._last_sent is None else self._clock.monotonic() - self._last_sent
        if by_wall or (elapsed is not None and elapsed < gap.total_seconds()):
            return f"the last post is less than posting.min_gap ({durations.written(gap)}) away"
        return None

    def _over_caps(self, store: Store, now: datetime, cost: int) -> str | None:
        for name, span, most in (
            ("per_hour", HOUR, self._brakes.per_hour),
            ("per_day", DAY, self._brakes.per_day),
        ):
            if most is not None and store.sent_around(now, span, dry=self.dry, most=most) >= most:
                return f"posting.max_{name} ({most}) is reached"
        return self._over_budget(store, now, cost)

    def _over_budget(self, store: Store, now: datetime, cost: int) -> str | None:
        return self._brakes.caps.why_not(cost, **budget.spent(store, now, dry=self.dry))

    def send(self, store: Store, post: Post) -> Sent:
        """Try to send an approved post; a response about the account halts everything."""
        mention = mentions.get(store, post.reply_to)  # before the intent, since it may be forgotten right after
        if why := self._record_intent(store, post):
            return Sent(store.post(post.id), why)
        try:
            receipt = self._publish(post, mention)
        except XError as error:
            self._record_failure(store, post, error)
            return Sent(store.post(post.id), str(error))
        if post.kind == "post":
            self._last_sent = self._clock.monotonic()
        self._behind = _behind(receipt.id, self._clock.now())
        self._record_success(store, post, receipt)
        return Sent(store.post(post.id), "")

    def _publish(self, post: Post, mention: StoredMention | None) -> Receipt:
        if post.reply_to is None:
            return self._publisher.post(post.text)
        return self._publisher.post(post.text, reply_to=post.reply_to, without=mention.others if mention else ())

    def _record_success(self, store: Store, post: Post, receipt: Receipt) -> None:
        if self.dry:
            store.move(post.id, "dry", at=self._clock.now())
            return
        try:
            with store.atomic():
                store.move(post.id, "posted", at=self._clock.now(), x_id=receipt.id)
                pause.reset_unexplained(store)
        except StoreError as error:  # then only the log has the id
            raise StoreError(
                f"post {post.id} is on X, but the history could not be written ({error}): "
                f"when it can, run `mynah resolve {post.id} posted --x-id {receipt.id}`"
            ) from error

    def _record_intent(self, store: Store, post: Post) -> str | None:
        """Check the limits and record the intent, in one transaction. Returns why the post waits, if it does."""
        is_reply = post.reply_to is not None
        cost = self._reply_brakes.price(post.text) if is_reply and self._reply_brakes else self._price(post.text)
        with store.atomic():
            now = self._clock.now()
            post = store.post(post.id)  # a person may have rejected it since
            if post.state != "approved":
                return f"it is {post.state}"
            since, limit = self._holds(store, post)
            is_late = abs(now - since) > limit and not is_reply  # `since` is in the future if the clock was set back
            if why := "it is past its deadline" if is_late else self._why_never(store, post, now):
                store.move(post.id, "expired", at=now, note=why)
                return why
            if post.not_before and now < post.not_before:
                return f"waits until {post.not_before:%H:%M:%S} UTC: {post.note}"
            if reason := (self.why_no_reply if is_reply else self.why_wait)(store, cost=cost):
                return reason
            store.move(post.id, "sending", at=now, cost=cost, note="")
        return None

    def _holds(self, store: Store, post: Post) -> tuple[datetime, timedelta]:
        """From when on, and how long, a post may be sent."""
        if reviewed := review.approved_at(store, post.id):
            return reviewed, self._brakes.yes_holds
        grace = self._brakes.grace
        return post.created_at, max(grace, BY_HAND_HOLDS) if post.model == BY_HAND else grace

    def _why_never(self, store: Store, post: Post, now: datetime) -> str | None:
        """Why a reply may no longer be sent; for example, its mention is stale by now, or the author was blocked."""
        if post.reply_to is None or self._reply_brakes is None:
            return None
        mention = mentions.get(store, post.reply_to)
        if mention is None:
            return "the mention that it answers was forgotten"
        reason = self._reply_brakes.why_never(store, mention, now)
        return f"{reason.name}: {reason.detail}".rstrip(": ") if reason else None

    def _record_failure(self, store: Store, post: Post, error: XError) -> None:
        """Record what X's response proves. Duplicate proves nothing: an earlier attempt of ours may have succeeded."""
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


def how_to_resolve(post: int) -> str:
    posted = f"`mynah resolve {post} posted --x-id ID` if it is on X (ID ends its address there)"
    return f"run {posted}, or `mynah resolve {post} abandoned` if it is not"


def _behind(x_id: str | None, now: datetime) -> timedelta:
    return max(time_of(x_id) - now, timedelta()) if x_id else timedelta()


def _retry_in(post: Post, now: datetime) -> timedelta:
    """The delay before the next attempt; it grows with the age of the post."""
    return min(max(RETRY_AFTER, (now - post.created_at) / 4), RETRY_SELDOM)
