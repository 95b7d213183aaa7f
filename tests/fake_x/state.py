"""The state of the fake X: users, posts, rate limits."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tests.fake_x import mentions
from tests.fake_x.money import Bank
from tests.fake_x.oauth import Secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

EPOCH_MS = 1_288_834_974_657  # the epoch of X's ids
DUPLICATE_WINDOW = timedelta(hours=12)
LIMIT_WINDOW = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class User:
    id: str
    handle: str
    name: str
    access_token: str
    secrets: Secrets
    access: str = "read-write"
    bio: str = "A bot. @stationmaster runs it."


@dataclass(frozen=True, slots=True)
class Post:
    id: str
    author_id: str
    text: str  # as its author wrote it
    at: datetime
    retweet_of: str | None = None
    quote_of: str | None = None
    reply_to: str | None = None
    conversation: str = ""  # the id of its first post; empty: this one
    prefix: str = ""  # the handles that X wrote before the text of a reply
    edits: tuple[str, ...] = ()  # the ids of its earlier versions


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of a rate limit, and until when."""

    limit: int
    left: int  # negative: this request exceeds the limit
    reset: int  # seconds since 1970


class DuplicateText(Exception):
    """The user has posted this text already."""


def newcomer() -> User:
    """A new user, whose four keys are not secret."""
    secrets = Secrets("fake-consumer-key", "fake-consumer-secret", "fake-access-token-secret")
    return User("1500000000000000001", "stationmynah", "Station Mynah", "1500000000000000001-fake", secrets)


class World:
    """A small X. Each public method is atomic."""

    def __init__(
        self,
        *users: User,
        now: Callable[[], datetime],
        refuses_duplicates: bool = True,
        lag: timedelta = timedelta(0),
    ) -> None:
        self.now = now
        self.lag = lag  # how long a post is missing from timelines
        self.refuses_duplicates = refuses_duplicates
        self.users = {user.id: user for user in users}
        self._posts: dict[str, Post] = {}
        self._nonces: set[tuple[str, str]] = set()
        self._used: dict[tuple[str, str], tuple[datetime, int]] = {}
        self._last_id = 0
        self.bank = Bank()
        self._lock = threading.RLock()

    @property
    def texts(self) -> list[str]:
        """The texts of all posts, oldest first."""
        with self._lock:
            return [post.text for post in self._posts.values()]

    def user_of(self, access_token: str) -> User | None:
        return next((user for user in self.users.values() if user.access_token == access_token), None)

    def is_new(self, access_token: str, nonce: str) -> bool:
        with self._lock:
            is_known = (access_token, nonce) in self._nonces
            self._nonces.add((access_token, nonce))
            return not is_known

    def create(
        self,
        author: User,
        text: str,
        *,
        retweet_of: str | None = None,
        quote_of: str | None = None,
        reply_to: str | None = None,
        without: Collection[str] = (),
    ) -> Post:
        """`without` are users to leave out of the prefix of a reply. `check_reply` decides who may reply."""
        with self._lock:
            target = self._posts[reply_to] if reply_to else None
            prefix = mentions.prefix(self, author, target, without) if target else ""
            since = self.now() - DUPLICATE_WINDOW
            own = (post for post in self._posts.values() if post.author_id == author.id and post.at > since)
            if self.refuses_duplicates and any(post.prefix + post.text == prefix + text for post in own):
                raise DuplicateText(text)
            conversation = (target.conversation or target.id) if target else ""
            post = Post(
                self._next_id(), author.id, text, self.now(), retweet_of, quote_of, reply_to, conversation, prefix
            )
            self._posts[post.id] = post
            return post

    def edit(self, post_id: str, text: str) -> Post:
        """An edited post is a new post, which lists the ids of its earlier versions."""
        with self._lock:
            before = self._posts.pop(post_id)
            after = replace(before, id=self._next_id(), text=text, edits=(*before.edits, before.id))
            self._posts[after.id] = after
            return after

    def visible(self) -> Iterator[Post]:
        """All posts, newest first, except those that timelines do not show yet."""
        with self._lock:
            posts, until = list(self._posts.values()), self.now() - self.lag
        return (post for post in reversed(posts) if post.at <= until)

    def post(self, post_id: str) -> Post | None:
        with self._lock:
            return self._posts.get(post_id)

    def delete(self, post_id: str) -> None:
        with self._lock:
            del self._posts[post_id]

    def posts_of(self, author_id: str) -> list[Post]:
        """Newest first."""
        with self._lock:
            return [post for post in reversed(self._posts.values()) if post.author_id == author_id]

    def timeline_of(self, author_id: str) -> list[Post]:
        """Newest first, except those that the timeline does not show yet."""
        return [post for post in self.posts_of(author_id) if post.at + self.lag <= self.now()]

    def take(self, user_id: str, route: str, limit: int) -> Allowance:
        """Count one request against the limit of its route."""
        with self._lock:
            start, used = self._used.get((user_id, route), (self.now(), 0))
            if self.now() >= start + LIMIT_WINDOW:
                start, used = self.now(), 0
            self._used[user_id, route] = (start, used + 1)
            return Allowance(limit, limit - used - 1, int((start + LIMIT_WINDOW).timestamp()))

    def _next_id(self) -> str:
        since_epoch = int(self.now().timestamp() * 1000) - EPOCH_MS
        self._last_id = max(since_epoch << 22, self._last_id + 1)  # 22 bits of machine and sequence below the time
        return str(self._last_id)
