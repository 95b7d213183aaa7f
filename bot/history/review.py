"""The drafts that wait for a review, and the reviews. A draft that nobody reviews expires.

Each review is one transaction on the row as it is then; the second of two people to review a draft gets an error.
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
    expires: timedelta  # a draft waits this long for a review, and an approved one this long to be sent
    most: int  # drafts that may wait at once


class ReviewQueue:
    """The queue as the running bot sees it. `review_mode`: a person has to approve its drafts."""

    def __init__(self, settings: ReviewSettings, *, review_mode: bool, clock: Clock, log: BoundLogger) -> None:
        self.review_mode = review_mode
        self._settings = settings
        self._clock = clock
        self._log = log

    def sweep(self, store: Store, *, dry: bool) -> None:
        """Expire the drafts that nobody reviewed in time, and log each."""
        waited = durations.written(self._settings.expires)
        for post in expire(store, self._settings, self._clock.now(), dry=dry):
            self._log.warning("draft.expired", post=post.id, text=post.text, waited=waited, do="`mynah review` in time")

    def why_full(self, store: Store, *, dry: bool) -> str | None:
        """Why no more drafts are made, if so. Replies do not count: they have their own limits."""
        drafts = [post for post in waiting(store, self._settings, self._clock.now(), dry=dry) if post.kind == "post"]
        full = f"{len(drafts)} drafts wait for `mynah review` already (review.most = {self._settings.most})"
        return full if len(drafts) >= self._settings.most else None


def waiting(store: Store, settings: ReviewSettings, now: datetime, *, dry: bool) -> list[Post]:
    """The oldest first."""
    return [post for post in store.posts_in("drafted", dry=dry) if not _is_late(post, settings, now)]


def expire(store: Store, settings: ReviewSettings, now: datetime, *, dry: bool) -> list[Post]:
    """Expire the drafts whose time has passed, and return them."""
    late = []
    for post in store.posts_in("drafted", dry=dry):
        with store.atomic():
            if _is_late(post, settings, now) and store.post(post.id).state == "drafted":
                store.move(post.id, "expired", at=now, note="nobody approved it in time")
                late.append(post)
    return late


def expires(post: Post, settings: ReviewSettings) -> datetime:
    return post.created_at + settings.expires


def verdicts(store: Store, post: int) -> list[dict[str, Any]]:
    """The reviews of a post, the oldest first."""
    return store.rows("SELECT verdict, text, because, at FROM review WHERE post = ? ORDER BY id", [post])


def approved_at(store: Store, post: int) -> datetime | None:
    """When a person approved the post; None if nobody has."""
    rows = store.rows("SELECT max(at) AS at FROM review WHERE post = ? AND verdict = 'approved'", [post])
    return moment(rows[0]["at"]) if rows[0]["at"] else None


def approve(store: Store, seen: Post, settings: ReviewSettings, now: datetime) -> None:
    """Approve the text that was seen; the running bot sends it."""
    expire(store, settings, now, dry=seen.dry)
    with store.atomic():
        post = _as_seen(store, seen, "drafted")
        _add(store, post, "approved", at=now)
        store.move(post.id, "approved", at=now)


def reject(store: Store, seen: Post, because: str, now: datetime) -> None:
    """Reject for good: the text counts as said. An approved post can be rejected until it is being sent."""
    with store.atomic():
        post = _as_seen(store, seen, "drafted", "approved")
        _add(store, post, "rejected", because=because, at=now)
        store.move(post.id, "rejected", at=now, note=because)


def edit(
    store: Store, seen: Post, text: str, screen: Screen, settings: ReviewSettings, now: datetime
) -> tuple[Reason, ...]:
    """Replace the text of a draft, which goes on waiting; or return the screen's reasons against the new text."""
    expire(store, settings, now, dry=seen.dry)
    with store.atomic():  # the screen queries the history: nothing may be added in between
        post = _as_seen(store, seen, "drafted")
        if text == post.text:
            return ()
        if reasons := screen.reasons(Draft(text, post.prompt, post.seed)):
            return reasons
        _add(store, post, "edited", at=now)
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


def _is_late(post: Post, settings: ReviewSettings, now: datetime) -> bool:
    """A draft dated in the future counts as late: the clock was set back, so its age is unknown."""
    return abs(now - post.created_at) > settings.expires


def _as_seen(store: Store, seen: Post, *states: str) -> Post:
    """The post as it is now, if it is still what the person saw."""
    post = store.post(seen.id)
    if post.state not in states:
        note = f" ({post.note})" if post.note else ""
        raise MynahError(
            f"post {post.id} is {post.state}{note}: only one that is {' or '.join(states)} can be reviewed"
        )
    if post.text != seen.text:
        raise MynahError(f"post {post.id} was edited meanwhile and now says {post.text!r}: review it again")
    return post


def _add(store: Store, post: Post, verdict: str, *, because: str = "", at: datetime) -> None:
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
