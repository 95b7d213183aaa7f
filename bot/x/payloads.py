"""Parses X's JSON into posts, mentions and accounts.

X renamed its fields in August 2026 (tweet.fields became post.fields, and so on). Either spelling may come, so both are
read.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from bot.errors import TryLater
from bot.values import Call, Mention, Mentions, Receipt, Wording

if TYPE_CHECKING:
    from collections.abc import Mapping

HANDLE = re.compile(r"\w{1,20}", re.ASCII)
GREATEST_ID = 2**63 - 1  # X's ids have 63 bits, and so have SQLite's integers
NOT_A_CHARACTER = re.compile(r"&#[0-9]{1000,};?")
EPOCH_MS = 1_288_834_974_657  # milliseconds after 1970 at which X's ids start; the lower 22 bits are not time


@dataclass(frozen=True, slots=True)
class Account:
    id: str
    handle: str
    name: str
    bio: str = ""


def account(body: Any) -> Account:
    match body:
        case {"data": {"id": str(id_), "username": str(handle), "name": str(name)}} if is_id(id_):
            bio = body["data"].get("description")
            return Account(id_, handle, _well_formed(name), _unescaped(bio) if isinstance(bio, str) else "")
    raise TryLater("X sent an account without id, username and name: it can be tried again")


def created(body: Any, *, sent: str) -> Receipt:
    """The receipt of a new post; the id alone proves that it exists."""
    data = body["data"]
    return Receipt(data["id"], _text(data) or sent)


def timeline(body: Any) -> tuple[Receipt, ...]:
    """The posts of a timeline without retweets. Raises if one cannot be read: it might be the one that is searched."""
    posts = body.get("data", [])  # missing in an empty timeline
    if not isinstance(posts, list):
        raise TryLater("X sent a timeline without a list of posts: it can be tried again")
    return tuple(_receipt(post) for post in posts if not _is_retweet(post))


def mentions(body: Any) -> Mentions:
    """A page of mentions. Raises for one without an id, which would be lost; eligibility.py handles missing authors."""
    posts, meta = body.get("data", []), body.get("meta")
    if not isinstance(posts, list) or not all(isinstance(post, dict) and is_id(post.get("id")) for post in posts):
        raise TryLater("X sent mentions without a list of posts with ids: it can be tried again")
    includes = body.get("includes")
    users = _list(includes.get("users") if isinstance(includes, dict) else None)
    handles = {user["id"]: user.get("username") for user in users if is_id(user.get("id"))}
    token = meta.get("next_token") if isinstance(meta, dict) else None
    return Mentions(tuple(_mention(post, handles) for post in posts), token if isinstance(token, str) else "")


def is_whole(body: Any) -> bool:
    """Whether the page is the last one."""
    meta = body.get("meta")
    return isinstance(meta, dict) and not meta.get("next_token")


def id_at(moment: datetime) -> int:
    """The smallest id that a post made at that moment can have: X's ids start with the time, until July 2080."""
    return min(max(int(moment.timestamp() * 1000) - EPOCH_MS, 0) << 22, GREATEST_ID)


def time_of(post_id: str) -> datetime:
    """When a post was made, by X's clock."""
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=(int(post_id) >> 22) + EPOCH_MS)


def is_id(value: Any) -> bool:
    return (
        isinstance(value, str)
        and value.isascii()
        and value.isdecimal()
        and len(value) <= 19
        and int(value) <= GREATEST_ID
    )


def _receipt(post: Any) -> Receipt:
    if not isinstance(post, dict) or not is_id(post.get("id")) or (text := _text(post)) is None:
        raise TryLater("X sent a timeline with a post without id or text: it can be tried again")
    parents = [other["id"] for other in _references(post, "replied_to") if is_id(other.get("id"))]
    return Receipt(post["id"], text, parents[0] if parents else None)


def _mention(post: dict[str, Any], handles: Mapping[str, Any]) -> Mention:
    author = post["author_id"] if is_id(post.get("author_id")) else ""
    conversation = post["conversation_id"] if is_id(post.get("conversation_id")) else ""
    edits = post.get("edit_history_tweet_ids") or post.get("edit_history_post_ids")
    first = edits[0] if isinstance(edits, list) and edits and is_id(edits[0]) else post["id"]
    handle = str(handles.get(author) or "")
    text = _text(post) or ""
    return Mention(
        id=post["id"],
        author=author,
        handle=handle if HANDLE.fullmatch(handle) else "",
        text=_well_formed(text),
        wordings=_wordings(post),
        conversation=conversation or post["id"],
        is_reply=conversation not in (post["id"], first),
        is_repost=_is_retweet(post) or text.startswith("RT @"),
        first=first,
    )


def _wordings(post: dict[str, Any]) -> tuple[Wording, ...]:
    """The text, which X cuts, with the start of the range that it displays; then the whole text of a long post."""
    display = post.get("display_text_range")
    start = display[0] if isinstance(display, list) and display and isinstance(display[0], int) else None
    note = post.get("note_tweet") or post.get("note_post")
    first = _wording(post, start)
    return (first, _wording(note, None)) if isinstance(note, dict) else (first,)


def _wording(post: dict[str, Any], display_start: int | None) -> Wording:
    entities = post.get("entities")
    calls = []
    for each in _list(entities.get("mentions") if isinstance(entities, dict) else None):
        match each:
            case {"start": int(start), "username": str(handle)}:
                calls.append(Call(start, each["id"] if is_id(each.get("id")) else "", handle))
    text = post.get("text")
    return Wording(_unescaped(text) if isinstance(text, str) else "", tuple(calls), display_start)


def _text(post: dict[str, Any]) -> str | None:
    """The text as its author wrote it: X escapes & < > once and replaces links by t.co."""
    whole = post.get("note_tweet") or post.get("note_post") or post  # `text` is cut after 280 characters
    if not isinstance(whole, dict) or not isinstance(whole.get("text"), str):
        return None
    text = _unescaped(whole["text"])
    entities = whole.get("entities")
    for link in _list(entities.get("urls") if isinstance(entities, dict) else None):
        match link:
            case {"url": str(short), "expanded_url": str(expanded)} if short:
                text = text.replace(short, expanded)
    return text


def _is_retweet(post: Any) -> bool:
    if not isinstance(post, dict):
        return False
    return bool(_references(post, "retweeted", "reposted"))


def _references(post: dict[str, Any], *kinds: str) -> list[dict[str, Any]]:
    references = _list(post.get("referenced_tweets") or post.get("referenced_posts"))
    return [reference for reference in references if reference.get("type") in kinds]


def _unescaped(text: str) -> str:
    """Unescape HTML. A reference with thousands of digits becomes U+FFFD, since html.unescape would raise."""
    return html.unescape(NOT_A_CHARACTER.sub("\ufffd", text))


def _well_formed(text: str) -> str:
    """Replace lone surrogates, which JSON may contain, by "?"."""
    return text.encode(errors="replace").decode()


def _list(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
