"""The mentions, read to the watermark: what is new is written down once, with the verdict that it has at first sight.

One page a turn. Rows, watermark and cost are one transaction, so what was paid for is never lost, nor read again. The
watermark moves when all down to it was read; a page that could not be read is asked for again.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from bot.clock import moment, stamp
from bot.errors import RateLimited, TryLater, XError
from bot.history import blocks, ledger, mentions
from bot.replies.eligibility import BotAccount, bystanders
from bot.sending.budget import dollars
from bot.sending.reconcile import ACCOUNT
from bot.values import Reason
from bot.x.payloads import id_at

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

MARK = "mentions"  # how far they are read, as the store names it
FIRST, MOST = 5, 100  # posts on a page: the fewest, and the most, that X gives
PAGES = (MOST, 20, FIRST)
EMPTY = 5  # pages without a post that may come before one with some
LONGEST = timedelta(hours=1)  # between two tries, while X says no
RESTORED = "it was there when a backup was restored, and may have been answered"


class Reader(Protocol):
    """Where mentions can be read."""

    def me(self) -> Account: ...

    def mentions(
        self, account_id: str, *, since_id: str = "", until_id: str = "", token: str = "", limit: int = MOST
    ) -> Mentions: ...


@dataclass(frozen=True, slots=True)
class Mark:
    """`since` is the watermark. While pages are missing, they are those before `until`, and the first had `newest`."""

    since: str | None = None
    until: str = ""
    newest: str = ""
    asked: str = ""
    again: str = ""  # when to ask next
    failures: int = 0
    before: str = ""  # an id: who called before it may have been answered by a history that was lost

    def is_due(self, now: datetime) -> bool:
        """At once where the clock was set back."""
        return not self.again or moment(self.again) <= now or now < moment(self.asked)

    def why_not(self, mention: Mention, now: datetime) -> Reason | None:
        """Why one that is read only now is nobody to be answered, be it ever so new."""
        if self.since is None:
            return Reason("before_us", "it was there when replies were turned on")
        if int(mention.id) < int(self.before or 0) <= id_at(now):  # beyond now: set by a clock that was ahead
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
        self._said = ""

    def read(self, store: Store) -> bool:
        """One page, if one is due. True: all that there was is read, and may be answered."""
        mark = load(store)
        if mark.is_due(self._clock.now()):
            mark = self._next(store, mark)
        return mark.since is not None and not mark.until

    def _next(self, store: Store, mark: Mark) -> Mark:
        limit = FIRST
        if why := self._outbox.why_too_dear(store, limit * self._prices.mention):
            return self._later(store, mark, why, self._clock.now() + LONGEST)
        if mark.since is not None:  # a page as large as the budget allows
            limit = next((n for n in PAGES if not self._outbox.why_too_dear(store, n * self._prices.mention)), FIRST)
        now = self._clock.now()
        mark = replace(mark, asked=stamp(now), again=stamp(now + self._settings.every))
        keep(store, mark)  # before it is paid for: a page that we fall over must not be bought at every heartbeat
        try:
            us = BotAccount(self._account(store), self._settings.handle)
            page = self._page(us, mark, limit)
        except XError as error:
            wait = min(self._settings.every * (1 << min(mark.failures, 10)), LONGEST)
            until = max(error.until, now) if isinstance(error, RateLimited) else now + wait
            return self._later(store, replace(mark, failures=mark.failures + 1), str(error), until)
        return self._take(store, mark, page, us)

    def _later(self, store: Store, mark: Mark, why: str, again: datetime) -> Mark:
        mark = replace(mark, asked=stamp(self._clock.now()), again=stamp(again))
        keep(store, mark)
        if why != self._said:
            self._log.warning("mentions.not_read", again=mark.again, detail=why)
        self._said = why
        return mark

    def _account(self, store: Store) -> str:
        account = store.meta(ACCOUNT)
        if account is None:
            account = self._reader.me().id
            with store.atomic():
                store.keep_meta(ACCOUNT, account)
                ledger.spend(store, "account", self._prices.account, about="", by_hand=False, at=self._clock.now())
        return account

    def _page(self, us: BotAccount, mark: Mark, limit: int) -> Mentions:
        since = mark.since if mark.since and int(mark.since) else ""
        token = ""
        for _ in range(EMPTY):
            page = self._reader.mentions(us.id, since_id=since, until_id=mark.until, token=token, limit=limit)
            token = page.token
            if page.found or not token:
                return page
        raise TryLater(f"X answered {EMPTY} pages of mentions without one, and says that there are more")

    def _take(self, store: Store, mark: Mark, page: Mentions, us: BotAccount) -> Mark:
        ids = [int(mention.id) for mention in page.found]
        cost = len(ids) * self._prices.mention
        if not ids and not mark.until and mark.since is not None and not mark.failures:
            return mark  # nobody has called: most of all readings
        with store.atomic():
            now = self._clock.now()
            verdicts = [
                self._write(store, mention, us, mark, at=now)
                for mention in sorted(page.found, key=lambda mention: int(mention.id))
            ]
            mark = _moved(mark, ids, more=bool(page.token))
            mark = replace(mark, failures=0, again=stamp(now) if mark.until else mark.again)
            keep(store, mark)
            mentions.prune(store, now)
            if cost:
                about = f"{len(ids)} read"
                ledger.spend(store, "mentions", cost, about=about, by_hand=False, at=now)
        self._said = ""
        if ids:
            waiting = verdicts.count(None)
            self._log.info("mentions.read", read=len(ids), waiting=waiting, since=mark.since, cost=dollars(cost))
        return mark

    def _write(self, store: Store, mention: Mention, us: BotAccount, mark: Mark, *, at: datetime) -> str | None:
        reason = self._settings.eligibility.why_not(mention, us)
        blocks.bind(store, mention.author, mention.handle)
        if reason is None and blocks.is_blocked(store, mention.author, mention.handle):
            reason = Reason("blocked")
        reason = reason or mark.why_not(mention, at)
        others = bystanders(mention, us)
        verdict = mentions.add(store, mention, reason, others=others, listen=self._settings.listen, at=at)
        if reason and verdict == "opted_out":
            because = f"said {reason.detail!r} in {mention.id}"
            blocks.block(store, user=mention.author, handle=mention.handle, because=because, at=at)
        if reason and verdict == "unreadable":
            self._log.error("mention.unreadable", mention=mention.id, detail=reason.detail)
        return verdict


def load(store: Store) -> Mark:
    kept = store.meta(MARK)
    return Mark(**json.loads(kept)) if kept else Mark()


def keep(store: Store, mark: Mark) -> None:
    store.keep_meta(MARK, json.dumps(asdict(mark)))


def begin_again(store: Store, at: datetime) -> None:
    """After a restore: who was answered since is not known. What came is read again all the same, to hear a stop."""
    if store.meta(MARK):
        keep(store, replace(load(store), before=str(id_at(at))))
    for mention in mentions.waiting(store):
        mentions.decide(store, mention.id, "before_us", RESTORED, at=at)


def _moved(mark: Mark, ids: list[int], *, more: bool) -> Mark:
    """The watermark only ever rises, and only when nothing is left between it and what is read."""
    newest = max([*ids, int(mark.newest or 0), int(mark.since or 0)])
    if mark.since is not None and more and ids and (not mark.until or min(ids) < int(mark.until)):
        return replace(mark, until=str(min(ids)), newest=str(newest))
    return replace(mark, since=str(newest), until="", newest="")
