"""Looks up posts that may or may not exist in the account's own timeline. It sends nothing.

A post is abandoned when several lookups, spread over the time that a timeline needs to catch up, have not found it. Two
more lookups follow later. What the timeline cannot decide is left to a person (`mynah resolve`).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from bot.clock import stamp
from bot.errors import RateLimited, XError
from bot.history import ledger
from bot.sending import budget
from bot.x.payloads import id_at

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from structlog.stdlib import BoundLogger

    from bot.clock import Clock
    from bot.history.store import Store
    from bot.values import Post, Receipt, Timeline
    from bot.x.payloads import Account

ACCOUNT = "account"  # key in the store's meta table: the id of the account that this history belongs to
# The delays before the lookups. X does not document how far its timeline lags; seconds are usual.
LOOKUP_DELAYS = (timedelta(0), timedelta(minutes=2), timedelta(minutes=13))
LATE_LOOKUP_DELAYS = (timedelta(hours=1), timedelta(days=1))  # before the lookups of an abandoned post
RETRY = timedelta(minutes=2)  # after an inconclusive lookup, and twice as long after each further one, up to:
LONGEST = {"unreadable": timedelta(minutes=15), "undecided": timedelta(hours=6)}
PAGE = 20  # posts that one lookup may read, and pay for
# Lookups read posts from an hour before the attempt on, in case the clock was wrong. An hour is ample: X refuses the
# signatures of a clock that is off by more than minutes.
MARGIN = timedelta(hours=1)
MENTIONS = re.compile(r"\A(?:@\w{1,20}\s+)+", re.ASCII)
SCHEME = re.compile(r"https?://", re.IGNORECASE)


class Reader(Protocol):
    """Where our own posts can be read."""

    def me(self) -> Account: ...

    def own_posts(self, account_id: str, *, since_id: str | None = None, limit: int = 5) -> Timeline: ...


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of a lookup; `outcome` is `found`, `absent`, `undecided` or `unreadable`."""

    outcome: str
    detail: str = ""
    x_id: str | None = None
    cost: int = 0
    not_before: datetime | None = None


class Reconciler:
    def __init__(
        self, reader: Reader, caps: budget.Caps, clock: Clock, *, prices: budget.Prices, log: BoundLogger
    ) -> None:
        self._reader = reader
        self._caps = caps
        self._clock = clock
        self._prices = prices
        self._log = log

    def look_up(self, store: Store, state: str) -> None:
        """Look up one post in that state (`unknown` or `abandoned`), if a lookup is due."""
        now = self._clock.now()
        for post, last in store.to_look_up(state):
            if last is None or last.again <= now or now < last.at:  # the last if the clock was set back
                self._record(store, post, self._find(store, post))
                return

    def _find(self, store: Store, post: Post) -> Finding:
        if why := self._over_budget(store):
            return Finding("unreadable", why)
        cost = 0
        try:
            account = store.meta(ACCOUNT)
            if account is None:  # X is asked once in the life of a history
                account = self._reader.me().id
                cost += self._prices.account
                store.keep_meta(ACCOUNT, account)
            timeline = self._reader.own_posts(account, since_id=_since(store, post), limit=PAGE)
        except XError as error:
            until = error.until if isinstance(error, RateLimited) else None
            return Finding("unreadable", str(error), cost=cost, not_before=until)
        cost += self._prices.own * len(timeline.posts)
        same = [each.id for each in timeline.posts if _is_same(each, post)]
        ours = [x_id for x_id in same if not store.has_x_id(x_id)]  # one that another row has is not this post
        match ours:
            case [x_id]:
                return Finding("found", x_id=x_id, cost=cost)
            case [] if timeline.whole or _reaches_back(store, post, timeline):
                return Finding("absent", cost=cost)
            case []:
                return Finding(
                    "undecided", f"the {PAGE} newest posts are all later: it may be among the others", cost=cost
                )
        return Finding("undecided", f"several posts say this: {', '.join(ours)}", cost=cost)

    def _over_budget(self, store: Store) -> str | None:
        now = self._clock.now()
        return self._caps.why_not(
            PAGE * self._prices.own + (0 if store.meta(ACCOUNT) else self._prices.account),
            **budget.spent(store, now, dry=False),
        )

    def _record(self, store: Store, post: Post, finding: Finding) -> None:
        """Write down the lookup, its cost and its consequence: all or nothing."""
        with store.atomic():
            now = self._clock.now()
            outcomes = [*store.lookup_outcomes(post.id, post.state), finding.outcome]
            again = _pause(post.state, outcomes)
            state = post.state
            if store.post(post.id).state != state:  # a person has resolved it meanwhile
                again = None
            elif finding.x_id:
                state, again = "posted", None
                store.move(post.id, state, at=now, x_id=finding.x_id, note="found in the timeline")
            elif state == "unknown" and again is None:
                state, again = "abandoned", LATE_LOOKUP_DELAYS[0]
                note = f"not in the timeline, {len(LOOKUP_DELAYS)} lookups in {_minutes(LOOKUP_DELAYS)} minutes"
                store.move(post.id, state, at=now, note=note)
            due = max(now + again, finding.not_before or now) if again is not None else None
            store.add_lookup(post.id, post.state, finding.outcome, finding.detail, at=now, again=due)
            if finding.cost:
                ledger.spend(store, "look", finding.cost, about=f"post {post.id}", by_hand=False, at=now)
        self._log.info(
            "post.looked_for",
            post=post.id,
            outcome=finding.outcome,
            state=state,
            x_id=finding.x_id,
            again=stamp(due) if due else None,
            cost=budget.dollars(finding.cost),
            detail=finding.detail,
        )


def next_lookup(store: Store) -> datetime | None:
    """When the next unknown post is looked up; None if there is none."""
    return min((last.again if last else post.changed_at for post, last in store.to_look_up("unknown")), default=None)


def _pause(state: str, outcomes: Sequence[str]) -> timedelta | None:
    """How long until the next lookup of a post in this state, after these outcomes; None after the last one."""
    if state == "abandoned":
        return LATE_LOOKUP_DELAYS[len(outcomes)] if len(outcomes) < len(LATE_LOOKUP_DELAYS) else None
    misses = outcomes.count("absent")
    if outcomes[-1] in LONGEST:
        inconclusive = next((n for n, outcome in enumerate(reversed(outcomes)) if outcome == "absent"), len(outcomes))
        return min(RETRY * (1 << min(inconclusive - 1, 10)), LONGEST[outcomes[-1]])
    return LOOKUP_DELAYS[misses] if misses < len(LOOKUP_DELAYS) else None


def _since(store: Store, post: Post) -> str:
    """An id from before the attempt: the older of what the history and the clock say, since one may be wrong."""
    by_clock = id_at((post.sent_at or post.created_at) - MARGIN)
    newest = store.newest_x_id(before=post.id)
    return str(min(by_clock, newest) if newest else by_clock)


def _reaches_back(store: Store, post: Post, timeline: Timeline) -> bool:
    """Whether the page has a post from before the attempt. Then it has all since: posts are listed newest first."""
    return store.was_sent_before(post, [each.id for each in timeline.posts])


def _is_same(receipt: Receipt, post: Post) -> bool:
    """Whether a post on X is ours. X puts the handles of the users whom a reply answers in front of its text."""
    if post.reply_to is None:
        return receipt.reply_to is None and _folded(receipt.text) == _folded(post.text)
    handles = MENTIONS.match(receipt.text)
    is_the_reply = receipt.reply_to == post.reply_to or (receipt.reply_to is None and handles is not None)
    return is_the_reply and _folded(receipt.text[handles.end() if handles else 0 :]) == _folded(post.text)


def _folded(text: str) -> str:
    """Undo the changes that X may make: composed letters, white space, and a scheme before a bare example.com."""
    return " ".join(SCHEME.sub("", unicodedata.normalize("NFC", text)).split())


def _minutes(pauses: Sequence[timedelta]) -> int:
    return int(sum(pauses, timedelta()).total_seconds() // 60)
