"""The frozen values that pass between folders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

VERSION = "0.1.0"  # as in pyproject.toml and CHANGELOG.md
BY_HAND = "by hand"  # in place of the model's version, for a text that a person wrote


@dataclass(frozen=True, slots=True)
class Draft:
    """A text that the model generated. It starts with `prompt`; the same seed gives the same text."""

    text: str
    prompt: str = ""
    seed: int = 0
    likelihood: float = 0.0  # mean log-likelihood per token, in nats
    finished: bool = True  # False: cut off at the token limit, not ended by the model
    weakest: float | None = None  # the same mean of its least likely run of tokens; None if that was not measured


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a text may not be posted: a stable name to count, and a detail to read."""

    name: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What X returned for a post that it created."""

    id: str
    text: str
    reply_to: str | None = None  # the id of the post that it answers, if X gives it


@dataclass(frozen=True, slots=True)
class Timeline:
    """The newest posts of an account, newest first; `whole` if these are all since the id that was given."""

    posts: tuple[Receipt, ...]
    whole: bool


@dataclass(frozen=True, slots=True)
class Lookup:
    """When a post was last looked up in the timeline, and when it is looked up again."""

    at: datetime
    again: datetime


@dataclass(frozen=True, slots=True)
class Slot:
    """A time at which the bot may post; `key` is the same after every restart."""

    key: str
    due: datetime


@dataclass(frozen=True, slots=True)
class Post:
    """A row of the history. `cost` is in millionths of a dollar; times are UTC."""

    id: int
    kind: str
    dry: bool
    state: str
    slot: str | None
    reply_to: str | None
    text: str
    length: int
    prompt: str
    seed: int
    likelihood: float
    model: str
    x_id: str | None
    cost: int
    note: str
    created_at: datetime
    changed_at: datetime
    sent_at: datetime | None
    not_before: datetime | None


@dataclass(frozen=True, slots=True)
class Call:
    """A handle in a text: the position of the @, and the user, as X resolved it."""

    start: int
    user: str  # id; empty if X did not give it
    handle: str


@dataclass(frozen=True, slots=True)
class Wording:
    """A text of a post, with the handles in it; `own` is where the author's own words begin, None if X did not say."""

    text: str
    calls: tuple[Call, ...]
    own: int | None = None


@dataclass(frozen=True, slots=True)
class Mention:
    """A post that mentions the bot. Its text is untrusted input."""

    id: str
    author: str  # id; empty if X did not give it, and then there is no reply
    handle: str
    text: str
    wordings: tuple[Wording, ...]  # a long post has two
    conversation: str
    is_reply: bool  # True if X did not say
    is_repost: bool
    first: str  # the id of the post before all edits


@dataclass(frozen=True, slots=True)
class Mentions:
    """A page of mentions, the newest first; `token` leads to the next page, if there is one."""

    items: tuple[Mention, ...]
    token: str
