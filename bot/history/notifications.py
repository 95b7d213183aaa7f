"""What was told to each target of notifications, and what waits to be told, in the history."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from bot.clock import moment, stamp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.history.store import Store

KEPT = timedelta(days=90)  # longer than any draft waits, so that none is told twice


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to tell. `key` says what it is about; it is told again only if it was last told before `since`."""

    key: str
    text: str
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Queued:
    """A notice that waits to be told to a target."""

    id: int
    key: str
    text: str
    tries: int
    again: datetime


@dataclass(frozen=True, slots=True)
class LastTry:
    """The newest delivery to a target; `error` is empty if it arrived."""

    at: datetime
    error: str
    tries: int


def add(store: Store, target: str, notices: Sequence[Notice], *, now: datetime) -> None:
    """Queue the notices that were not told yet, and keep to the target's back-off."""
    for notice in notices:
        rows = store.rows(
            "SELECT at, state FROM notification WHERE target = ? AND key = ? ORDER BY id DESC LIMIT 1",
            [target, notice.key],
        )
        if rows and (rows[0]["state"] == "waiting" or notice.since is None or moment(rows[0]["at"]) >= notice.since):
            continue
        store.write(
            "INSERT INTO notification (target, key, text, state, at, again) VALUES (:target, :key, :text, 'waiting', "
            ":at, (SELECT coalesce(max(again), :at) FROM notification WHERE target = :target AND state = 'waiting'))",
            {"target": target, "key": notice.key, "text": notice.text, "at": stamp(now)},
        )


def waiting(store: Store, target: str) -> list[Queued]:
    """The oldest first."""
    rows = store.rows(
        "SELECT id, key, text, tries, again FROM notification WHERE target = ? AND state = 'waiting' ORDER BY id",
        [target],
    )
    return [Queued(row["id"], row["key"], row["text"], row["tries"], moment(row["again"])) for row in rows]


def drop(store: Store, notice: Queued) -> None:
    """Drop what need not be told any more. What was never tried leaves no trace, so that it may be told later."""
    if notice.tries:
        store.write("UPDATE notification SET state = 'dropped', text = '' WHERE id = :id", {"id": notice.id})
    else:
        store.write("DELETE FROM notification WHERE id = :id", {"id": notice.id})


def record(store: Store, notices: Sequence[Queued], *, error: str, now: datetime, again: datetime) -> None:
    """Record one delivery of these notices together. After an error they wait until `again`."""
    with store.atomic():
        for notice in notices:
            store.write(
                "UPDATE notification SET state = iif(:error = '', 'sent', 'waiting'), "
                "text = iif(:error = '', '', text), tries = tries + 1, error = :error, tried_at = :now, again = :again "
                "WHERE id = :id",
                {"error": error, "now": stamp(now), "again": stamp(again), "id": notice.id},
            )


def sent_between(store: Store, target: str, start: datetime, end: datetime) -> int:
    """How many deliveries arrived; the notices of one delivery share its time."""
    rows = store.rows(
        "SELECT count(DISTINCT tried_at) AS n FROM notification WHERE target = ? AND state = 'sent' "
        "AND tried_at >= ? AND tried_at < ?",
        [target, stamp(start), stamp(end)],
    )
    return int(rows[0]["n"])


def last_try(store: Store, target: str) -> LastTry | None:
    rows = store.rows(
        "SELECT tried_at, error, tries FROM notification WHERE target = ? AND tried_at IS NOT NULL "
        "ORDER BY tried_at DESC, tries DESC LIMIT 1",
        [target],
    )
    return LastTry(moment(rows[0]["tried_at"]), rows[0]["error"], rows[0]["tries"]) if rows else None


def targets(store: Store, since: datetime) -> list[str]:
    """The names of those that something was sent to, or that it failed for."""
    sql = "SELECT DISTINCT target FROM notification WHERE tried_at >= ? ORDER BY target"
    return [row["target"] for row in store.rows(sql, [stamp(since)])]


def prune(store: Store, now: datetime) -> None:
    since = {"since": stamp(now - KEPT)}
    if store.rows("SELECT 1 FROM notification WHERE at < :since AND state <> 'waiting' LIMIT 1", since):
        store.write("DELETE FROM notification WHERE at < :since AND state <> 'waiting'", since)
