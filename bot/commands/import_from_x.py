"""`mynah import --from-api @handle`: reads the newest tweets of an account from X, which charges for them."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from bot.commands.console.keyboard import confirm
from bot.commands.console.output import tweet_count
from bot.commands.console.terminal import say
from bot.commands.opening import library_to_write, loaded, record_expense
from bot.errors import MynahError, XError, training_errors

if TYPE_CHECKING:
    from argparse import Namespace
    from datetime import datetime

    from bot.config.settings import Budget, Settings
    from bot.config.state_dir import StateDir
    from bot.x.twitter import X
    from training.library.library import Library
    from training.library.values import Added
    from training.sources.api import Page

PLACE, ACCOUNT = "x.place", "x.account"  # the names of notes in the library


def import_from_x(args: Namespace) -> int:
    from bot.clock import SystemClock
    from bot.commands.console import tables
    from bot.config.state_dir import StateDir
    from bot.running import account
    from training.sources.api import FEWEST
    from training.sources.records import handle_of

    handle = handle_of(args.from_api)
    if not handle:
        raise MynahError(f"--from-api: {args.from_api!r} is not a handle: use up to 15 letters, digits and _")
    if args.limit < FEWEST:
        raise MynahError(f"--limit {args.limit} is too small: X returns at least {FEWEST} tweets at a time")
    settings = loaded(args).settings
    folder, clock = StateDir(settings.state), SystemClock()
    with account.gateway(settings, clock) as x:
        say(_price(settings, handle, args.limit), stream=sys.stderr)
        if not args.yes and not confirm("Continue?"):
            say("nothing was read")
            return 0
        folder.make()
        with training_errors(), library_to_write(folder) as library:
            reading = _Reading(library, x, handle, settings.budget)
            try:
                reading.all(args.limit, clock.now())
            finally:
                _record(reading, folder, clock.now())
    print(tables.as_json(reading.totals()) if args.json else reading.summary())
    return 0


def _record(reading: _Reading, folder: StateDir, at: datetime) -> None:
    from bot.sending.budget import DOLLAR

    totals = reading.totals()
    if totals["cost_usd"]:
        about = f"{tweet_count(totals['found'])} by @{totals['author']}"
        record_expense(folder, "import", round(totals["cost_usd"] * DOLLAR), about=about, at=at)


def _price(settings: Settings, handle: str, limit: int) -> str:
    prices = settings.budget
    most = limit * prices.price_read + prices.price_read_account
    return (
        f"Up to {tweet_count(limit)} by @{handle} cost up to ${most:,.2f} at X (${prices.price_read:g} each, and "
        f"${prices.price_read_account:g} to look up the account).\n"
        "X's rules forbid training models on data from its API. The archive that people can download of their own "
        "account is free and goes further back."
    )


class _Reading:
    """Reads an account page by page; each page is stored as it arrives."""

    def __init__(self, library: Library, x: X, handle: str, prices: Budget) -> None:
        self._library = library
        self._x = x
        self._handle = handle
        self._prices = prices
        self._cost = 0.0
        self._added: list[Added] = []

    def all(self, limit: int, at: datetime) -> None:
        from training.errors import SourceError
        from training.sources.api import Place, walk

        noted = self._library.noted(self._handle, PLACE)
        place = Place(**json.loads(noted)) if noted else Place()
        try:
            account, name = self._account()
            for page in walk(lambda **where: self._x.page(account, **where), self._handle, place, most=limit):
                self._keep(page, account, name, at=at)
        except (XError, SourceError) as error:
            so_far = f"; before that, {self.summary()}; the same command continues from there" if self._cost else ""
            raise MynahError(f"{error}{so_far}") from error

    def summary(self) -> str:
        totals = self.totals()
        tweets = tweet_count(totals["found"])
        return f"read {tweets} by @{self._handle} for about ${self._cost:.2f}: {totals['new']:,} new"

    def totals(self) -> dict[str, Any]:
        found, new = (sum(getattr(added, what) for added in self._added) for what in ("found", "new"))
        return {"author": self._handle, "found": found, "new": new, "cost_usd": round(self._cost, 4)}

    def _account(self) -> tuple[str, str]:
        """Id and name; noted, because looking them up costs as much as two tweets."""
        if noted := self._library.noted(self._handle, ACCOUNT):
            account_id, name = json.loads(noted)
            return account_id, name
        account = self._x.find(self._handle)
        self._cost += self._prices.price_read_account
        return account.id, account.name

    def _keep(self, page: Page, account: str, name: str, *, at: datetime) -> None:
        from training.sources.archive import Archive

        self._cost += page.billed * self._prices.price_read
        with self._library.atomic():  # the tweets and the place to continue from, both or neither
            archive = Archive(self._handle, name, page.tweets, kind="X's API")
            self._added.append(self._library.add(archive, source=f"@{self._handle}", at=at))
            self._library.note(self._handle, PLACE, json.dumps(asdict(page.place)))
            self._library.note(self._handle, ACCOUNT, json.dumps([account, name]))
