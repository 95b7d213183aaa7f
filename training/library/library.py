"""The person's tweets, merged over imports, in one SQLite file; what an import changes is in merge.py."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections import Counter
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

from training import sqlite_file
from training.errors import LibraryError, OutOfRoom, StateBusy, is_full
from training.library import schema
from training.library.merge import Changes, Kept, merge
from training.library.values import Added, Author, Import
from training.sources.archive import Archive
from training.sources.decoding import well_formed
from training.sources.records import handle_of
from training.sources.tweets import Tweet
from training.sqlite_file import Format, SqliteFile

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

FILE = "library.db"
AVATAR = "avatar"  # the key of a note
SPELLING = "spelling"  # of the handle, with its capitals
MIGRATIONS = {
    name: "".join(f"{statement};\n" for statement in statements)
    for name, statements in {"0001_first": schema.FIRST, "0002_parent": schema.SECOND}.items()
}
REMEDIES = {
    "SQLITE_CANTOPEN": "check that the state folder exists and is yours (--state, MYNAH_STATE)",
    "SQLITE_READONLY": "the disk or the folder is read-only: choose another with --state",
    "SQLITE_NOTADB": "this is no library: move it away and import again",
    "SQLITE_CORRUPT": "the file is damaged: move it away and import again",
}


def explained(path: Path, error: sqlite3.Error | OSError) -> Exception:
    """The error with what to do about it."""
    name = getattr(error, "sqlite_errorname", "") or ""
    if name.startswith("SQLITE_FULL") or is_full(error):
        return OutOfRoom(f"The disk of {path.parent} is full: make room and try again.")
    if name.startswith("SQLITE_BUSY"):
        return StateBusy(f"Another import is at work on {path}: wait until it has finished.")
    if isinstance(error, OSError):
        return LibraryError(f"{path} cannot be opened: {error.strerror}; choose another folder with --state.")
    return LibraryError(f"{path}: {error}; {REMEDIES.get(name, 'check the file and its folder')}.")


FORMAT = Format(
    "library",
    MIGRATIONS,
    error=LibraryError,
    explain=explained,
    if_newer="upgrade this one.",
    if_older="`mynah import` brings it up to date.",
    # Deleted tweets are overwritten. Without spilling, a long import locks out no reader until it commits.
    pragmas=("secure_delete = ON", "cache_spill = OFF"),
)


class Library:
    """The library file. Use `Library.open`, so that every connection has the same durability settings."""

    def __init__(self, db: SqliteFile) -> None:
        self._db = db

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        create: bool = True,
        read_only: bool = False,
        before: Callable[[Path, str], None] | None = None,
    ) -> Self:
        """Open, and bring an older schema up to date; `read_only` neither creates nor migrates.

        `before` is called with the name of the first missing migration before it is applied, to make a copy.
        """
        if not path.exists() and (read_only or not create):
            raise LibraryError(f"There is no library at {path} yet: `mynah import` begins one.")
        if not path.exists():
            sqlite_file.create(path, FORMAT, lambda new: cls._open(new, is_new=True).close())
        return cls._open(path, read_only=read_only, before=before)

    @classmethod
    def _open(
        cls,
        path: Path,
        *,
        read_only: bool = False,
        before: Callable[[Path, str], None] | None = None,
        is_new: bool = False,
    ) -> Self:
        library = cls(SqliteFile(path, FORMAT, read_only=read_only, is_new=is_new))
        try:
            library._db.migrate(before=before)
        except BaseException:
            library.close()
            raise
        return library

    @staticmethod
    def is_older(path: Path) -> bool:
        """Whether it was made before the newest change of the schema."""
        with closing(SqliteFile(path, FORMAT, read_only=True)) as db:
            return bool(db.pending())

    def close(self) -> None:
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def atomic(self) -> Iterator[None]:
        """A transaction, which may span several imports; other processes cannot write until it ends."""
        with self._db.atomic():
            yield

    def add(self, archive: Archive, *, source: str, at: datetime, drop_missing: bool = False) -> Added:
        """Merges an archive; `source` names the file, or the account on X, that it came from."""
        author = archive.author
        if archive.reaches and archive.reaches > at:  # else every later archive would count as older
            archive = replace(archive, reaches=at)
        with self.atomic():
            self._write("INSERT OR IGNORE INTO author VALUES (?, ?)", [author, archive.display_name])
            if archive.display_name != author:
                self._write("UPDATE author SET display_name = ? WHERE handle = ?", [archive.display_name, author])
            changes = merge(self._kept(author), archive, self._covered(author))
            dropped = len(changes.missing) + len(changes.missed) if drop_missing else 0
            new = changes.new if drop_missing else changes.new + changes.missed
            self._write(
                "INSERT INTO import (author, at, source, kind, reaches, found, new, updated, dropped) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [author, _stamp(at), well_formed(source), archive.kind, _stamp(archive.reaches), len(archive.tweets),
                 len(new), len(changes.updated), dropped],
            )  # fmt: skip
            self._keep(changes, new, drop=changes.missing if drop_missing else [], archived=archive.reaches is not None)
            relatives = self._relatives(archive)
            if archive.avatar:
                self.note(author, AVATAR, b64encode(archive.avatar).decode())
            if archive.spelling not in {"", author}:
                self.note(author, SPELLING, archive.spelling)
        times = [tweet.at for tweet in archive.tweets if tweet.at]
        return Added(
            author=author,
            found=len(archive.tweets),
            new=len(new),
            updated=len(changes.updated),
            there=changes.there,
            missing=len(changes.missing) + len(changes.missed),
            dropped=dropped,
            first=min(times, default=None),
            last=max(times, default=None),
            relatives=relatives,
        )

    def _keep(self, changes: Changes, new: Iterable[Tweet], *, drop: Iterable[int], archived: bool) -> None:
        many = self._db.execute_many
        many("DELETE FROM tweet WHERE number = ?", ([number] for number in (*changes.replaced, *drop)))
        many("UPDATE tweet SET archived = 1 WHERE number = ?", ([number] for number in changes.confirmed))
        many(
            "UPDATE tweet SET id = ?, at = ?, kind = ?, lang = ?, text = ?, edits = ?, parent = ?, "
            "archived = ? WHERE number = ?",
            ([*_columns(one.tweet), one.archived, one.number] for one in changes.updated),
        )
        many(
            "INSERT INTO tweet (id, at, kind, lang, text, edits, parent, archived, author, import) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, (SELECT max(id) FROM import))",
            ([*_columns(tweet), archived, tweet.author] for tweet in new),
        )

    def authors(self) -> list[Author]:
        return [
            Author(
                tweets=sum(kinds.values()),
                first=_moment(row["first"]),
                last=_moment(row["last"]),
                kinds=kinds,
                languages=self._counts("lang", row["handle"]),
                imports=tuple(self._imports(row["handle"])),
                handle=row["handle"],
                display_name=row["display_name"],
                spelling=self.noted(row["handle"], SPELLING),
            )
            for row in self._rows(
                "SELECT author.*, min(at) AS first, max(at) AS last FROM author "
                "LEFT JOIN tweet ON tweet.author = handle GROUP BY handle ORDER BY handle"
            )
            for kinds in [self._counts("kind", row["handle"])]
        ]

    def archive(self, handle: str) -> Archive:
        """All tweets of one author, the oldest first; those without a date come first, in the order of their import."""
        author = handle_of(handle)
        names = self._rows("SELECT display_name FROM author WHERE handle = ?", [author])
        if not names:
            raise self._unknown_author(handle)
        tweets = tuple(one.tweet for one in self._kept(author))
        kinds = dict.fromkeys(one.kind for one in self._imports(author))
        avatar = b64decode(self.noted(author, AVATAR))
        return Archive(
            author,
            names[0]["display_name"],
            tweets,
            kind=", ".join(kinds),
            avatar=avatar,
            spelling=self.noted(author, SPELLING),
        )

    def forget(self, handle: str) -> int:
        """Deletes an author, also from the pages of the file, and returns the number of tweets."""
        author = handle_of(handle)
        with self.atomic():
            count = len(self._rows("SELECT 1 FROM tweet WHERE author = ?", [author]))
            if not self._write("DELETE FROM author WHERE handle = ?", [author]):  # and, by cascade, all their rows
                raise self._unknown_author(handle)
        self._write("VACUUM")
        return count

    def noted(self, handle: str, key: str) -> str:
        """A value that `note` stored for an author, such as the progress of an import from X; or ""."""
        rows = self._rows("SELECT value FROM note WHERE author = ? AND key = ?", [handle, key])
        return str(rows[0]["value"]) if rows else ""

    def note(self, handle: str, key: str, value: str) -> None:
        """Stores a value until the author is deleted; in the same `atomic` as an `add`, both are kept or neither."""
        self._write("INSERT OR REPLACE INTO note VALUES (?, ?, ?)", [handle, key, value])

    def _unknown_author(self, handle: str) -> LibraryError:
        there = ", ".join(f"@{row['handle']}" for row in self._rows("SELECT handle FROM author ORDER BY handle"))
        return LibraryError(
            f"@{handle.removeprefix('@')} is not in the library ({there or 'it is empty'}): `mynah import` adds people."
        )

    def _kept(self, author: str) -> Iterator[Kept]:
        rows = self._rows(
            "SELECT number, id, at, kind, lang, text, edits, parent, archived FROM tweet WHERE author = ? "
            "ORDER BY at IS NOT NULL, at, length(id), id, number",
            [author],
        )
        for row in rows:
            tweet = Tweet(
                row["id"], author, row["text"], _moment(row["at"]), row["kind"], row["lang"],
                tuple(row["edits"].split()), row["parent"],
            )  # fmt: skip
            yield Kept(row["number"], tweet, bool(row["archived"]))

    def _covered(self, author: str) -> datetime | None:
        rows = self._rows("SELECT max(reaches) AS reaches FROM import WHERE author = ?", [author])
        return _moment(rows[0]["reaches"])

    def _relatives(self, archive: Archive) -> dict[str, int]:
        """A renamed account has archives under two names, with the same tweets in both."""
        ids = {tweet.id for tweet in archive.tweets if tweet.id}
        rows = self._rows("SELECT author, id FROM tweet WHERE author <> ?", [archive.author])
        return dict(Counter(row["author"] for row in rows if row["id"] in ids))

    def _counts(self, column: str, author: str) -> dict[str, int]:
        rows = self._rows(
            f"SELECT {column} AS what, count(*) AS n FROM tweet WHERE author = ? GROUP BY 1 ORDER BY n DESC, what",  # noqa: S608  one of our own two columns
            [author],
        )
        return {row["what"]: row["n"] for row in rows}

    def _imports(self, author: str) -> Iterator[Import]:
        sums = ", ".join(f"sum({column}) AS {column}" for column in ("found", "new", "updated", "dropped"))
        pages = "GROUP BY at, source, kind ORDER BY min(id)"  # each page of X's API is stored as an import
        for row in self._rows(f"SELECT at, source, kind, {sums} FROM import WHERE author = ? {pages}", [author]):  # noqa: S608
            yield Import(**row | {"at": datetime.fromisoformat(row["at"])})

    def _rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
        return self._db.rows(sql, parameters)

    def _write(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """Execute a statement and return the number of changed rows."""
        return self._db.execute(sql, parameters).rowcount


def _columns(tweet: Tweet) -> list[str | None]:
    return [tweet.id, _stamp(tweet.at), tweet.kind, tweet.lang, tweet.text, " ".join(tweet.edits), tweet.parent]


def _stamp(moment: datetime | None) -> str | None:
    """The time as text in UTC, so that texts sort by time."""
    return moment.astimezone(UTC).isoformat() if moment else None


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
