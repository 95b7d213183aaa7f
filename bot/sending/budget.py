"""Prices, caps and what is left of them; what was paid is in `bot.history.ledger`.

Amounts are in millionths of a dollar: X's smallest price is a tenth of a cent, and sums must be exact to the cent.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from bot.history import ledger

if TYPE_CHECKING:
    from bot.history.store import Store

DOLLAR = 1_000_000
# Expenses dated further ahead than this were recorded while the clock was wrong. They are ignored: counting them would
# keep the bot silent until that date. Smaller differences count, since the clock may just have been set back.
AHEAD = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Prices:
    """X's pay-per-use prices of 2026-08."""

    post: int = 15_000
    post_with_link: int = 200_000  # a link costs thirteen posts
    account: int = 10_000  # a lookup of the account that the keys belong to
    delete: int = 10_000
    own: int = 1_000  # one post read from the account's own timeline
    reply: int = 10_000  # to somebody who mentioned the bot
    mention: int = 1_000  # one read, where the app belongs to the account itself

    def of_post(self, *, has_link: bool) -> int:
        return self.post_with_link if has_link else self.post

    def of_reply(self, *, has_link: bool) -> int:
        """X does not say whether a link raises the price of a reply as it does that of a post: assume that it does."""
        return self.post_with_link if has_link else self.reply


@dataclass(frozen=True, slots=True)
class Caps:
    per_day: int
    per_month: int

    def share(self, share: float) -> Caps:
        return Caps(int(self.per_day * share), int(self.per_month * share))

    def why_not(self, cost: int, *, spent_today: int, spent_this_month: int) -> str | None:
        if spent_today + cost > self.per_day:
            return f"the day's budget of {dollars(self.per_day)} has {dollars(self.per_day - spent_today)} left"
        if spent_this_month + cost > self.per_month:
            left = self.per_month - spent_this_month
            return f"the month's budget of {dollars(self.per_month)} has {dollars(left)} left"
        return None


def day_start(now: datetime) -> datetime:
    """Return the start of the UTC day; X counts in UTC days."""
    return now.replace(hour=0, minute=0, second=0, microsecond=0)


def month_start(now: datetime) -> datetime:
    return day_start(now) - timedelta(days=now.day - 1)


def spent(store: Store, now: datetime, *, dry: bool) -> dict[str, int]:
    """What counts against the caps of today and of this month: arguments of `Caps.why_not`."""
    ahead = now + AHEAD
    return {
        "spent_today": ledger.spent_since(store, day_start(now), until=ahead, dry=dry),
        "spent_this_month": ledger.spent_since(store, month_start(now), until=ahead, dry=dry),
    }


def spent_on_replies(store: Store, now: datetime) -> dict[str, int]:
    """What reading and answering mentions has cost today and this month: arguments of `Caps.why_not`."""
    ahead = now + AHEAD
    return {
        "spent_today": ledger.spent_on_replies(store, day_start(now), until=ahead),
        "spent_this_month": ledger.spent_on_replies(store, month_start(now), until=ahead),
    }


def dollars(amount: int) -> str:
    return f"${max(amount, 0) / DOLLAR:.3f}"


def report(store: Store | None, caps: Caps, *, days: int, dry: bool, now: datetime) -> dict[str, Any]:
    """Dollars spent by day and kind, and what the caps leave; the caps do not cover what was done `by_hand`."""
    since = day_start(now) - timedelta(days=max(days, 1) - 1)
    rows = ledger.spending(store, since, dry=dry) if store else []
    today, month = spent(store, now, dry=dry).values() if store else (0, 0)
    return {
        "days": [
            row | {"each": row["each"] / DOLLAR, "cost": row["cost"] / DOLLAR, "by_hand": bool(row["by_hand"])}
            for row in rows
        ],
        "spent_today": today / DOLLAR,
        "spent_this_month": month / DOLLAR,
        "left_today": max(caps.per_day - today, 0) / DOLLAR,
        "left_this_month": max(caps.per_month - month, 0) / DOLLAR,
    }
