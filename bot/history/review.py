"""The drafts that wait for a person: what waits, and what the person said. It shows nothing and sends nothing.

Each verdict is one transaction on the row as it is then: whoever comes second gets a sentence. Silence means no.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot.clock import moment, stamp
from bot.errors import MynahError
from bot.text import durations
from bot.text.length import weighted_length
from bot.text.normalise import normalise
from bot.values import Draft

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from structlog.stdlib import BoundLogger

    from bot.clock import Clock
    from bot.history.store import Store
    from bot.screen.chain import Screen
    from bot.values import Post, Reason


@dataclass(frozen=True, slots=True)
class ReviewSettings:
    """How patient the queue is."""

    expires: timedelta  # a draft waits this long for a verdict, and a yes this long to be followed
    most: int  # drafts that may wait at once


class ReviewQueue:
    """The queue as the bot that runs sees it. `review_mode`: its drafts need a person's yes."""

    def __init__(self, terms: ReviewSettings, *, review_mode: bool, clock: Clock, log: BoundLogger) -> None:
        self.review_mode = review_mode
        self._terms = terms
        self._clock = clock
        self._log = log

    def sweep(self, store: Store, *, dry: bool) -> None:
        """What nobody judged in time is gone, and the log says so once."""
        waited = durations.written(self._terms.expires)
        for post in expire(store, self._terms, self._clock.now(), dry=dry):
            self._log.warning("draft.expired", post=post.id, text=post.text, waited=waited, do="`mynah review` in time")

    def why_full(self, store: Store, *, dry: bool) -> str | None:
        """Why no more drafts are made; answers to others are bounded by their own limits."""
        drafts = [post for post in waiting(store, self._terms, self._clock.now(), dry=dry) if post.kind == "post"]
        full = f"{len(drafts)} drafts wait for `mynah review` already (review.most = {self._terms.most})"
        return full if len(drafts) >= self._terms.most else None


def waiting(store: Store, terms: ReviewSettings, now: datetime, *, dry: bool) -> list[Post]:
    """The oldest first."""
    return [post for post in store.posts_in("drafted", dry=dry) if not _is_late(post, terms, now)]


def expire(store: Store, terms: ReviewSettings, now: datetime, *, dry: bool) -> list[Post]:
    """The drafts whose time has passed, now expired."""
    late = []
    for post in store.posts_in("drafted", dry=dry):
        with store.atomic():
            if _is_late(post, terms, now) and store.post(post.id).state == "drafted":
                store.move(post.id, "expired", at=now, note="nobody said yes in time")
                late.append(post)
    return late


def expires(post: Post, terms: ReviewSettings) -> datetime:
    return post.created_at + terms.expires


def verdicts(store: Store, post: int) -> list[dict[str, Any]]:
    """What persons said to it, the oldest first."""
    return store.rows("SELECT verdict, text, because, at FROM review WHERE post = ? ORDER BY id", [post])


def approved_at(store: Store, post: int) -> datetime | None:
    """When a person said yes to it; None where nobody was asked."""
    rows = store.rows("SELECT max(at) AS at FROM review WHERE post = ? AND verdict = 'approved'", [post])
    return moment(rows[0]["at"]) if rows[0]["at"] else None


def approve(store: Store, seen: Post, terms: ReviewSettings, now: datetime) -> None:
    """Yes to the text that was seen; the bot that runs sends it."""
    expire(store, terms, now, dry=seen.dry)
    with store.atomic():
        post = _as_seen(store, seen, "drafted")
        _write_down(store, post, "approved", at=now)
        store.move(post.id, "approved", at=now)


def reject(store: Store, seen: Post, because: str, now: datetime) -> None:
    """No, for good: it counts as said. A yes can be taken back until the request leaves."""
    with store.atomic():
        post = _as_seen(store, seen, "drafted", "approved")
        _write_down(store, post, "rejected", because=because, at=now)
        store.move(post.id, "rejected", at=now, note=because)


def edit(
    store: Store, seen: Post, text: str, screen: Screen, terms: ReviewSettings, now: datetime
) -> tuple[Reason, ...]:
    """Another text in its place, which still waits; or the reasons against that text, and nothing has changed."""
    expire(store, terms, now, dry=seen.dry)
    with store.atomic():  # the screen asks the history: nobody may say the same in between
        post = _as_seen(store, seen, "drafted")
        if text == post.text:
            return ()
        if reasons := screen.reasons(Draft(text, post.prompt, post.seed)):
            return reasons
        _write_down(store, post, "edited", at=now)
        store.write(
            "UPDATE post SET text = :text, norm = :norm, length = :length, note = 'edited', changed_at = :at "
            "WHERE id = :post",
            {
                "text": text,
                "norm": normalise(text),
                "length": weighted_length(text),
                "at": stamp(now),
                "post": post.id,
            },
        )
    return ()


def _is_late(post: Post, terms: ReviewSettings, now: datetime) -> bool:
    """In the future too, where the clock was set back: how old it is cannot be known then."""
    return abs(now - post.created_at) > terms.expires


def _as_seen(store: Store, seen: Post, *states: str) -> Post:
    """The post as it is now, if it is still what the person judges."""
    post = store.post(seen.id)
    if post.state not in states:
        note = f" ({post.note})" if post.note else ""
        raise MynahError(f"post {post.id} is {post.state}{note}: only one that is {' or '.join(states)} can be judged")
    if post.text != seen.text:
        raise MynahError(f"post {post.id} was edited meanwhile, and now says {post.text!r}: judge it again")
    return post


def _write_down(store: Store, post: Post, verdict: str, *, because: str = "", at: datetime) -> None:
    store.write(
        "INSERT INTO review (post, verdict, text, norm, because, at) "
        "VALUES (:post, :verdict, :text, :norm, :because, :at)",
        {
            "post": post.id,
            "verdict": verdict,
            "text": post.text,
            "norm": normalise(post.text),
            "because": because,
            "at": stamp(at),
        },
    )
