"""What was paid to X, in the history, in millionths of a dollar. The caps are in `bot.sending.budget`."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from bot.clock import stamp
from bot.history.totals import PAID

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from bot.history.store import Store

MIDNIGHT = "T00:00:00.000Z"
AFTER_ALL = "9"  # sorts after every time
SUM = f"""
SELECT coalesce(sum(cost), 0) AS cost FROM (
    SELECT kind, cost FROM day_cost WHERE dry = :dry AND day >= :first AND day < :last
    UNION ALL SELECT kind, cost FROM post
    WHERE dry = :dry AND sent_at >= :start AND sent_at < :first AND state IN {PAID}
    UNION ALL SELECT kind, cost FROM post
    WHERE dry = :dry AND sent_at >= :rest AND sent_at <= :end AND state IN {PAID}
    UNION ALL SELECT kind, cost FROM expense WHERE NOT :dry AND NOT by_hand AND at >= :start AND at < :first
    UNION ALL SELECT kind, cost FROM expense WHERE NOT :dry AND NOT by_hand AND at >= :rest AND at <= :end
) WHERE :kinds IS NULL OR kind IN (SELECT value FROM json_each(:kinds))
"""  # noqa: S608  a constant


def spend(store: Store, kind: str, cost: int, *, about: str, by_hand: bool, at: datetime) -> None:
    """Record an expense other than a post; the cost of a post is stored in the post's own row."""
    store.write(
        "INSERT INTO expense (kind, cost, by_hand, about, at) VALUES (:kind, :cost, :by_hand, :about, :at)",
        {"kind": kind, "cost": cost, "by_hand": by_hand, "about": about, "at": stamp(at)},
    )


def spent_since(store: Store, since: datetime, *, dry: bool, until: datetime | None = None) -> int:
    """Sum the costs of posts and of expenses not made by hand. Posts that may exist count, so that the caps hold."""
    return _sum(store, since, until, dry=dry)


def spent_on_replies(store: Store, since: datetime, *, until: datetime) -> int:
    """Sum what was spent on reading mentions and replying to them; a dry run does neither."""
    return _sum(store, since, until, dry=False, kinds=("reply", "mentions"))


def _sum(
    store: Store, since: datetime, until: datetime | None, *, dry: bool, kinds: Sequence[str] | None = None
) -> int:
    """Whole days are taken from the daily totals; only the hours before and after them are added up row by row."""
    start, end = stamp(since), stamp(until) if until else AFTER_ALL
    first = start[:10] if start.endswith(MIDNIGHT) else stamp(since + timedelta(days=1))[:10]
    last = end[:10]  # as text, "2026-08-01" comes right before all times of that day
    values = {"dry": dry, "start": start, "first": first, "last": last, "rest": last, "end": end}
    if first >= last:  # no whole day
        values |= {"first": "", "last": "", "rest": start}
    return int(store.rows(SUM, values | {"kinds": json.dumps(kinds) if kinds else None})[0]["cost"])


def spending(store: Store, since: datetime, *, dry: bool) -> list[dict[str, Any]]:
    """Rows of day, kind, number, each, cost, by_hand: the newest day first, one for each price that was paid."""
    return store.rows(
        """
        SELECT substr(at, 1, 10) AS day, kind, count(*) AS number, cost AS each, sum(cost) AS cost, by_hand
        FROM (
            SELECT sent_at AS at, kind, cost, 0 AS by_hand FROM post
            WHERE dry = :dry AND sent_at >= :since AND state IN ('sending', 'unknown', 'posted', 'abandoned', 'dry')
            UNION ALL SELECT at, kind, cost, by_hand FROM expense WHERE NOT :dry AND at >= :since
        )
        GROUP BY day, kind, each, by_hand ORDER BY day DESC, by_hand, kind, each
        """,
        {"dry": dry, "since": stamp(since)},
    )
