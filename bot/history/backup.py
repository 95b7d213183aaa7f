"""Copies of the history and of the library: whole, checked, rotated, put back. It knows files, not what is in them.

A copy is written beside its place, checked, brought onto the disk and renamed: what has a name is whole. Names sort by
time, but a clock may have been wrong: what is named after a moment to come is the first to go.
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
HALF_MADE = ".tmp"
WEEKS = 4  # of the older copies, the last one of each of so many
BEFORE_MIGRATION = 2  # how many copies from before a change of the schema stay
PATIENCE = timedelta(seconds=5)  # with another who is at work in the folder


@dataclass(frozen=True, slots=True)
class Copy:
    path: Path
    kind: str
    at: datetime


class Backups:
    """The copies of these files in one folder."""

    def __init__(
        self, folder: Path, sources: Sequence[Path], *, keep: int, every: timedelta, patience: timedelta = PATIENCE
    ) -> None:
        self.folder = folder
        self._sources = sources
        self._keep = keep
        self._every = every
        self._patience = patience

    def make(self, at: datetime) -> list[Path]:
        """A copy of each file that there is; older ones go. What is not sound is not copied, and nothing goes then."""
        with _held(self.folder, self._patience), _ours(self.folder):
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
        """Of the history, where there is one."""
        there = [copy for copy in copies(self.folder) if copy.kind == self._sources[0].stem and copy.at <= now]
        return there[-1] if there else None

    def _rotate(self, kind: str, made: Path, now: datetime) -> None:
        there = [copy for copy in copies(self.folder) if copy.kind == kind]
        _drop_twin(there, made)
        there = sorted((copy for copy in there if copy.path.exists()), key=lambda copy: (copy.at <= now, copy.at))
        older, newest = there[: -self._keep], there[-self._keep :]
        weekly = {copy.at.isocalendar()[:2]: copy for copy in older if copy.at <= now}  # the last one of each
        spared = {made, *(copy.path for copy in (*newest, *list(weekly.values())[-WEEKS:]))}
        for copy in there:
            if copy.path not in spared:
                copy.path.unlink()


def copies(folder: Path) -> list[Copy]:
    """The oldest first, by their names."""
    there = []
    with suppress(OSError):
        for path in sorted(folder.iterdir()):
            if match := NAME.fullmatch(path.name):
                with suppress(ValueError):  # what is no date, was not named by us
                    there.append(Copy(path, match[1], datetime.strptime(match[2], SHAPE).replace(tzinfo=UTC)))
    return there


def before_migration(source: Path, name: str) -> None:
    """A copy of a file that is about to be changed by the migration of that name; a few of these stay."""
    folder = source.parent / BACKUPS
    with _held(folder), closing(_opened(source)) as there:
        if name in _applied(there, source):  # another process was faster
            return
        _copy(source, folder / f"{source.stem}-before-{name}.db")
        for old in sorted(folder.glob(f"{source.stem}-before-*.db"))[:-BEFORE_MIGRATION]:
            old.unlink()


def kind_of(path: Path) -> str:
    """`history` or `library`, if it is whole; a StoreError says what is wrong with it."""
    with closing(_opened(path)) as there:
        _check(there, path)
        try:
            with translated(path):
                sets = [row[0] for row in there.execute("SELECT DISTINCT migration_set FROM _sqlite_migrations")]
        except StoreError:
            sets = []
    if len(sets) != 1 or sets[0] not in KINDS:
        raise StoreError(f"{path} is neither a history nor a library of mynah's: choose one that `mynah backup` made")
    return KINDS[sets[0]]


def put_back(source: Path, target: Path, *, at: datetime, prepare: Callable[[Path], None]) -> Path | None:
    """A copy of `source`, prepared, in the place of `target`; what was there is put aside, and its path given.

    At no moment is there nothing: a bot that began then would begin its history anew, and say things again.
    """
    coming = target.with_name(target.name + ".coming")
    with _ours(target.parent):
        _journal(coming).unlink(missing_ok=True)
    try:
        _copy(source, coming)
        prepare(coming)
        with _ours(target), _still(target):
            _journal(coming).unlink(missing_ok=True)
            aside = _put_aside(target, at)
            coming.replace(target)
            _sync(target.parent)
    finally:
        for path in (coming, _journal(coming)):
            path.unlink(missing_ok=True)
    return aside


def holding(folders: Sequence[Path], author: str) -> list[Path]:
    """The copies of a library that have somebody's tweets in them; who is forgotten, is forgotten there too."""
    found = []
    for path in sorted(path for folder in folders for path in folder.glob("library-*.db")):
        with closing(_opened(path)) as there, translated(path):
            if there.execute("SELECT 1 FROM author WHERE handle = ?", [author]).fetchall():
                found.append(path)
    return found


def _copy(source: Path, target: Path) -> Path:
    """Whole and on the disk, or not at all."""
    coming = target.with_name(target.name + HALF_MADE)
    with _ours(target), closing(_opened(source)) as there:
        _check(there, source)
        coming.unlink(missing_ok=True)
        create_private(coming)
        try:
            with translated(coming):
                there.execute("VACUUM INTO CAST(? AS TEXT)", [os.fsencode(coming)])  # a name need not be UTF-8
            with closing(_opened(coming)) as copy:
                _check(copy, coming)
            _sync(coming)
            coming.replace(target)
        except BaseException:
            coming.unlink(missing_ok=True)
            raise
        _sync(target.parent)
    return target


def _opened(path: Path) -> sqlite3.Connection:
    """To be read; but what a killed process left half-done is rolled back first, which is a write."""
    with _ours(path):
        if not path.is_file():
            raise StoreError(f"{path} is no file: choose one that `mynah backup` made")
    return connect(path)


def _check(connection: sqlite3.Connection, path: Path) -> None:
    with translated(path):
        found = [row[0] for row in connection.execute("PRAGMA integrity_check(3)")]
        lost = connection.execute("PRAGMA foreign_key_check").fetchall()
    if found != ["ok"] or lost:
        what = found[0] if found != ["ok"] else f"{lost[0][0]} has a row that points nowhere"
        raise Damaged(f"{path}: {what}; {advice(path)}")


def _applied(connection: sqlite3.Connection, path: Path) -> list[str]:
    with translated(path):
        return [row[0] for row in connection.execute("SELECT name FROM _sqlite_migrations")]


def _drop_twin(there: Sequence[Copy], made: Path) -> None:
    """Of two that are the same to the byte, the newer one stays: a library may not change for months."""
    before = [copy.path for copy in there if copy.path != made][-1:]
    for path in before:
        if path.stat().st_size == made.stat().st_size and path.read_bytes() == made.read_bytes():
            path.unlink()


@contextmanager
def _held(folder: Path, patience: timedelta = PATIENCE) -> Iterator[None]:
    """One at a time; what another left half-made is cleared away."""
    with _ours(folder):
        if not folder.is_dir():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if os.geteuid() == 0:
                owner = folder.parent.stat()
                os.chown(folder, owner.st_uid, owner.st_gid)
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _lock(handle, folder, patience)
        for left in folder.glob("*.db" + HALF_MADE):
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
    raise Busy(f"another backup is at work in {folder}: try again when it has ended")


@contextmanager
def _still(target: Path) -> Iterator[None]:
    """Nobody writes meanwhile, and half a commit is rolled back; of what is no SQLite file nobody can ask that."""
    if not target.is_file():
        yield
        return
    with closing(sqlite3.connect(target, isolation_level=None, timeout=5.0)) as there:
        try:
            there.execute("BEGIN EXCLUSIVE")
        except sqlite3.DatabaseError as error:
            if (error.sqlite_errorname or "").startswith("SQLITE_BUSY"):
                raise Busy(f"another program is at work on {target}: try again when it has ended") from error
        yield


def _put_aside(target: Path, at: datetime) -> Path | None:
    """By a second name, so that it never lacks one; with it half a commit, else to be played into the new one."""
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
def _ours(path: Path) -> Iterator[None]:
    """The system's errors as ours."""
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
