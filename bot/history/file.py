"""The file of a history: opened durably, and what can go wrong with it in sentences. It knows no tables.

The library of tweets is opened likewise, and for the same reasons: training/library/file.py.
"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bot.config.state_dir import BACKUPS
from bot.errors import Damaged, NoRoom, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FULL = ("SQLITE_FULL", "SQLITE_IOERR_WRITE")  # no room; no quota, or a limit on the size of files
DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB")
REMEDIES = {
    "SQLITE_CANTOPEN": "check that the state folder exists and is yours (--state, MYNAH_STATE)",
    "SQLITE_READONLY": "the disk or the folder is read-only: choose another with --state",
    "SQLITE_BUSY": "another program holds it: try again",
}


def connect(path: Path, *, create: bool, read_only: bool) -> sqlite3.Connection:
    """TRUNCATE + EXTRA lost no acknowledged commit in 30 power cuts; SQLite's default lost the last one in each.

    The journal mode belongs to the connection, not to the file, so it is set on every open.
    """
    # Who only looks may write all the same: a process that was killed may have left half a commit to roll back.
    uri = f"{path.absolute().as_uri()}?mode={'rwc' if create else 'rw'}"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=5.0)
    try:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA busy_timeout = 5000")
        if read_only:
            connection.execute("PRAGMA query_only = ON")
        else:
            connection.execute("PRAGMA journal_mode = TRUNCATE")
            connection.execute("PRAGMA synchronous = EXTRA")
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def translated(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", None) or ""
        if name.startswith(FULL):
            raise NoRoom(f"{path}: {error}; the disk is full: free some space") from error
        if name.startswith(DAMAGED):
            raise Damaged(f"{path}: {error}; {advice(path)}") from error
        remedy = next((f"; {text}" for code, text in REMEDIES.items() if name.startswith(code)), "")
        raise StoreError(f"{path}: {error}{remedy}") from error


def advice(path: Path) -> str:
    """What to do about a damaged file; the newest of the backups beside it is named."""
    newest = max((path.parent / BACKUPS).glob(f"{path.stem}-2*.db"), key=lambda found: found.name, default=None)
    backup = newest or "FILE"
    return f"the file is damaged, or no SQLite file at all: `mynah restore {backup}` puts a backup in its place"
