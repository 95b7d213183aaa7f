"""Threads in which nobody gets a reply any more, and mentions that a person should look at, in the history."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.clock import stamp
from bot.history import mentions

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from bot.history.store import Store


def close(store: Store, conversation: str, *, because: str, at: datetime) -> None:
    """Close a thread for everybody and for good: mentions that wait there get no reply."""
    with store.atomic():
        store.write(
            "INSERT OR IGNORE INTO closed_thread (conversation, because, at) VALUES (:conversation, :because, :at)",
            {"conversation": conversation, "because": because, "at": stamp(at)},
        )
        sql = "SELECT id FROM mention WHERE verdict IS NULL AND conversation = ?"
        for row in store.rows(sql, [conversation]):
            mentions.decide(store, row["id"], "closed", because, at=at)


def is_closed(store: Store, conversation: str) -> bool:
    return bool(store.rows("SELECT 1 FROM closed_thread WHERE conversation = ?", [conversation]))


def note_concern(store: Store, mention: str, concern: str) -> None:
    store.write("UPDATE mention SET concern = :concern WHERE id = :id", {"id": mention, "concern": concern})


def wrote_lately(store: Store, author: str, concerns: Sequence[str], *, since: datetime) -> bool:
    """Whether a mention by this user, read since then, has one of these concerns."""
    marks = ", ".join("?" * len(concerns))
    sql = f"SELECT 1 FROM mention WHERE author = ? AND at > ? AND concern IN ({marks})"  # noqa: S608  question marks only
    return bool(store.rows(sql, [author, stamp(since), *concerns]))


def to_look_at(store: Store) -> list[dict[str, str]]:
    """The mentions with a concern that nobody has looked at, the oldest first."""
    return store.rows(
        "SELECT id, handle, concern, at FROM mention WHERE concern IS NOT NULL AND seen_at IS NULL "
        "ORDER BY CAST(id AS INTEGER)"
    )


def mark_seen(store: Store, mention: str, *, at: datetime) -> None:
    store.write("UPDATE mention SET seen_at = :at WHERE id = :id", {"id": mention, "at": stamp(at)})
