"""The file of a library: made, opened, and what can go wrong with it in sentences. It knows no tweets.

As the bot's history is, and for the same reasons: bot/history/store.py.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

from training.errors import LibraryError, OutOfRoom, StateBusy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REMEDIES = {
    "SQLITE_CANTOPEN": "check that the state folder exists and is yours (--state, MYNAH_STATE)",
    "SQLITE_READONLY": "the disk or the folder is read-only: choose another with --state",
    "SQLITE_NOTADB": "this is no library: move it away and import again",
    "SQLITE_CORRUPT": "the file is damaged: move it away and import again",
}


def connect(path: Path, *, read_only: bool) -> sqlite3.Connection:
    """Private from the first byte; `secure_delete` overwrites what is deleted."""
    try:
        if not path.exists():
            _begin(path)
        # Who only looks may write all the same: a process that was killed may have left half a commit to roll back.
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=5.0)
    except OSError as error:
        raise LibraryError(f"{path} cannot be made: {error.strerror}; choose another folder with --state.") from error
    pragmas = ["foreign_keys = ON", "busy_timeout = 5000"]
    if read_only:
        pragmas += ["query_only = ON"]
    else:
        # Without spilling, a long import locks nobody out who only reads until it commits.
        pragmas += ["journal_mode = TRUNCATE", "synchronous = EXTRA", "secure_delete = ON", "cache_spill = OFF"]
    try:
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")
    except BaseException:
        connection.close()
        raise
    return connection


def _begin(path: Path) -> None:
    """An empty file; where root imports for the user of a service, that user's, as the folder is."""
    file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
    try:
        if os.geteuid() == 0:
            owner = path.parent.stat()
            os.fchown(file, owner.st_uid, owner.st_gid)
    finally:
        os.close(file)


@contextmanager
def translated(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        name = getattr(error, "sqlite_errorname", "") or ""
        if name.startswith("SQLITE_BUSY"):
            raise StateBusy(f"Another import is at work on {path}: wait until it has finished.") from error
        if name.startswith("SQLITE_FULL"):
            raise OutOfRoom(f"The disk of {path.parent} is full: make room and try again.") from error
        raise LibraryError(f"{path}: {error}; {REMEDIES.get(name, 'check the file and its folder')}.") from error
