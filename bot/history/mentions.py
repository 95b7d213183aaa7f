"""Who named us and what followed, in the history's own tables, and how many answers were given.

It keeps numbers and names, and what was said only while it waits. The rules are in eligibility.py and limits.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from bot.clock import stamp
from bot.values import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from bot.history.store import Store
    from bot.values import Draft, Mention

KEPT = timedelta(days=30)  # for as long as a conversation may be taken up again


@dataclass(frozen=True, slots=True)
class StoredMention:
    """A mention as it is remembered. `words` only while it waits, and only where the bot listens."""

    id: str
    author: str
    handle: str
    conversation: str
    others: tuple[str, ...]
    words: str | None
    verdict: str | None


def add(
    store: Store, mention: Mention, verdict: Reason | None, *, others: Iterable[str], listen: bool, at: datetime
) -> str | None:
    """Once for each id. Gives the verdict that it has from now on; None is that it waits."""
    sql = "SELECT 1 FROM mention WHERE id = :id UNION ALL SELECT 1 FROM post WHERE reply_to = :id"  # forgotten, perhaps
    if store.rows(sql, {"id": mention.id}):
        return "known"
    if verdict is None and _is_answered(store, mention, at):
        verdict = Reason("edited", "an answer to what it said before was written")
    name = verdict.name if verdict else None
    store.write(
        "INSERT INTO mention (id, first, author, handle, conversation, others, words, verdict, detail, at) "
        "VALUES (:id, :first, :author, :handle, :conversation, :others, :words, :verdict, :detail, :at)",
        {
            "id": mention.id,
            "first": mention.first,
            "author": mention.author,
            "handle": mention.handle,
            "conversation": mention.conversation,
            "others": " ".join(others),
            "words": mention.text if listen and name is None else None,
            "verdict": name,
            "detail": verdict.detail if verdict else "",
            "at": stamp(at),
        },
    )
    return name


def _is_answered(store: Store, mention: Mention, at: datetime) -> bool:
    """True where an earlier wording is answered; one that still waits gives way to the new one."""
    for row in store.rows(
        "SELECT id, verdict FROM mention WHERE first = ? AND (verdict IS NULL OR verdict = 'answered')",
        [mention.first],
    ):
        if row["verdict"] == "answered":
            return True
        decide(store, row["id"], "edited", "there is a newer wording", at=at)
    return False


def decide(store: Store, mention: str, verdict: str, detail: str, *, at: datetime) -> None:
    """The last word on a mention; what it said is not kept beyond it."""
    store.write(
        "UPDATE mention SET verdict = :verdict, detail = :detail, words = NULL, at = :at "
        "WHERE id = :id AND verdict IS NULL",
        {"id": mention, "verdict": verdict, "detail": detail, "at": stamp(at)},
    )


def waiting(store: Store) -> list[StoredMention]:
    """The oldest first."""
    rows = store.rows("SELECT * FROM mention WHERE verdict IS NULL ORDER BY CAST(id AS INTEGER)")
    return [_waiting(row) for row in rows]


def one(store: Store, mention: str | None) -> StoredMention | None:
    rows = store.rows("SELECT * FROM mention WHERE id = ?", [mention])
    return _waiting(rows[0]) if rows else None


def add_reply(
    store: Store, mention: str, draft: Draft, *, norm: str, length: int, model: str, at: datetime
) -> int | None:
    """The answer, and the mention's verdict with it: from here on it is answered, whatever becomes of the answer.

    None: somebody was faster, with a block or with forgetting it.
    """
    with store.atomic():
        known = one(store, mention)
        if known is None or known.verdict is not None:
            return None
        decide(store, mention, "answered", "", at=at)
        return store.write(
            """
            INSERT INTO post (kind, dry, state, reply_to, text, norm, length, prompt, seed, likelihood, model,
                              created_at, changed_at)
            VALUES ('reply', 0, 'drafted', :mention, :text, :norm, :length, :prompt, :seed, :likelihood, :model,
                    :at, :at)
            """,
            {
                "mention": mention,
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


# Counting. The view `answer` has those that are on X, or may be, or may yet be.


def given(store: Store, now: datetime, *, but: str, author: str | None = None, conversation: str | None = None) -> int:
    """The answers written or sent less than a day from now, on either side, for clocks are set back.

    `but`: the one to this mention.
    """
    rows = store.rows(
        """
        SELECT count(*) AS n FROM answer JOIN post ON post.id = answer.post
        WHERE mention <> :but AND (written > :since AND written < :until OR sent_at > :since AND sent_at < :until)
            AND (:author IS NULL OR author = :author) AND (:conversation IS NULL OR conversation = :conversation)
        """,
        {
            "but": but,
            "author": author,
            "conversation": conversation,
            "since": stamp(now - timedelta(days=1)),
            "until": stamp(now + timedelta(days=1)),
        },
    )
    return int(rows[0]["n"])


def depth(store: Store, conversation: str, *, but: str) -> int:
    """The answers in a conversation, for as long as their mentions are remembered."""
    sql = "SELECT count(*) AS n FROM answer WHERE conversation = ? AND mention <> ?"
    return int(store.rows(sql, [conversation, but])[0]["n"])


def is_loop(store: Store, mention: StoredMention) -> bool:
    """Whether since our last answer in the conversation nobody has spoken but the one whom it was for."""
    last = store.rows(
        "SELECT mention, author FROM answer WHERE conversation = ? AND CAST(mention AS INTEGER) < CAST(? AS INTEGER) "
        "ORDER BY CAST(mention AS INTEGER) DESC LIMIT 1",
        [mention.conversation, mention.id],
    )
    if not last or last[0]["author"] != mention.author:
        return False
    others = store.rows(
        "SELECT 1 FROM mention WHERE conversation = ? AND author <> ? AND coalesce(verdict, '') <> 'own' "
        "AND CAST(id AS INTEGER) > CAST(? AS INTEGER) AND CAST(id AS INTEGER) < CAST(? AS INTEGER) LIMIT 1",
        [mention.conversation, mention.author, last[0]["mention"], mention.id],
    )
    return not others


def refused_in_a_row(store: Store) -> list[str]:
    """When X refused the newest answers, one after the other, the newest first."""
    rows = store.rows(
        "SELECT state, changed_at FROM post WHERE kind = 'reply' AND state IN ('posted', 'refused') "
        "ORDER BY changed_at DESC, id DESC LIMIT 10"
    )
    found = []
    for row in rows:
        if row["state"] != "refused":
            break
        found.append(row["changed_at"])
    return found


def counts(store: Store) -> dict[str, int]:
    """How many mentions came to what."""
    rows = store.rows("SELECT coalesce(verdict, 'waiting') AS what, count(*) AS n FROM mention GROUP BY 1 ORDER BY 1")
    return {row["what"]: row["n"] for row in rows}


def number_of(store: Store, handle: str) -> str | None:
    """The number of a name, as it was seen last."""
    rows = store.rows(
        "SELECT author FROM mention WHERE handle = ? AND author <> '' ORDER BY CAST(id AS INTEGER) DESC LIMIT 1",
        [handle],
    )
    return str(rows[0]["author"]) if rows else None


def count(store: Store, handle: str) -> int:
    """How many mentions of a person are known, under this name and others."""
    rows = store.rows(
        "SELECT count(*) AS n FROM mention WHERE handle = ? OR author = ?", [handle, number_of(store, handle)]
    )
    return int(rows[0]["n"])


def forget(store: Store, handle: str) -> None:
    """What is known of a person's mentions, from the file too; a block stays, for else it could not be kept."""
    store.write("PRAGMA secure_delete = ON", {})  # what is deleted is overwritten
    store.write(
        "DELETE FROM mention WHERE handle = :handle OR author = :user",
        {"handle": handle, "user": number_of(store, handle)},
    )


def prune(store: Store, now: datetime) -> None:
    """What nobody needs any more. That a mention was answered is kept with the answer."""
    store.write("DELETE FROM mention WHERE verdict IS NOT NULL AND at < :since", {"since": stamp(now - KEPT)})


def _waiting(row: dict[str, Any]) -> StoredMention:
    kept = {name: row[name] for name in StoredMention.__slots__ if name != "others"}
    return StoredMention(**kept, others=tuple(row["others"].split()))
