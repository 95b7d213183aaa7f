"""What X sends, as our values: raw JSON in, posts and accounts out.

X renamed its fields in August 2026 (tweet.fields became post.fields, and so on), and either spelling may come, so both
are read here. It knows no network.
"""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot.errors import TryLater
from bot.tweets import Receipt

if TYPE_CHECKING:
    from datetime import datetime

EPOCH_MS = 1_288_834_974_657  # milliseconds after 1970, where X's ids begin to count; 22 bits are below them


@dataclass(frozen=True, slots=True)
class Account:
    id: str
    handle: str
    name: str


def account(body: Any) -> Account:
    match body:
        case {"data": {"id": str(id_), "username": str(handle), "name": str(name)}} if is_id(id_):
            return Account(id_, handle, name)
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


def is_whole(body: Any) -> bool:
    """Whether a page is all that was asked for."""
    meta = body.get("meta")
    return isinstance(meta, dict) and not meta.get("next_token")


def id_at(moment: datetime) -> int:
    """The smallest id that a post of that moment can have: X's ids begin with the time."""
    return max(int(moment.timestamp() * 1000) - EPOCH_MS, 0) << 22


def is_id(value: Any) -> bool:
    return isinstance(value, str) and value.isascii() and value.isdecimal()


def _receipt(post: Any) -> Receipt:
    if not isinstance(post, dict) or not is_id(post.get("id")) or (text := _text(post)) is None:
        raise TryLater("X answered a timeline with a post without id or text: it can be tried again")
    return Receipt(post["id"], text)


def _text(post: dict[str, Any]) -> str | None:
    """The text as its author wrote it: X escapes & < > once and puts t.co in the place of links."""
    whole = post.get("note_tweet") or post.get("note_post") or post  # over 280 characters the text itself is cut
    if not isinstance(whole, dict) or not isinstance(whole.get("text"), str):
        return None
    text = html.unescape(whole["text"])
    entities = whole.get("entities")
    for link in _list(entities.get("urls") if isinstance(entities, dict) else None):
        match link:
            case {"url": str(short), "expanded_url": str(real)} if short:
                text = text.replace(short, real)
    return text


def _is_retweet(post: Any) -> bool:
    if not isinstance(post, dict):
        return False
    references = _list(post.get("referenced_tweets") or post.get("referenced_posts"))
    return any(reference.get("type") in ("retweeted", "reposted") for reference in references)


def _list(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
