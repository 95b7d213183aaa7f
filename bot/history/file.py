"""Opens the history's SQLite file with `training.sqlite_file`, and says what to do about errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.config.state_dir import BACKUPS
from bot.errors import FULL, Damaged, NoRoom, StoreError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from training.sqlite_file import Format, SqliteFile

NO_ROOM = ("SQLITE_FULL", "SQLITE_IOERR_WRITE")  # no room; no quota, or a limit on the size of files
DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB")
CHECK_FOLDER = "check that the state folder exists and is yours (--state, MYNAH_STATE)"
REMEDIES = {
    "SQLITE_CANTOPEN": CHECK_FOLDER,
    "SQLITE_READONLY": "the disk or the folder is read-only: choose another with --state",
    "SQLITE_BUSY": "another program holds it: try again",
}


def open_file(path: Path, migrations: Mapping[str, str], *, read_only: bool, is_new: bool) -> SqliteFile:
    """Open the file without migrating it: migrations may call SQL functions that have to be registered first."""
    from training.sqlite_file import SqliteFile

    return SqliteFile(path, _format(migrations), read_only=read_only, is_new=is_new)


def create(path: Path, migrations: Mapping[str, str], fill: Callable[[Path], None]) -> None:
    from training import sqlite_file

    sqlite_file.create(path, _format(migrations), fill)


def _format(migrations: Mapping[str, str]) -> Format:
    from training.sqlite_file import Format

    return Format(
        "mynah",
        migrations,
        error=StoreError,
        explain=explained,
        if_newer="upgrade this one, or restore an older backup",
        if_older="`mynah run --once` brings it up to date",
        pragmas=("secure_delete = ON",),  # Debian's SQLite does this by itself, others do not
    )


def connect(path: Path) -> sqlite3.Connection:
    from training import sqlite_file

    with translated(path):
        return sqlite_file.connect(path)


def create_private(path: Path) -> None:
    from training import sqlite_file

    sqlite_file.create_private(path)


def translated(path: Path) -> AbstractContextManager[None]:
    from training import sqlite_file

    return sqlite_file.translated(path, explained)


def explained(path: Path, error: sqlite3.Error | OSError) -> StoreError:
    """Convert an error to one of the bot's, with advice on what to do."""
    if isinstance(error, OSError):
        if error.errno in FULL:
            return NoRoom(f"{path}: the disk is full: free some space")
        return StoreError(f"{path} cannot be opened: {error.strerror}; {CHECK_FOLDER}")
    name = getattr(error, "sqlite_errorname", None) or ""
    if name.startswith(NO_ROOM):
        return NoRoom(f"{path}: {error}; the disk is full: free some space")
    if name.startswith(DAMAGED):
        return Damaged(f"{path}: {error}; {advice(path)}")
    remedy = next((f"; {text}" for code, text in REMEDIES.items() if name.startswith(code)), "")
    return StoreError(f"{path}: {error}{remedy}")


def advice(path: Path) -> str:
    """What to do about a damaged file; it names the newest of its backups."""
    newest = max((path.parent / BACKUPS).glob(f"{path.stem}-2*.db"), key=lambda backup: backup.name, default=None)
    backup = newest or "FILE"
    what = "the file is damaged, or no SQLite file at all"
    return f"{what}: `mynah restore {backup}` puts a backup in its place"
