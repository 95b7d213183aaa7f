"""Backups of the history and the library: made, checked, rotated and restored. One subject, so a few lines too long.

A backup is written under a temporary name, checked, synced and renamed, so every file with a final name is whole. Names
sort by time; if a clock was wrong, the backups that are named after a future time are deleted first.

The file is long because each step of a restore can fail, and says how.
"""

from __future__ import annotations

import fcntl
import os
import re
import sqlite3
import time
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from bot.config.state_dir import BACKUPS
from bot.errors import FULL, Busy, Damaged, NoRoom, StoreError
from bot.history.file import advice, connect, create_private, translated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

KINDS = {"mynah": "history", "library": "library"}  # by the set of migrations that made the file
NAME = re.compile(r"(history|library)-(\d{8}T\d{6}Z)\.db")
SHAPE = "%Y%m%dT%H%M%SZ"
TEMPORARY = ".tmp"
WEEKS = 4  # of the older backups, the last one of each of these many weeks is kept
BEFORE_MIGRATION = 2  # backups from before a migration that are kept
PATIENCE = timedelta(seconds=5)  # how long to wait for another process that has locked the folder


@dataclass(frozen=True, slots=True)
class Copy:
    path: Path
    kind: str
    at: datetime


class Backups:
    """The backups of some files, in one folder."""

    def __init__(
        self, folder: Path, sources: Sequence[Path], *, keep: int, every: timedelta, patience: timedelta = PATIENCE
    ) -> None:
        self.folder = folder
        self._sources = sources
        self._keep = keep
        self._every = every
        self._patience = patience

    def make(self, at: datetime) -> list[Path]:
        """Back up each file that exists and delete old backups; a damaged file raises before anything is deleted."""
        with _locked(self.folder, self._patience), _system_errors(self.folder):
            made = []
            for source in self._sources:
                if source.exists():
                    made.append(_copy(source, self.folder / f"{source.stem}-{at.astimezone(UTC):{SHAPE}}.db"))
                    self._rotate(source.stem, made[-1], at)
            return made

    def due(self, now: datetime) -> bool:
        if not self._every or not any(source.exists() for source in self._sources):
            return False
        newest = self.newest(now)
        return newest is None or now - newest.at >= self._every

    def newest(self, now: datetime) -> Copy | None:
        """The newest backup of the history."""
        backups = [copy for copy in copies(self.folder) if copy.kind == self._sources[0].stem and copy.at <= now]
        return backups[-1] if backups else None

    def _rotate(self, kind: str, made: Path, now: datetime) -> None:
        backups = [copy for copy in copies(self.folder) if copy.kind == kind]
        _drop_twin(backups, made)
        backups = sorted((copy for copy in backups if copy.path.exists()), key=lambda copy: (copy.at <= now, copy.at))
        older, newest = backups[: -self._keep], backups[-self._keep :]
        weekly = {copy.at.isocalendar()[:2]: copy for copy in older if copy.at <= now}  # the last one of each
        kept = {made, *(copy.path for copy in (*newest, *list(weekly.values())[-WEEKS:]))}
        for copy in backups:
            if copy.path not in kept:
                copy.path.unlink()


def copies(folder: Path) -> list[Copy]:
    """The backups in a folder, by their names, the oldest first."""
    backups = []
    with suppress(OSError):
        for path in sorted(folder.iterdir()):
            if match := NAME.fullmatch(path.name):
                with suppress(ValueError):  # not a date, so not our file
                    backups.append(Copy(path, match[1], datetime.strptime(match[2], SHAPE).replace(tzinfo=UTC)))
    return backups


def before_migration(source: Path, name: str) -> None:
    """Back up a file that the migration of that name is about to change; a few such backups are kept."""
    folder = source.parent / BACKUPS
    with _locked(folder), closing(_opened(source)) as connection:
        if name in _applied(connection, source):  # another process was faster
            return
        _copy(source, folder / f"{source.stem}-before-{name}.db")
        for old in sorted(folder.glob(f"{source.stem}-before-*.db"))[:-BEFORE_MIGRATION]:
            old.unlink()


def kind_of(path: Path) -> str:
    """`history` or `library`; raises StoreError if the file is damaged or neither."""
    with closing(_opened(path)) as connection:
        _check(connection, path)
        try:
            with translated(path):
                sets = [row[0] for row in connection.execute("SELECT DISTINCT migration_set FROM _sqlite_migrations")]
        except StoreError:
            sets = []
    if len(sets) != 1 or sets[0] not in KINDS:
        raise StoreError(
            f"{path} is neither a history nor a library of mynah's: choose a file that `mynah backup` made"
        )
    return KINDS[sets[0]]


def restore(source: Path, target: Path, *, at: datetime, prepare: Callable[[Path], None]) -> Path | None:
    """Put a copy of `source`, changed by `prepare`, in the place of `target`. Returns where the old file was moved.

    `target` exists throughout: a bot that started without it would create a new history and repeat old posts.
    """
    staged = target.with_name(target.name + ".coming")
    with _system_errors(target.parent):
        _journal(staged).unlink(missing_ok=True)
    try:
        _copy(source, staged)
        prepare(staged)
        with _system_errors(target), _exclusive(target):
            _journal(staged).unlink(missing_ok=True)
            aside = _put_aside(target, at)
            staged.replace(target)
            _sync(target.parent)
    finally:
        for path in (staged, _journal(staged)):
            path.unlink(missing_ok=True)
    return aside


def has_author(path: Path, author: str) -> bool:
    """Whether a backup of a library has this author's tweets."""
    with closing(_opened(path)) as connection, translated(path):
        return bool(connection.execute("SELECT 1 FROM author WHERE handle = ?", [author]).fetchall())


def rewrite(path: Path, change: Callable[[sqlite3.Connection], object]) -> None:
    """Change a backup, and leave no trace in it of what was deleted."""
    staged = path.with_name(f"{path.name}.new.db{TEMPORARY}")
    with _locked(path.parent), _system_errors(path):
        try:
            _copy(path, staged)
            with closing(_opened(staged)) as connection, translated(staged):
                connection.execute("PRAGMA secure_delete = ON")
                change(connection)
                connection.execute("VACUUM")
            _sync(staged)
            staged.replace(path)
            _sync(path.parent)
        finally:
            staged.unlink(missing_ok=True)


def _copy(source: Path, target: Path) -> Path:
    """Copy a file whole and synced, or not at all."""
    staged = target.with_name(target.name + TEMPORARY)
    with _system_errors(target), closing(_opened(source)) as connection:
        _check(connection, source)
        staged.unlink(missing_ok=True)
        create_private(staged)
        try:
            with translated(staged):
                connection.execute("VACUUM INTO CAST(? AS TEXT)", [os.fsencode(staged)])  # a name need not be UTF-8
            with closing(_opened(staged)) as copy:
                _check(copy, staged)
            _sync(staged)
            staged.replace(target)
        except BaseException:
            staged.unlink(missing_ok=True)
            raise
        _sync(target.parent)
    return target


def _opened(path: Path) -> sqlite3.Connection:
    """Opened for reading, but writable: a transaction that a killed process left half-done is rolled back first."""
    with _system_errors(path):
        if not path.is_file():
            raise StoreError(f"{path} is not a file: choose one that `mynah backup` made")
    return connect(path)


def _check(connection: sqlite3.Connection, path: Path) -> None:
    with translated(path):
        problems = [row[0] for row in connection.execute("PRAGMA integrity_check(3)")]
        broken = connection.execute("PRAGMA foreign_key_check").fetchall()
    if problems != ["ok"] or broken:
        problem = problems[0] if problems != ["ok"] else f"{broken[0][0]} has a row with a broken reference"
        raise Damaged(f"{path}: {problem}; {advice(path)}")


def _applied(connection: sqlite3.Connection, path: Path) -> list[str]:
    with translated(path):
        return [row[0] for row in connection.execute("SELECT name FROM _sqlite_migrations")]


def _drop_twin(backups: Sequence[Copy], made: Path) -> None:
    """Delete the backup before this one if it has the same bytes: a library may not change for months."""
    previous = [copy.path for copy in backups if copy.path != made][-1:]
    for path in previous:
        if path.stat().st_size == made.stat().st_size and path.read_bytes() == made.read_bytes():
            path.unlink()


@contextmanager
def _locked(folder: Path, patience: timedelta = PATIENCE) -> Iterator[None]:
    """Lock the folder, creating it if need be, and delete the temporary files of killed processes."""
    with _system_errors(folder):
        if not folder.is_dir():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if os.geteuid() == 0:
                owner = folder.parent.stat()
                os.chown(folder, owner.st_uid, owner.st_gid)
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _lock(handle, folder, patience)
        for left in folder.glob("*.db" + TEMPORARY):
            left.unlink(missing_ok=True)
        yield
    finally:
        os.close(handle)


def _lock(handle: int, folder: Path, patience: timedelta) -> None:
    for _ in range(int(patience / timedelta(seconds=0.05)) + 1):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.05)
        else:
            return
    raise Busy(f"another backup is at work in {folder}: try again when it has finished")


@contextmanager
def _exclusive(target: Path) -> Iterator[None]:
    """Lock out writers, and roll back an unfinished transaction; a file that is not SQLite is left alone."""
    if not target.is_file():
        yield
        return
    with closing(sqlite3.connect(target, isolation_level=None, timeout=5.0)) as connection:
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.DatabaseError as error:
            if (error.sqlite_errorname or "").startswith("SQLITE_BUSY"):
                raise Busy(f"another program is at work on {target}: try again when it has finished") from error
        yield


def _put_aside(target: Path, at: datetime) -> Path | None:
    """Keep the old file under a second name (a hard link, so that `target` always exists), and move its journal too."""
    if not target.exists():
        _journal(target).unlink(missing_ok=True)
        return None
    aside = target.with_name(f"{target.stem}-aside-{at.astimezone(UTC):{SHAPE}}.db")
    if target.is_dir():
        target.rename(aside)
        return aside
    os.link(target, aside, follow_symlinks=False)
    if _journal(target).exists() and _journal(target).stat().st_size:
        os.link(_journal(target), _journal(aside))
    _journal(target).unlink(missing_ok=True)
    return aside


def _journal(path: Path) -> Path:
    return path.with_name(path.name + "-journal")


@contextmanager
def _system_errors(path: Path) -> Iterator[None]:
    """Raise the system's errors as the bot's."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise NoRoom(f"{error.filename or path}: the disk is full: free some space") from error
        raise StoreError(f"{error.filename or path}: {error.strerror}; check the folder and whose it is") from error


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
