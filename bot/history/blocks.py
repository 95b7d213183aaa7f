"""Blocked users, in the history: by user id, or by handle until the id is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.clock import stamp
from bot.history import mentions

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from bot.history.store import Store


def is_blocked(store: Store, user: str, handle: str) -> bool:
    """Whether a user is blocked, by id or by a handle that was blocked before its id was known."""
    sql = "SELECT 1 FROM block WHERE user = ? OR (user IS NULL AND handle <> '' AND handle = ?)"
    return bool(store.rows(sql, [user, handle]))


def block(store: Store, *, user: str | None, handle: str, because: str, at: datetime) -> None:
    """Block at once and for good: waiting mentions get no reply, and replies that were drafted are not sent."""
    with store.atomic():
        if user is None or not store.rows("SELECT 1 FROM block WHERE user = ?", [user]):
            store.write("DELETE FROM block WHERE user IS NULL AND handle = :handle", {"handle": handle})
            store.write(
                "INSERT INTO block (user, handle, because, at) VALUES (:user, :handle, :because, :at)",
                {"user": user, "handle": handle, "because": because, "at": stamp(at)},
            )
        for row in store.rows(
            "SELECT id FROM mention WHERE verdict IS NULL AND (author = ? OR (handle <> '' AND handle = ?))",
            [user, handle],
        ):
            mentions.decide(store, row["id"], "blocked", because, at=at)


def bind(store: Store, user: str, handle: str) -> None:
    """Bind a blocked handle to its user id, so that the block outlasts a change of the handle."""
    if handle and user and not store.rows("SELECT 1 FROM block WHERE user = ?", [user]):
        sql = "UPDATE block SET user = :user WHERE user IS NULL AND handle = :handle"
        store.write(sql, {"user": user, "handle": handle})


def unblock(store: Store, handle: str) -> int:
    """Returns how many blocks there were."""
    user = mentions.user_id(store, handle)
    with store.atomic():
        rows = store.rows("SELECT 1 FROM block WHERE handle = ? OR user = ?", [handle, user])
        store.write("DELETE FROM block WHERE handle = :handle OR user = :user", {"handle": handle, "user": user})
    return len(rows)


def add_all(store: Store, rows: Iterable[dict[str, Any]]) -> int:
    """Add the blocks of another history. Returns how many of them are new."""
    new = 0
    for row in rows:
        new += not is_blocked(store, row["user"] or "", row["handle"])
        block(store, user=row["user"], handle=row["handle"], because=row["because"], at=row["at"])
    return new


def blocks(store: Store) -> list[dict[str, Any]]:
    return store.rows("SELECT handle, user, because, at FROM block ORDER BY at, handle")
