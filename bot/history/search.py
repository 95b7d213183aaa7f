"""Looks through the history page by page, the newest first, however long it is: by id, never by counting rows.

A rare state or word could be millions of rows away, so a page looks at so many rows and no more, and says that it gave
up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from bot.text.normalise import normalise

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.history.store import Store

WINDOW = 2_000  # rows in one query; the next one looks at twice as many
MOST_ROWS = 30_000  # rows that one page looks at: some 25 ms


@dataclass(frozen=True, slots=True)
class Page:
    """Some ids of a table, and where to go on looking: `older` is None at the end of the history."""

    ids: list[int]
    older: int | None
    is_complete: bool = True  # False: there was still room on the page when it gave up looking


@dataclass(frozen=True, slots=True)
class Filter:
    """What to look for; an empty value means anything."""

    state: str = ""
    kind: str = ""
    reason: str = ""  # of a refusal
    words: str = ""
    dry: bool | None = None


def find(
    store: Store, table: Literal["post", "refusal"], what: Filter, *, before: int | None = None, limit: int = 50
) -> Page:
    """The ids of the newest rows before that one which fit."""
    newest = store.rows(f"SELECT max(id) AS id FROM {table}")[0]["id"]  # noqa: S608  one of two constants
    end = min(before, newest + 1) if before is not None and newest else (newest or 0) + 1
    where, values = _conditions(table, what)
    ids: list[int] = []
    looked, window = 0, WINDOW
    while end > 1 and len(ids) <= limit and looked < MOST_ROWS:
        start = max(end - window, 1)
        # The plus keeps SQLite to the order of the ids: an index of the states would have to sort all that it finds.
        sql = f"SELECT id FROM {table} WHERE id >= :start AND id < :end {where} ORDER BY id DESC LIMIT :limit"  # noqa: S608  constants
        rows = store.rows(sql, {"start": start, "end": end, "limit": limit + 1 - len(ids), **values})
        ids += [row["id"] for row in rows]
        looked, window, end = looked + (end - start), window * 2, start
    if len(ids) > limit:
        return Page(ids[:limit], ids[limit - 1])
    return Page(ids, end if end > 1 else None, is_complete=end <= 1)


def _conditions(table: str, what: Filter) -> tuple[str, Mapping[str, Any]]:
    conditions, values = "", {"dry": what.dry, "words": what.words.casefold()}
    if what.dry is not None:
        conditions += " AND +dry = :dry"
    if table == "refusal":
        conditions += " AND reason = :reason" if what.reason else ""
        conditions += " AND instr(lower(text), :words)" if what.words else ""
        return conditions, values | {"reason": what.reason}
    conditions += " AND +state = :state" if what.state else ""
    conditions += " AND +kind = :kind" if what.kind else ""
    conditions += " AND instr(norm, :norm)" if what.words else ""
    return conditions, values | {"state": what.state, "kind": what.kind, "norm": normalise(what.words)}


def story(store: Store, post: int) -> list[dict[str, Any]]:
    """Everything that happened to a post, in order: rows of at, what (`event`, `review` or `look`), name and detail."""
    return store.rows(
        """
        SELECT at, what, name, detail FROM (
            SELECT at, 'event' AS what, after AS name, coalesce(before, '') AS detail, id FROM event WHERE post = :post
            UNION ALL SELECT at, 'review', verdict, CASE verdict WHEN 'edited' THEN text ELSE because END, id
            FROM review WHERE post = :post
            UNION ALL SELECT at, 'look', outcome, detail, id FROM look WHERE post = :post
        ) ORDER BY at, what = 'event', id
        """,
        {"post": post},
    )


def refused_beside(store: Store, slot: str | None, *, at: str, dry: bool) -> list[dict[str, Any]]:
    """The drafts that were refused in the round of a post, which ended at that time."""
    return store.rows(
        "SELECT * FROM refusal WHERE at = :at AND slot = :slot AND dry = :dry ORDER BY id LIMIT 100",
        {"at": at, "slot": slot, "dry": dry},
    )
