"""The state of the bot as one row with stable keys, read from the history."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from bot.clock import moment, stamp, why_doubted
from bot.errors import StoreError
from bot.history import mentions, refusals, review
from bot.sending import budget
from bot.sending.pause import why_paused
from bot.sending.reconcile import next_lookup
from bot.x.payloads import time_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from bot.history.backup import Copy
    from bot.history.store import Store
    from bot.rounds.slots import Schedule

SILENT = timedelta(minutes=3)  # the unit's WatchdogSec


def standing(
    holder: Mapping[str, Any] | None,
    store: Store | None,
    *,
    live: bool,
    schedule: Schedule,
    model: str | None,
    caps: budget.Caps,
    review_mode: bool,
    terms: review.ReviewSettings,
    replies: str = "off",
    now: datetime,
) -> dict[str, Any]:
    row: dict[str, Any] = {
        "running": holder is not None,
        "pid": holder.get("pid") if holder else None,
        "mode": "live" if live else "dry",
        "model": model,
        "next_slot": stamp(schedule.next(now).due),
        "last_slot": None,
        "last_slot_was": None,
        "last_post": None,
        "asks": review_mode,
        "to_review": 0,
        "next_expires": None,
        "replies": replies,
        "mentions": {},
        "mention_lag": None,
        "paused": None,
        "unknown": [],
        "next_look": None,
        "posts": {},
        "refusals": {},
        "last": [],
        "spent_today": budget.dollars(0),
        "spent_this_month": budget.dollars(0),
        "budget_per_day": budget.dollars(caps.per_day),
        "budget_per_month": budget.dollars(caps.per_month),
    }
    if store is not None:
        row |= _from_history(store, terms, dry=not live, now=now)
    return row


def alerts(
    *problems: str | None,
    holder: Mapping[str, Any] | None,
    model: str | None,
    backup: Copy | None,
    beat: datetime | None,
    every: timedelta,
    now: datetime,
) -> list[str]:
    """Sentences about everything that needs a person; `problems` from elsewhere come first."""
    sentences = [problem for problem in (*problems, why_doubted(now)) if problem]
    speaking = (holder or {}).get("speaking")
    if speaking and speaking != model:
        sentences.append(f"it speaks with {speaking}, since {model or 'the current model'} is damaged: `mynah models`")
    if beat and now - beat > SILENT:
        sentences.append(f"no heartbeat has succeeded since {stamp(beat)}: the log says why")
    if every and (since := _since(holder)) and now - max(backup.at if backup else since, since) > 2 * every:
        sentences.append("the last backup is too old: the log says why (backup.failed)")
    return sentences


def _since(holder: Mapping[str, Any] | None) -> datetime | None:
    """When the process that holds the folder started, if it says so."""
    try:
        return moment(str(holder["since"])) if holder and "since" in holder else None
    except StoreError:
        return None


def _from_history(store: Store, terms: review.ReviewSettings, *, dry: bool, now: datetime) -> dict[str, Any]:
    drafts = review.waiting(store, terms, now, dry=dry)
    return {
        "to_review": len(drafts),
        "next_expires": stamp(review.expires(drafts[0], terms)) if drafts else None,
        **_last(store, dry=dry),
        "mentions": mentions.counts(store),
        "mention_lag": _lag(store, now),
        "refusals": refusals.counts(store, dry=dry),
        "paused": why_paused(store, now),
        "unknown": [post.id for post in store.posts_in("unknown", dry=dry)],
        "next_look": stamp(lookup) if not dry and (lookup := next_lookup(store)) else None,
        "posts": store.counts(dry=dry),
        "last": [post.text for post in store.history(dry=dry, limit=3)],
        **{name: budget.dollars(cost) for name, cost in budget.spent(store, now, dry=dry).items()},
    }


def _last(store: Store, *, dry: bool) -> dict[str, Any]:
    slot = store.rows("SELECT due, outcome FROM slot WHERE dry = ? ORDER BY due DESC LIMIT 1", [dry])
    sent = "SELECT max(sent_at) AS at FROM post WHERE dry = ? AND state IN ('posted', 'dry', 'unknown', 'sending')"
    return {
        "last_slot": slot[0]["due"] if slot else None,
        "last_slot_was": slot[0]["outcome"] if slot else None,
        "last_post": store.rows(sent, [dry])[0]["at"],
    }


def _lag(store: Store, now: datetime) -> float | None:
    """How long the oldest unanswered mention has waited, in seconds; its id on X contains the time."""
    waiting = mentions.waiting(store)
    if not waiting:
        return 0.0 if mentions.counts(store) else None
    return round(max((now - time_of(waiting[0].id)).total_seconds(), 0.0), 1)
