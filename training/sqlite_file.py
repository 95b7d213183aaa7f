"""A SQLite file: opened privately and durably, migrated, and changed all or nothing.

The history and the library of tweets are such files, each with its own `Format`.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from training import private_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from sqlite_utils import Database, Migrations

    Parameters = Sequence[Any] | Mapping[str, Any]
    Explain = Callable[[Path, sqlite3.Error | OSError], Exception]

# TRUNCATE + EXTRA lost no acknowledged commit in 30 power cuts; SQLite's default lost the last one in each. The journal
# mode belongs to the connection, not to the file, so it is set on every open.
DURABLE = ("journal_mode = TRUNCATE", "synchronous = EXTRA")


@dataclass(frozen=True, slots=True)
class Format:
    """One kind of file: its migrations, errors and settings."""

    name: str  # of the set of migrations, as the file has it
    migrations: Mapping[str, str]  # scripts, in the order in which they are applied
    error: type[Exception]
    explain: Explain  # an error of SQLite or the system as one of the caller's, with what to do about it
    if_newer: str  # what to do about a file of a newer version
    if_older: str  # what to do about a file of an older version that is opened read-only
    pragmas: tuple[str, ...] = ()  # of a connection that writes


class SqliteFile:
    """An open file. It belongs to the thread that opened it."""

    def __init__(self, path: Path, file_format: Format, *, read_only: bool = False, is_new: bool = False) -> None:
        """`is_new` is for `create` alone: any other file without our tables is damaged, or somebody else's."""
        self.path = path
        self._format = file_format
        self._read_only = read_only
        self._is_new = is_new
        try:
            if path.exists() or path.is_symlink():  # else SQLite says that it is missing
                private_files.make_private(path)
        except OSError as error:
            raise file_format.explain(path, error) from error
        with translated(path, file_format.explain):
            self.conn = connect(path)
            try:
                self._set_up()
            except BaseException:
                self.conn.close()
                raise

    def _set_up(self) -> None:
        writing = ("query_only = ON",) if self._read_only else (*DURABLE, *self._format.pragmas)
        for pragma in ("foreign_keys = ON", "recursive_triggers = ON", "busy_timeout = 5000", *writing):
            self.conn.execute(f"PRAGMA {pragma}")

    def migrate(self, before: Callable[[Path, str], None] | None = None) -> None:
        """Bring an older schema up to date; one that is only read must be up to date already.

        `before` is called with the name of the first missing migration, where there is something to lose.
        """
        applied, pending = self._applied(), self.pending()
        if not applied and not self._is_new:
            foreign = sqlite3.DatabaseError("it is empty or was made by another program")
            foreign.sqlite_errorname = "SQLITE_NOTADB"  # as SQLite says of what is no database
            raise self._format.explain(self.path, foreign)
        if unknown := sorted(applied.difference(self._format.migrations)):
            names = ", ".join(unknown)
            raise self._format.error(
                f"{self.path} was made by a newer mynah (it knows {names}): {self._format.if_newer}"
            )
        if pending and self._read_only:
            raise self._format.error(f"{self.path} was made by an older mynah: {self._format.if_older}")
        if pending:
            if applied and before:
                before(self.path, pending[0])
            with self.atomic():
                self._apply()

    def pending(self) -> list[str]:
        """The migrations that have not been applied."""
        applied = self._applied()
        return [name for name in self._format.migrations if name not in applied]

    def _applied(self) -> set[str]:
        if not self.rows("SELECT 1 FROM sqlite_master WHERE name = '_sqlite_migrations'"):
            return set()
        sql = "SELECT name FROM _sqlite_migrations WHERE migration_set = ?"
        return {row["name"] for row in self.rows(sql, [self._format.name])}

    def _apply(self) -> None:
        from sqlite_utils import Database, Migrations  # half a second to import, and rarely needed

        migrations = Migrations(self._format.name)
        for name, script in self._format.migrations.items():
            _register(migrations, name, script)
        migrations.apply(Database(self.conn))

    def close(self) -> None:
        self.conn.close()

    @contextmanager
    def atomic(self) -> Iterator[None]:
        """A transaction, all or nothing; an inner one joins the outer one.

        IMMEDIATE: the write lock is taken first, so what is read inside cannot grow stale.
        """
        if self.conn.in_transaction:
            yield
            return
        with translated(self.path, self._format.explain):
            self.conn.execute("BEGIN IMMEDIATE")
            try:
                yield
                self.conn.execute("COMMIT")
            except BaseException:  # a commit may fail too, and would leave the transaction open
                self.conn.rollback()
                raise

    def rows(self, sql: str, parameters: Parameters = ()) -> list[dict[str, Any]]:
        with translated(self.path, self._format.explain):
            cursor = self.execute(sql, parameters)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]  # no open cursor, no lock

    def execute(self, sql: str, parameters: Parameters = ()) -> sqlite3.Cursor:
        with translated(self.path, self._format.explain):
            try:
                return self.conn.execute(sql, parameters)
            except (UnicodeError, OverflowError) as error:  # half a surrogate pair, a number of more than 64 bits
                raise self._format.error(f"{self.path} cannot hold a value: {error}") from error

    def execute_many(self, sql: str, parameters: Iterable[Sequence[Any]]) -> None:
        with translated(self.path, self._format.explain):
            self.conn.executemany(sql, parameters)


def create(path: Path, file_format: Format, fill: Callable[[Path], None]) -> None:
    """Put a new file there, complete or not at all, unless there is one already. `fill` migrates an empty file.

    A file that was begun in its place and left empty by a killed process could not be told from one that has lost
    its content, which must never be begun anew.
    """
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        new.unlink(missing_ok=True)  # of a killed process with this number
        create_private(new)
        try:
            fill(new)
            with suppress(FileExistsError):  # another process was faster
                os.link(new, path)
        finally:
            for left in (new, new.with_name(f"{new.name}-journal")):
                left.unlink(missing_ok=True)
        private_files.sync(path.parent)
    except OSError as error:
        raise file_format.explain(path, error) from error


def connect(path: Path) -> sqlite3.Connection:
    """Connect to an existing file, writable even for reading, to roll back a killed process's unfinished commit."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=5.0)


def create_private(path: Path) -> None:
    """An empty file that only its owner can read."""
    os.close(private_files.create(path))


@contextmanager
def translated(path: Path, explain: Explain) -> Iterator[None]:
    """Raise SQLite's errors as the caller's own."""
    try:
        yield
    except sqlite3.Error as error:
        raise explain(path, error) from error


def statements(script: str) -> Iterator[str]:
    """The statements of a script; a trigger with its body is a single statement."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _register(migrations: Migrations, name: str, script: str) -> None:
    @migrations(name=name)
    def run(db: Database) -> None:
        # Not executescript: that would commit, and leave half a schema behind when it fails.
        for statement in statements(script):
            db.execute(statement)
