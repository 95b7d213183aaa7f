"""What was paid to X, in the history, in millionths of a dollar. The caps are in `bot.sending.budget`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.clock import stamp

if TYPE_CHECKING:
    from datetime import datetime

    from bot.history.store import Store


def spend(store: Store, kind: str, cost: int, *, about: str, by_hand: bool, at: datetime) -> None:
    """Record an expense other than a post; the cost of a post is stored in the post's own row."""
    store.write(
        "INSERT INTO expense (kind, cost, by_hand, about, at) VALUES (:kind, :cost, :by_hand, :about, :at)",
        {"kind": kind, "cost": cost, "by_hand": by_hand, "about": about, "at": stamp(at)},
    )


def spent_since(store: Store, since: datetime, *, dry: bool, until: datetime | None = None) -> int:
    """Sum the costs of posts and of expenses not made by hand. Posts that may exist count, so that the caps hold."""
    rows = store.rows(
        "SELECT (SELECT coalesce(sum(cost), 0) FROM post WHERE dry = :dry AND sent_at BETWEEN :since AND :until "
        "AND state IN ('sending', 'unknown', 'posted', 'abandoned', 'dry')) + "
        "(SELECT coalesce(sum(cost), 0) FROM expense "
        "WHERE NOT :dry AND NOT by_hand AND at BETWEEN :since AND :until) AS cost",
        {"dry": dry, "since": stamp(since), "until": stamp(until) if until else "9"},
    )
    return int(rows[0]["cost"])


def spent_on_replies(store: Store, since: datetime, *, until: datetime) -> int:
    """Sum what was spent on reading mentions and replying to them; a dry run does neither."""
    rows = store.rows(
        "SELECT (SELECT coalesce(sum(cost), 0) FROM post WHERE kind = 'reply' AND dry = 0 "
        "AND sent_at BETWEEN :since AND :until "
        "AND state IN ('sending', 'unknown', 'posted', 'abandoned')) + "
        "(SELECT coalesce(sum(cost), 0) FROM expense "
        "WHERE kind = 'mentions' AND NOT by_hand AND at BETWEEN :since AND :until) AS cost",
        {"since": stamp(since), "until": stamp(until)},
    )
    return int(rows[0]["cost"])


def spending(store: Store, since: datetime, *, dry: bool) -> list[dict[str, Any]]:
    """Rows of day, kind, number, each, cost, by_hand: the newest day first, one for each price that was paid."""
    return store.rows(
        """
        SELECT substr(at, 1, 10) AS day, kind, count(*) AS number, cost AS each, sum(cost) AS cost, by_hand
        FROM (
            SELECT sent_at AS at, kind, cost, 0 AS by_hand FROM post
            WHERE dry = :dry AND state IN ('sending', 'unknown', 'posted', 'abandoned', 'dry')
            UNION ALL SELECT at, kind, cost, by_hand FROM expense WHERE NOT :dry
        )
        WHERE at >= :since GROUP BY day, kind, each, by_hand ORDER BY day DESC, by_hand, kind, each
        """,
        {"dry": dry, "since": stamp(since)},
    )
