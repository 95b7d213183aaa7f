"""The history of a bot: slots, posts and settings of its own, in SQLite. The schema is in schema.py.

Other tables have a module each (ledger.py, refusals.py, …), which uses `rows` and `write`. A Store belongs to the
thread that opened it. The file is long because each query has a short method.
"""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self

from bot.clock import moment, stamp
from bot.errors import Damaged, StoreError
from bot.history import backup, file, near_duplicates, schema, totals
from bot.values import Draft, Lookup, Post, Slot
from bot.x.payloads import id_at

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from training.sqlite_file import SqliteFile

MIGRATIONS = {
    "0001_first": schema.FIRST,
    "0002_expenses": schema.EXPENSES,
    "0003_looks": schema.LOOKS,
    "0004_nearness": near_duplicates.TABLES,
    "0005_mentions": schema.MENTIONS,
    "0006_review": schema.REVIEWS,
    "0007_totals": totals.TABLES,
    "0008_stories": schema.STORIES,
    "0009_threads": schema.THREADS,
    "0010_notifications": schema.NOTIFICATIONS,
}
AHEAD = timedelta(days=1)
MOST_IN_A_DAY = 500  # posts; X allows 100
LARGE = 64 * 2**20  # bytes; up to here a check of the whole takes less than a second
RECENT = 500  # events and slots: enough to tell when the history was last written


class Store:
    """An open history. Create it with `Store.open` only: that sets up the durable connection."""

    def __init__(self, db: SqliteFile) -> None:
        self._db = db

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        create: bool = True,
        read_only: bool = False,
        back_up: bool = True,
        any_version: bool = False,
    ) -> Self:
        """Open, and migrate an older schema after making a backup; `read_only` neither creates nor migrates.

        `create=False` is for a running bot: a new history in place of a missing one would repeat old posts.
        `any_version` skips the check of the schema, for readers that can do without what another version stores.
        """
        if create and not read_only and not path.exists():
            file.create(path, MIGRATIONS, lambda new: cls._open(new, is_new=True).close())
        return cls._open(path, read_only=read_only, back_up=back_up, any_version=any_version)

    @classmethod
    def _open(
        cls,
        path: Path,
        *,
        read_only: bool = False,
        back_up: bool = False,
        any_version: bool = False,
        is_new: bool = False,
    ) -> Self:
        store = cls(file.open_file(path, MIGRATIONS, read_only=read_only, is_new=is_new))
        try:
            near_duplicates.register(store._db.conn)
            if not any_version:
                store._db.migrate(before=backup.before_migration if back_up else None)
        except BaseException:
            store.close()
            raise
        return store

    def close(self) -> None:
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def atomic(self) -> Iterator[None]:
        """A transaction; a nested one joins the outer one."""
        with self._db.atomic():
            yield

    def rows(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[dict[str, Any]]:
        return self._db.rows(sql, parameters)

    def write(self, sql: str, parameters: Mapping[str, Any]) -> int:
        """Execute, and give the id of the new row, if there is one."""
        return int(self._db.execute(sql, parameters).lastrowid or 0)

    # Single values

    def meta(self, key: str) -> str | None:
        rows = self.rows("SELECT value FROM meta WHERE key = ?", [key])
        return rows[0]["value"] if rows else None

    def keep_meta(self, key: str, value: str) -> None:
        self.write(
            "INSERT INTO meta (key, value) VALUES (:key, :value) "
            "ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            {"key": key, "value": value},
        )

    def drop_meta(self, key: str) -> None:
        self.write("DELETE FROM meta WHERE key = :key", {"key": key})

    # Slots

    def slot_outcome(self, key: str, *, dry: bool) -> str | None:
        rows = self.rows("SELECT outcome FROM slot WHERE key = ? AND dry = ?", [key, dry])
        return rows[0]["outcome"] if rows else None

    def close_slot(self, slot: Slot, outcome: str, *, dry: bool, detail: str, at: datetime) -> None:
        self.write(
            "INSERT INTO slot (key, dry, due, outcome, detail, at) VALUES (:key, :dry, :due, :outcome, :detail, :at)",
            {
                "key": slot.key,
                "dry": dry,
                "due": stamp(slot.due),
                "outcome": outcome,
                "detail": detail,
                "at": stamp(at),
            },
        )

    # Posts

    def add_draft(
        self, draft: Draft, *, slot: Slot, norm: str, length: int, dry: bool, model: str, at: datetime
    ) -> int:
        """Add the draft chosen for a slot, and close the slot: both or neither."""
        with self.atomic():
            self.close_slot(slot, "spoken", dry=dry, detail="", at=at)
            return self.write(
                """
                INSERT INTO post (kind, dry, state, slot, text, norm, length, prompt, seed, likelihood, model,
                                  created_at, changed_at)
                VALUES ('post', :dry, 'drafted', :slot, :text, :norm, :length, :prompt, :seed, :likelihood, :model,
                        :at, :at)
                """,
                {
                    "dry": dry,
                    "slot": slot.key,
                    "text": draft.text,
                    "norm": norm,
                    "length": length,
                    "prompt": draft.prompt,
                    "seed": draft.seed,
                    "likelihood": draft.likelihood,
                    "model": model,
                    "at": stamp(at),
                },
            )

    def move(
        self,
        post: int,
        state: str,
        *,
        at: datetime,
        x_id: str | None = None,
        note: str | None = None,
        cost: int | None = None,
        not_before: datetime | None = None,
    ) -> None:
        """Move a post to another state; the database refuses an illegal move. What is None stays as it was."""
        self.write(
            """
            UPDATE post SET state = :state, changed_at = :at, x_id = coalesce(:x_id, x_id),
                note = coalesce(:note, note), cost = coalesce(:cost, cost), not_before = :not_before,
                sent_at = CASE WHEN :state = 'sending' THEN :at ELSE sent_at END
            WHERE id = :post
            """,
            {
                "post": post,
                "state": state,
                "at": stamp(at),
                "x_id": x_id,
                "note": note,
                "cost": cost,
                "not_before": stamp(not_before) if not_before else None,
            },
        )

    def post(self, post: int) -> Post:
        rows = self.rows("SELECT * FROM post WHERE id = ?", [post])
        if not rows:
            raise StoreError(f"{self._db.path} has no post {post}: `mynah history` lists those that it has")
        return _post(rows[0])

    def posts_in(self, *states: str, dry: bool) -> list[Post]:
        marks = ", ".join("?" * len(states))
        rows = self.rows(
            f"SELECT * FROM post WHERE dry = ? AND state IN ({marks}) ORDER BY id",  # noqa: S608  question marks only
            [dry, *states],
        )
        return [_post(row) for row in rows]

    def history(
        self, *, dry: bool | None = None, state: str | None = None, before: int | None = None, limit: int = 20
    ) -> list[Post]:
        """Posts by mode and state, the newest first, or from before the post of that number on."""
        modes = (False, True) if dry is None else (dry,)
        return self.newest((state,) if state else schema.STATES, modes, before=before, limit=limit)

    def newest(
        self, states: Sequence[str], modes: Sequence[bool], *, before: int | None = None, limit: int
    ) -> list[Post]:
        """The newest posts in these states; a limit keeps the work the same however long the history is."""
        ids = totals.newest(states, modes, before=before)
        rows = self.rows(f"SELECT * FROM post WHERE id IN ({ids}) ORDER BY id DESC", {"limit": limit})  # noqa: S608  constants
        return [_post(row) for row in rows]

    def counts(self, *, dry: bool) -> dict[str, int]:
        return totals.counts(self, "post", dry=dry)

    def said(self, norm: str, *, dry: bool, but: int | None = None) -> bool:
        """Whether a post in any state, or a draft before it was edited, has this text; the post `but` is left out."""
        return bool(
            self.rows(
                "SELECT 1 FROM post WHERE norm = :norm AND dry = :dry AND id IS NOT :but UNION ALL "
                "SELECT 1 FROM review JOIN post ON post.id = review.post "
                "WHERE review.norm = :norm AND post.dry = :dry AND post.id IS NOT :but",
                {"norm": norm, "dry": dry, "but": but},
            )
        )

    def sent_around(self, now: datetime, span: timedelta, *, dry: bool, most: int = MOST_IN_A_DAY) -> int:
        """How many posts other than replies were sent, or may have been, within `span` before now, or after it.

        At most `most` are counted.

        Clocks are set back: what was sent up to a day ahead counts as sent now, and so does any post that X says it
        made since then, as its id holds X's own time.
        """
        rows = self.rows(
            """
            SELECT count(*) AS n FROM (
                SELECT id FROM (
                    SELECT id FROM post WHERE kind = 'post' AND dry = :dry AND sent_at > :since AND sent_at < :ahead
                        AND (sent_at < :until OR x_id IS NULL)
                        AND state IN ('sending', 'unknown', 'posted', 'abandoned', 'dry')
                    LIMIT :most
                )
                UNION SELECT id FROM (
                    SELECT id FROM post WHERE x_id IS NOT NULL AND CAST(x_id AS INTEGER) > :x_id
                        AND kind = 'post' AND +dry = :dry -- the plus keeps SQLite from an index on `dry` alone
                    LIMIT :most
                )
                LIMIT :most
            )
            """,
            {
                "dry": dry,
                "since": stamp(now - span),
                "until": stamp(now + span),
                "ahead": stamp(now + max(span, AHEAD)),
                "most": most,
                "x_id": id_at(now - span),
            },
        )
        return int(rows[0]["n"])

    def last_x_id(self) -> str | None:
        """The id on X of the newest post."""
        rows = self.rows("SELECT x_id FROM post WHERE dry = 0 AND state = 'posted' ORDER BY id DESC LIMIT 1")
        return rows[0]["x_id"] if rows else None

    def mark_deleted(self, post: int, *, at: datetime) -> None:
        """Note that a post was deleted on X. It stays `posted`, since its text must not be repeated."""
        with self.atomic():
            self.write("UPDATE post SET note = 'deleted on X' WHERE id = :post", {"post": post})
            self.write(
                "INSERT INTO event (post, before, after, at) VALUES (:post, 'posted', 'deleted', :at)",
                {"post": post, "at": stamp(at)},
            )

    def is_deleted(self, post: int) -> bool:
        return bool(self.rows("SELECT 1 FROM event WHERE post = ? AND after = 'deleted'", [post]))

    # Posts that may exist, and the lookups of them (table "look")

    def to_look_up(self, state: str) -> list[tuple[Post, Lookup | None]]:
        """The live posts in that state that are still to be looked up, each with its last lookup."""
        rows = self.rows(
            """
            SELECT post.*, look.at AS looked_at, look.again AS look_again FROM to_look_up
            JOIN post ON post.id = to_look_up.post
            LEFT JOIN look ON look.id = (SELECT max(id) FROM look WHERE look.post = post.id)
            WHERE post.state = ? ORDER BY to_look_up.post
            """,
            [state],
        )
        return [
            (_post(row), Lookup(moment(row["looked_at"]), moment(row["look_again"])) if row["looked_at"] else None)
            for row in rows
        ]

    def lookup_outcomes(self, post: int, state: str) -> list[str]:
        """The outcomes of the lookups of a post while it was in that state, the oldest first."""
        rows = self.rows("SELECT outcome FROM look WHERE post = ? AND state = ? ORDER BY id", [post, state])
        return [row["outcome"] for row in rows]

    def add_lookup(
        self, post: int, state: str, outcome: str, detail: str, *, at: datetime, again: datetime | None
    ) -> None:
        self.write(
            "INSERT INTO look (post, state, outcome, detail, at, again) "
            "VALUES (:post, :state, :outcome, :detail, :at, :again)",
            {
                "post": post,
                "state": state,
                "outcome": outcome,
                "detail": detail,
                "at": stamp(at),
                "again": stamp(again) if again else None,
            },
        )

    def has_x_id(self, x_id: str) -> bool:
        return bool(self.rows("SELECT 1 FROM post WHERE x_id = ?", [x_id]))

    def was_sent_before(self, post: Post, x_ids: Sequence[str]) -> bool:
        """Whether one of these ids belongs to a post that was sent before this one."""
        marks = ", ".join("?" * len(x_ids))
        sent = stamp(post.sent_at or post.created_at)
        sql = f"SELECT 1 FROM post WHERE x_id IN ({marks}) AND sent_at < ? LIMIT 1"  # noqa: S608  question marks only
        return bool(self.rows(sql, [*x_ids, sent]))

    def newest_x_id(self, *, before: int) -> int | None:
        """The greatest id on X of the posts before this one."""
        rows = self.rows(
            "SELECT CAST(x_id AS INTEGER) AS newest FROM post INDEXED BY post_x_id "
            "WHERE x_id IS NOT NULL AND id < ? ORDER BY CAST(x_id AS INTEGER) DESC LIMIT 1",
            [before],
        )
        return int(rows[0]["newest"]) if rows else None

    def damage(self, *, whole: bool = True) -> list[str]:
        """What SQLite finds wrong with the file, and broken references; empty if there is nothing.

        Unless the `whole` is asked for, only the newest rows of a large file are read: all would take minutes.
        """
        if not whole and self._db.path.stat().st_size > LARGE:
            tables = self.rows("SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE '%WITHOUT ROWID'")
            for table in tables:
                self.rows(f'SELECT * FROM "{table["name"]}" ORDER BY rowid DESC LIMIT {RECENT}')  # noqa: S608  its own
            return []
        problems = [row["integrity_check"] for row in self.rows("PRAGMA integrity_check(5)")]
        broken = [
            f"{row['table']}: row {row['rowid']} has a broken reference"
            for row in self.rows("PRAGMA foreign_key_check")
        ]
        return [problem for problem in problems if problem != "ok"] + broken[:5]

    def last_moment(self) -> datetime | None:
        """When the history was last written: the latest time among its newest rows, since clocks are set back."""
        rows = self.rows(
            "SELECT max(at) AS at FROM (SELECT * FROM (SELECT at FROM event ORDER BY id DESC LIMIT :recent) "
            "UNION ALL SELECT * FROM (SELECT at FROM slot ORDER BY rowid DESC LIMIT :recent))",
            {"recent": RECENT},
        )
        return moment(rows[0]["at"]) if rows[0]["at"] else None


def _post(row: dict[str, Any]) -> Post:
    times = ("created_at", "changed_at", "sent_at", "not_before")
    try:
        moments = {key: moment(row[key]) if row[key] else None for key in times}
        values = {name: row[name] for name in Post.__slots__ if name not in times}
    except KeyError as error:  # SQLite has no checksums: a flipped bit in the schema is an unknown column
        raise Damaged(f"the history lacks {error}: it is damaged, `mynah restore FILE` a backup") from error
    return Post(**(values | moments | {"dry": bool(row["dry"])}))
