"""Mentions of the bot and the replies to them, in the history.

Ids and handles are kept, the text of a mention only until it has a verdict. The rules are in `bot.replies`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from bot.clock import moment, stamp
from bot.history import totals
from bot.values import Reason
from bot.x.payloads import time_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from bot.history.store import Store
    from bot.values import Draft, Mention

KEPT = timedelta(days=30)  # a conversation may be resumed for so long
MOST_WAITING = 1_000  # more than can be answered in a day
ALL = -1  # as a limit


@dataclass(frozen=True, slots=True)
class StoredMention:
    """A row of the history. `words`, the text, is kept only until the verdict, and only with `replies.listen`."""

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
    """Add a mention, once for each id. Returns its verdict; None means that it waits for a reply."""
    # The reply to a mention shows that it was handled, even if the mention itself has been deleted.
    sql = "SELECT 1 FROM mention WHERE id = :id UNION ALL SELECT 1 FROM post WHERE reply_to = :id"
    if store.rows(sql, {"id": mention.id}):
        return "known"
    if verdict is None and _is_answered(store, mention, at):
        verdict = Reason("edited", "a reply to an earlier wording was written")
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
    """Whether an earlier version of an edited mention was answered; one that still waits is replaced by the new one."""
    for row in store.rows(
        "SELECT id, verdict FROM mention WHERE first = ? AND (verdict IS NULL OR verdict = 'answered')",
        [mention.first],
    ):
        if row["verdict"] == "answered":
            return True
        decide(store, row["id"], "edited", "there is a newer wording", at=at)
    return False


def decide(store: Store, mention: str, verdict: str, detail: str, *, at: datetime) -> None:
    """Set the final verdict on a mention, and delete its text."""
    store.write(
        "UPDATE mention SET verdict = :verdict, detail = :detail, words = NULL, at = :at "
        "WHERE id = :id AND verdict IS NULL",
        {"id": mention, "verdict": verdict, "detail": detail, "at": stamp(at)},
    )


def waiting(store: Store, *, limit: int = MOST_WAITING) -> list[StoredMention]:
    """The oldest first."""
    rows = store.rows(
        "SELECT * FROM mention WHERE verdict IS NULL ORDER BY CAST(id AS INTEGER) LIMIT :limit", {"limit": limit}
    )
    return [_waiting(row) for row in rows]


def get(store: Store, mention: str | None) -> StoredMention | None:
    rows = store.rows("SELECT * FROM mention WHERE id = ?", [mention])
    return _waiting(rows[0]) if rows else None


def add_reply(
    store: Store, mention: str, draft: Draft, *, norm: str, length: int, model: str, at: datetime
) -> int | None:
    """Add a reply as a draft. From here on the mention counts as answered, whatever becomes of the reply.

    None if the mention was blocked or forgotten in the meantime.
    """
    with store.atomic():
        current = get(store, mention)
        if current is None or current.verdict is not None:
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


# Counting. The view `answer` has the replies that are on X, or may be now or later.


def count_replies(
    store: Store, now: datetime, *, but: str, author: str | None = None, conversation: str | None = None
) -> int:
    """The replies written or sent within a day of now, before or after it, since clocks are set back.

    The reply to the mention `but` is left out.
    """
    rows = store.rows(
        """
        SELECT count(*) AS n FROM (
            SELECT id FROM post WHERE kind = 'reply' AND created_at > :since AND created_at < :until
            UNION SELECT id FROM post WHERE kind = 'reply' AND sent_at > :since AND sent_at < :until
        ) AS recent CROSS JOIN answer ON answer.post = recent.id
        WHERE mention <> :but AND (:author IS NULL OR author = :author)
            AND (:conversation IS NULL OR conversation = :conversation)
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


def conversation_depth(store: Store, conversation: str, *, but: str) -> int:
    """The number of replies in a conversation whose mentions are still kept."""
    sql = "SELECT count(*) AS n FROM answer WHERE conversation = ? AND mention <> ?"
    return int(store.rows(sql, [conversation, but])[0]["n"])


def is_loop_in_thread(store: Store, mention: StoredMention) -> bool:
    """Whether, since our last reply in the conversation, only users whom we had answered there have posted.

    The author must be one of them. So two accounts that take turns count as one.
    """
    answered = store.rows(
        "SELECT mention, author FROM answer WHERE conversation = ? AND CAST(mention AS INTEGER) < CAST(? AS INTEGER) "
        "ORDER BY CAST(mention AS INTEGER) DESC",
        [mention.conversation, mention.id],
    )
    authors = {row["author"] for row in answered}
    if mention.author not in authors:
        return False
    posted = store.rows(
        "SELECT author FROM mention WHERE conversation = ? AND coalesce(verdict, '') <> 'own' "
        "AND CAST(id AS INTEGER) > CAST(? AS INTEGER) AND CAST(id AS INTEGER) < CAST(? AS INTEGER)",
        [mention.conversation, answered[0]["mention"], mention.id],
    )
    return authors.issuperset(row["author"] for row in posted)


def is_loop_across_threads(store: Store, mention: StoredMention, written: datetime, *, within: timedelta) -> bool:
    """Whether the mention follows, that soon, a reply in another conversation to its author or to a companion.

    Companions are those who were answered in one conversation with the author. `written` is when the mention was, by
    X's clock, and so is the time of a reply where X gave it an id.
    """
    rows = store.rows(
        """
        SELECT coalesce(post.sent_at, post.created_at) AS at, post.x_id FROM (
            SELECT theirs.author FROM mention AS ours
            CROSS JOIN mention AS theirs ON theirs.conversation = ours.conversation AND theirs.verdict = 'answered'
            WHERE ours.author = :author AND ours.verdict = 'answered' GROUP BY theirs.author
        ) AS party
        CROSS JOIN mention ON mention.author = party.author AND mention.verdict = 'answered'
        CROSS JOIN answer ON answer.mention = mention.id
        CROSS JOIN post ON post.id = answer.post
        WHERE mention.conversation <> :conversation AND mention.id <> :id
            AND coalesce(post.sent_at, post.created_at) > :since
        """,
        {
            "conversation": mention.conversation,
            "id": mention.id,
            "author": mention.author,
            "since": stamp(written - 2 * within),
        },
    )
    follows = [row for row in rows if not row["x_id"] or int(row["x_id"]) < int(mention.id)]  # ids rise with the time
    times = [time_of(row["x_id"]) if row["x_id"] else moment(row["at"]) for row in follows]
    return any(timedelta() <= written - time < within for time in times)


def refused_in_a_row(store: Store) -> list[str]:
    """When X refused the newest replies, the newest first, since the last one that it accepted."""
    rows = store.rows(
        "SELECT state, changed_at FROM post WHERE kind = 'reply' AND state IN ('posted', 'refused') "
        "ORDER BY changed_at DESC, id DESC LIMIT 10"
    )
    times = []
    for row in rows:
        if row["state"] != "refused":
            break
        times.append(row["changed_at"])
    return times


def counts(store: Store) -> dict[str, int]:
    """How many mentions there are of each verdict."""
    return totals.counts(store, "mention")


def user_id(store: Store, handle: str) -> str | None:
    """The user id behind a handle, as last seen."""
    rows = store.rows(
        "SELECT author FROM mention WHERE handle = ? AND author <> '' ORDER BY CAST(id AS INTEGER) DESC LIMIT 1",
        [handle],
    )
    return str(rows[0]["author"]) if rows else None


def count(store: Store, handle: str) -> int:
    """How many mentions by this user are known, under any of the user's handles."""
    rows = store.rows(
        "SELECT count(*) AS n FROM mention WHERE handle = ? OR author = ?", [handle, user_id(store, handle)]
    )
    return int(rows[0]["n"])


def forget(store: Store, handle: str) -> None:
    """Delete a user's mentions, from the file too. A block is kept: without it, the bot could reply to them again."""
    store.write("PRAGMA secure_delete = ON", {})  # overwrite what is deleted
    store.write(
        "DELETE FROM mention WHERE handle = :handle OR author = :user",
        {"handle": handle, "user": user_id(store, handle)},
    )


def prune(store: Store, now: datetime) -> None:
    """Delete old mentions. That a mention was answered is kept with the reply."""
    store.write("DELETE FROM mention WHERE verdict IS NOT NULL AND at < :since", {"since": stamp(now - KEPT)})


def _waiting(row: dict[str, Any]) -> StoredMention:
    values = {name: row[name] for name in StoredMention.__slots__ if name != "others"}
    return StoredMention(**values, others=tuple(row["others"].split()))
