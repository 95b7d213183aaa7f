"""The frozen values that the others pass around. They know how to be, not how to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

VERSION = "0.1.0"  # as in pyproject.toml and CHANGELOG.md


@dataclass(frozen=True, slots=True)
class Draft:
    """What the voice proposes: `text` starts with `prompt`; the same seed gives the same text."""

    text: str
    prompt: str = ""
    seed: int = 0
    likelihood: float = 0.0  # mean log-likelihood per token, in nats; nearer to 0 is likelier
    finished: bool = True  # False: cut off at the token limit, not ended by the model


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a text may not go out: a stable name to count, and a detail to read."""

    name: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What X gave back for a post that it created."""

    id: str
    text: str
    reply_to: str | None = None  # what it answers, where X says so


@dataclass(frozen=True, slots=True)
class Timeline:
    """The newest posts of an account, newest first; `whole`: there are no others after the one that was asked from."""

    posts: tuple[Receipt, ...]
    whole: bool


@dataclass(frozen=True, slots=True)
class Look:
    """When a post was looked for, and when it is again."""

    at: datetime
    again: datetime


@dataclass(frozen=True, slots=True)
class Slot:
    """One moment when the bot may speak; `key` is the same after every restart."""

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
    """Where a text names somebody: the character at which the @ stands, and whom, as X knows them."""

    start: int
    user: str  # id; empty where X did not say
    handle: str


@dataclass(frozen=True, slots=True)
class Wording:
    """A text as X shows it, and as it sent it: `own` is where the author's own words begin, None if X did not say."""

    text: str
    calls: tuple[Call, ...]
    own: int | None = None


@dataclass(frozen=True, slots=True)
class Mention:
    """A post of somebody that names us. What it says is a stranger's words, and nothing else."""

    id: str
    author: str  # id; empty where X did not say, and then nobody can be answered
    handle: str
    text: str
    wordings: tuple[Wording, ...]  # a long post has two
    conversation: str
    is_reply: bool  # where X does not say so, it is taken for one
    is_repost: bool
    first: str  # the id before all edits


@dataclass(frozen=True, slots=True)
class Mentions:
    """A page of them, the newest first; `token` leads to the next page, if there is one."""

    found: tuple[Mention, ...]
    token: str
