"""How the bot stands, as one row with stable keys. It asks the history; it changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot import budget, ledger
from bot.clock import stamp
from bot.lookout import next_look
from bot.outbox import why_paused

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from bot.slots import Schedule
    from bot.store import Store


def standing(
    holder: Mapping[str, Any] | None,
    store: Store | None,
    *,
    live: bool,
    schedule: Schedule,
    model: str | None,
    caps: budget.Caps,
    now: datetime,
) -> dict[str, Any]:
    row: dict[str, Any] = {
        "running": holder is not None,
        "pid": holder.get("pid") if holder else None,
        "mode": "live" if live else "dry",
        "model": model,
        "next_slot": stamp(schedule.next(now).due),
        "paused": None,
        "unknown": [],
        "next_look": None,
        "posts": {},
        "last": [],
        "spent_today": budget.dollars(0),
        "spent_this_month": budget.dollars(0),
        "budget_per_day": budget.dollars(caps.per_day),
        "budget_per_month": budget.dollars(caps.per_month),
    }
    if store is not None:
        row |= _remembered(store, dry=not live, now=now)
    return row


def _remembered(store: Store, *, dry: bool, now: datetime) -> dict[str, Any]:
    return {
        "paused": why_paused(store, now),
        "unknown": [post.id for post in store.posts_in("unknown", dry=dry)],
        "next_look": stamp(look) if not dry and (look := next_look(store)) else None,
        "posts": store.counts(dry=dry),
        "last": [post.text for post in store.history(dry=dry, limit=3)],
        "spent_today": budget.dollars(ledger.spent_since(store, budget.day_start(now), dry=dry)),
        "spent_this_month": budget.dollars(ledger.spent_since(store, budget.month_start(now), dry=dry)),
    }
