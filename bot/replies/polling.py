"""Reads new mentions into the history, each once, with the verdict of the rules that need no history.

One page a turn. Rows, cursor and cost are written in one transaction, so a page that was paid for is neither lost nor
bought again. The watermark (`since`) rises when everything above it was read; a page that failed is requested again.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from bot.clock import moment, stamp
from bot.errors import RateLimited, TryLater, XError
from bot.history import blocks, ledger, mentions, threads
from bot.replies.eligibility import BotAccount, bystanders
from bot.replies.sensitive import DISTRESS
from bot.sending.budget import dollars
from bot.sending.reconcile import ACCOUNT
from bot.values import Reason
from bot.x.payloads import id_at, time_of

if TYPE_CHECKING:
    from datetime import datetime

    from structlog.stdlib import BoundLogger

    from bot.clock import Clock
    from bot.history.store import Store
    from bot.replies.eligibility import Eligibility
    from bot.sending.budget import Prices
    from bot.sending.outbox import Outbox
    from bot.values import Mention, Mentions
    from bot.x.payloads import Account

CURSOR = "mentions"  # key in the store's meta table
FIRST, MOST = 5, 100  # X's limits on the size of a page
PAGES = (MOST, 20, FIRST)
EMPTY = 5  # empty pages in a row before it counts as an error
LONGEST = timedelta(hours=1)  # between two attempts, while X fails
RECENT = timedelta(days=1)  # a person should look at what was written since; the rest is too late
RESTORED = "older than the restored backup, so it may have been answered already"


class Reader(Protocol):
    """The part of X that reads mentions."""

    def me(self) -> Account: ...

    def mentions(
        self, account_id: str, *, since_id: str = "", until_id: str = "", token: str = "", limit: int = MOST
    ) -> Mentions: ...


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far the mentions are read, kept as JSON in the store.

    `since` is the watermark. While pages are missing, they are those before `until`; `newest` is the newest id seen.
    """

    since: str | None = None
    until: str = ""
    newest: str = ""
    asked: str = ""
    again: str = ""  # when to poll next
    failures: int = 0
    before: str = ""  # an id; earlier mentions may have replies that a restored history does not know

    def is_due(self, now: datetime) -> bool:
        """Whether to poll now; always true if the clock was set back to before the last poll."""
        return not self.again or moment(self.again) <= now or now < moment(self.asked)

    def why_not(self, mention: Mention, now: datetime) -> Reason | None:
        """Why a mention gets no reply because of when the bot began to read mentions."""
        if self.since is None:
            return Reason("before_us", "older than replies were turned on")
        if int(mention.id) < int(self.before or 0) <= id_at(now):  # an id beyond now comes from a clock that was ahead
            return Reason("before_us", RESTORED)
        return None


@dataclass(frozen=True, slots=True)
class PollSettings:
    handle: str  # the bot's
    every: timedelta
    listen: bool  # whether the words of a mention are kept until it is answered
    eligibility: Eligibility
    prices: Prices


class MentionPoller:
    def __init__(
        self, reader: Reader, outbox: Outbox, settings: PollSettings, *, clock: Clock, log: BoundLogger
    ) -> None:
        self._reader = reader
        self._outbox = outbox
        self._settings = settings
        self._prices = settings.prices
        self._clock = clock
        self._log = log
        self._last_warning = ""

    def read(self, store: Store) -> bool:
        """Read one page, if it is due. True if everything is read, and mentions may be answered."""
        cursor = load(store)
        if cursor.is_due(self._clock.now()):
            cursor = self._next(store, cursor)
        return cursor.since is not None and not cursor.until

    def _next(self, store: Store, cursor: Cursor) -> Cursor:
        limit = FIRST
        if why := self._outbox.why_over_budget(store, limit * self._prices.mention):
            return self._later(store, cursor, why, self._clock.now() + LONGEST)
        if cursor.since is not None:  # a page as large as the budget allows
            limit = next((n for n in PAGES if not self._outbox.why_over_budget(store, n * self._prices.mention)), FIRST)
        now = self._clock.now()
        cursor = replace(cursor, asked=stamp(now), again=stamp(now + self._settings.every))
        keep(store, cursor)  # before paying: a page that causes a crash must not be bought at every heartbeat
        try:
            us = BotAccount(self._account(store), self._settings.handle)
            page = self._page(us, cursor, limit)
        except XError as error:
            wait = min(self._settings.every * (1 << min(cursor.failures, 10)), LONGEST)
            until = max(error.until, now) if isinstance(error, RateLimited) else now + wait
            return self._later(store, replace(cursor, failures=cursor.failures + 1), str(error), until)
        return self._take(store, cursor, page, us)

    def _later(self, store: Store, cursor: Cursor, why: str, again: datetime) -> Cursor:
        cursor = replace(cursor, asked=stamp(self._clock.now()), again=stamp(again))
        keep(store, cursor)
        if why != self._last_warning:
            self._log.warning("mentions.not_read", again=cursor.again, detail=why)
        self._last_warning = why
        return cursor

    def _account(self, store: Store) -> str:
        account = store.meta(ACCOUNT)
        if account is None:
            account = self._reader.me().id
            with store.atomic():
                store.keep_meta(ACCOUNT, account)
                ledger.spend(store, "account", self._prices.account, about="", by_hand=False, at=self._clock.now())
        return account

    def _page(self, us: BotAccount, cursor: Cursor, limit: int) -> Mentions:
        since = cursor.since if cursor.since and int(cursor.since) else ""
        token = ""
        for _ in range(EMPTY):
            page = self._reader.mentions(us.id, since_id=since, until_id=cursor.until, token=token, limit=limit)
            token = page.token
            if page.items or not token:
                return page
        raise TryLater(f"X answered {EMPTY} pages of mentions without one, and says that there are more")

    def _take(self, store: Store, cursor: Cursor, page: Mentions, us: BotAccount) -> Cursor:
        ids = [int(mention.id) for mention in page.items]
        cost = len(ids) * self._prices.mention
        if not ids and not cursor.until and cursor.since is not None and not cursor.failures:
            return cursor  # no new mentions: the usual case
        with store.atomic():
            now = self._clock.now()
            verdicts = [
                self._write(store, mention, us, cursor, at=now)
                for mention in sorted(page.items, key=lambda mention: int(mention.id))
            ]
            cursor = _advanced(cursor, ids, more=bool(page.token))
            cursor = replace(cursor, failures=0, again=stamp(now) if cursor.until else cursor.again)
            keep(store, cursor)
            mentions.prune(store, now)
            if cost:
                about = f"{len(ids)} read"
                ledger.spend(store, "mentions", cost, about=about, by_hand=False, at=now)
        self._last_warning = ""
        if ids:
            waiting = verdicts.count(None)
            self._log.info("mentions.read", read=len(ids), waiting=waiting, since=cursor.since, cost=dollars(cost))
        return cursor

    def _write(self, store: Store, mention: Mention, us: BotAccount, cursor: Cursor, *, at: datetime) -> str | None:
        reason = self._settings.eligibility.why_not(mention, us)
        blocks.bind(store, mention.author, mention.handle)
        if reason is None and blocks.is_blocked(store, mention.author, mention.handle):
            reason = Reason("blocked")
        if reason is None and threads.is_closed(store, mention.conversation):
            reason = Reason("closed")
        reason = reason or cursor.why_not(mention, at)
        others = bystanders(mention, us)
        verdict = mentions.add(store, mention, reason, others=others, listen=self._settings.listen, at=at)
        if reason and verdict == reason.name:
            self._act_on(store, mention, reason, at=at)
        if reason and verdict == "unreadable":
            self._log.error("mention.unreadable", mention=mention.id, detail=reason.detail)
        return verdict

    def _act_on(self, store: Store, mention: Mention, reason: Reason, *, at: datetime) -> None:
        """Block whoever asked to stop, close the thread of a wish or of distress, and call for a person."""
        if reason.name == "opted_out":
            because = f"asked to stop in {mention.id}"
            blocks.block(store, user=mention.author, handle=mention.handle, because=because, at=at)
        concern = self._settings.eligibility.concern(mention, reason)
        if reason.name == "opted_out" or concern:
            threads.close(store, mention.conversation, because=f"{concern or reason.name} in {mention.id}", at=at)
        if concern and at - time_of(mention.id) < RECENT:
            threads.note_concern(store, mention.id, concern)
            level = self._log.warning if concern in DISTRESS else self._log.info
            level("mention.needs_attention", mention=mention.id, concern=concern)


def load(store: Store) -> Cursor:
    stored = store.meta(CURSOR)
    return Cursor(**json.loads(stored)) if stored else Cursor()


def next_poll(cursor: Cursor) -> datetime:
    """When the poller that stopped there polls next."""
    return moment(cursor.again)


def keep(store: Store, cursor: Cursor) -> None:
    store.keep_meta(CURSOR, json.dumps(asdict(cursor)))


def reset_after_restore(store: Store, at: datetime) -> None:
    """Answer no mention from before a restore, since it may have been answered; they are still read for opt-outs."""
    if store.meta(CURSOR):
        keep(store, replace(load(store), before=str(id_at(at))))
    for mention in mentions.waiting(store, limit=mentions.ALL):
        mentions.decide(store, mention.id, "before_us", RESTORED, at=at)


def _advanced(cursor: Cursor, ids: list[int], *, more: bool) -> Cursor:
    """The watermark only rises, and only when no page is missing between it and what was read."""
    newest = max([*ids, int(cursor.newest or 0), int(cursor.since or 0)])
    if cursor.since is not None and more and ids and (not cursor.until or min(ids) < int(cursor.until)):
        return replace(cursor, until=str(min(ids)), newest=str(newest))
    return replace(cursor, since=str(newest), until="", newest="")
