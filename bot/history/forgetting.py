"""Deletes what a history, or a backup of one, has of a person: their mentions, and refused drafts that quote them."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING

from bot.history import backup, file

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection
    from pathlib import Path

    from bot.history.store import Store

# A draft that copies a tweet was refused for that, and the drafts of a model that learnt the tweets may repeat them.
REFUSALS = "DELETE FROM refusal WHERE reason = 'copied' OR model IN (SELECT value FROM json_each(:models))"
KEYS = "DELETE FROM nearness WHERE source < 0 AND NOT EXISTS (SELECT 1 FROM refusal WHERE id = -source)"
MENTIONS = (
    "DELETE FROM mention WHERE handle = :handle OR author IN "
    "(SELECT author FROM mention WHERE handle = :handle AND author <> '')"
)
STATEMENTS = {"refusal": REFUSALS, "nearness": KEYS, "mention": MENTIONS}  # by table: older files lack some


def clear_refusals(store: Store, models: Collection[str]) -> None:
    """Delete the refused drafts that quote tweets, or are by models that learnt the tweets."""
    with store.atomic():
        store.write(REFUSALS, {"models": json.dumps(list(models))})
        store.write(KEYS, {})


def clear_backup(path: Path, handle: str, models: Collection[str]) -> bool:
    """Delete the same, and the mentions, from a backup of any version. Returns whether it had any."""
    values = {"handle": handle, "models": json.dumps(list(models))}

    def change(connection: sqlite3.Connection) -> int:
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        statements = [sql for table, sql in STATEMENTS.items() if table in tables]
        return sum(connection.execute(sql, values).rowcount for sql in statements)

    with closing(file.connect(path)) as connection, file.translated(path):
        connection.execute("BEGIN")
        found = change(connection)
        connection.execute("ROLLBACK")
    if found:
        backup.rewrite(path, change)
    return bool(found)
