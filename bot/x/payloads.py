"""What X sends, as our values: raw JSON in, posts and accounts out.

X renamed its fields in August 2026 (tweet.fields became post.fields, and so on), and either spelling may come, so both
are read here. It knows no network.
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
LONGEST_ID = 19  # digits; X counts in 63 bits
NO_CHARACTER = re.compile(r"&#[0-9]{1000,};?")
EPOCH_MS = 1_288_834_974_657  # milliseconds after 1970, where X's ids begin to count; 22 bits are below them


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
    raise TryLater("X answered a question about an account without id, username and name: it can be tried again")


def created(body: Any, *, sent: str) -> Receipt:
    """The receipt of a new post, whose id alone proves that it exists."""
    data = body["data"]
    return Receipt(data["id"], _text(data) or sent)


def timeline(body: Any) -> tuple[Receipt, ...]:
    """The posts of a timeline without the retweets. One that cannot be read might be the one that is looked for."""
    posts = body.get("data", [])  # an empty timeline has none
    if not isinstance(posts, list):
        raise TryLater("X answered a timeline without a list of posts: it can be tried again")
    return tuple(_receipt(post) for post in posts if not _is_retweet(post))


def mentions(body: Any) -> Mentions:
    """A page of mentions. One without an id would be lost unseen; eligibility.py deals with those without an author."""
    posts, meta = body.get("data", []), body.get("meta")
    if not isinstance(posts, list) or not all(isinstance(post, dict) and is_id(post.get("id")) for post in posts):
        raise TryLater("X answered the mentions without a list of posts with ids: it can be tried again")
    includes = body.get("includes")
    users = _list(includes.get("users") if isinstance(includes, dict) else None)
    handles = {user["id"]: user.get("username") for user in users if is_id(user.get("id"))}
    token = meta.get("next_token") if isinstance(meta, dict) else None
    return Mentions(tuple(_mention(post, handles) for post in posts), token if isinstance(token, str) else "")


def is_whole(body: Any) -> bool:
    """Whether a page is all that was asked for."""
    meta = body.get("meta")
    return isinstance(meta, dict) and not meta.get("next_token")


def id_at(moment: datetime) -> int:
    """The smallest id that a post of that moment can have: X's ids begin with the time."""
    return max(int(moment.timestamp() * 1000) - EPOCH_MS, 0) << 22


def time_of(post_id: str) -> datetime:
    """When a post was made, by X's clock."""
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=(int(post_id) >> 22) + EPOCH_MS)


def is_id(value: Any) -> bool:
    return isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= LONGEST_ID


def _receipt(post: Any) -> Receipt:
    if not isinstance(post, dict) or not is_id(post.get("id")) or (text := _text(post)) is None:
        raise TryLater("X answered a timeline with a post without id or text: it can be tried again")
    answers = [other["id"] for other in _references(post, "replied_to") if is_id(other.get("id"))]
    return Receipt(post["id"], text, answers[0] if answers else None)


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
    """The text as X cut it, with the range that it shows, and the whole of a long one."""
    shown = post.get("display_text_range")
    own = shown[0] if isinstance(shown, list) and shown and isinstance(shown[0], int) else None
    whole = post.get("note_tweet") or post.get("note_post")
    found = [_wording(post, own)]
    return (*found, _wording(whole, None)) if isinstance(whole, dict) else tuple(found)


def _wording(post: dict[str, Any], own: int | None) -> Wording:
    entities = post.get("entities")
    calls = []
    for each in _list(entities.get("mentions") if isinstance(entities, dict) else None):
        match each:
            case {"start": int(start), "username": str(handle)}:
                calls.append(Call(start, each["id"] if is_id(each.get("id")) else "", handle))
    text = post.get("text")
    return Wording(_unescaped(text) if isinstance(text, str) else "", tuple(calls), own)


def _text(post: dict[str, Any]) -> str | None:
    """The text as its author wrote it: X escapes & < > once and puts t.co in the place of links."""
    whole = post.get("note_tweet") or post.get("note_post") or post  # over 280 characters the text itself is cut
    if not isinstance(whole, dict) or not isinstance(whole.get("text"), str):
        return None
    text = _unescaped(whole["text"])
    entities = whole.get("entities")
    for link in _list(entities.get("urls") if isinstance(entities, dict) else None):
        match link:
            case {"url": str(short), "expanded_url": str(real)} if short:
                text = text.replace(short, real)
    return text


def _is_retweet(post: Any) -> bool:
    if not isinstance(post, dict):
        return False
    return bool(_references(post, "retweeted", "reposted"))


def _references(post: dict[str, Any], *kinds: str) -> list[dict[str, Any]]:
    references = _list(post.get("referenced_tweets") or post.get("referenced_posts"))
    return [reference for reference in references if reference.get("type") in kinds]


def _unescaped(text: str) -> str:
    """Python gives up over a character's number of thousands of digits, which is no character."""
    return html.unescape(NO_CHARACTER.sub("\ufffd", text))


def _well_formed(text: str) -> str:
    """Half a pair of surrogates, which JSON may hold, is no letter."""
    return text.encode(errors="replace").decode()


def _list(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
