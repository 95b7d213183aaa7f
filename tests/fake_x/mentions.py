"""Mentions in the fake X: handles in texts, the prefix that X puts before a reply, and who may reply.

POST /2/tweets with `reply` fails as X does since February 2026 unless the author of the post that is replied to
mentions the replying account visibly, or quotes it.
"""

from __future__ import annotations

import re
from itertools import takewhile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from tests.fake_x.state import Post, User, World

HANDLE = re.compile(r"(?<![\w@])@(\w{1,15})(?!\w)", re.ASCII)
REACHABLE = 800  # posts: X returns no older mentions
NOT_SUMMONED = (
    "Reply to this conversation is not allowed because you have not been mentioned or otherwise engaged by the author"
    " of the post you are replying to."
)
NOT_SUMMONED_NEWER = "You can only reply to or quote posts where you are mentioned or are the author."
TARGET_GONE = "You attempted to reply to a Tweet that is deleted or not visible to you."


class NotSummoned(Exception):
    """The author of the target has not mentioned or quoted the user who replies."""


class TargetGone(Exception):
    """The post to reply to does not exist."""


def prefix(world: World, author: User, target: Post, excluded: Collection[str] = ()) -> str:
    """The handles that X writes before a reply: the author of the target, and the users whom it mentions."""
    recipients = dict.fromkeys([target.author_id, *(user.id for _, _, user in handles_in(world, target))])
    ids = [
        user_id
        for user_id in recipients
        if user_id != author.id and (user_id == target.author_id or user_id not in excluded)
    ]
    return "".join(f"@{world.users[user_id].handle} " for user_id in ids)


def handles_in(world: World, post: Post) -> Iterator[tuple[int, int, User]]:
    """The mentions of existing users in the whole text: start and end in characters, and the user."""
    users = {user.handle.casefold(): user for user in world.users.values()}
    for match in HANDLE.finditer(post.prefix + post.text):
        if user := users.get(match[1].casefold()):
            yield match.start(), match.end(), user


def summons(world: World, post: Post, user_id: str) -> bool:
    """Whether the post's own text mentions the user, or it quotes a post of the user."""
    quote = world.post(post.quote_of) if post.quote_of else None
    return bool(quote and quote.author_id == user_id) or any(
        user.id == user_id and start >= len(post.prefix) for start, _, user in handles_in(world, post)
    )


def check_reply(world: World, author: User, target_id: str) -> Post:
    """The post that may be replied to."""
    target = world.post(target_id)
    if target is None:
        raise TargetGone(target_id)
    if target.author_id != author.id and not summons(world, target, author.id):
        raise NotSummoned(target_id)
    return target


def mentions_of(world: World, user_id: str, since: int = 0) -> list[Post]:
    """Newest first: posts that mention the user, in the text or in a reply's prefix, or quote a post of the user."""
    newer = takewhile(lambda post: int(post.id) > since, world.visible())
    return [
        post
        for post in newer
        if post.author_id != user_id
        and (summons(world, post, user_id) or any(user.id == user_id for _, _, user in handles_in(world, post)))
    ][:REACHABLE]


def fields(world: World, post: Post, requested: frozenset[str], expanded: frozenset[str]) -> dict[str, Any]:
    """The requested fields of a post besides its text, under their old names."""
    values: dict[str, Any] = {}
    if "author_id" in requested | expanded:
        values["author_id"] = post.author_id
    if "conversation_id" in requested:
        values["conversation_id"] = post.conversation or post.id
    if "display_text_range" in requested:
        values["display_text_range"] = [len(post.prefix), len(post.prefix + post.text)]
    if post.reply_to and (target := world.post(post.reply_to)) and "in_reply_to_user_id" in requested | expanded:
        values["in_reply_to_user_id"] = target.author_id
    kinds = {"retweeted": post.retweet_of, "replied_to": post.reply_to, "quoted": post.quote_of}
    references = [{"type": kind, "id": other} for kind, other in kinds.items() if other]
    if references and "referenced_tweets" in requested:
        values["referenced_tweets"] = references
    return values


def entities(world: World, post: Post) -> list[dict[str, Any]]:
    return [
        {"start": start, "end": end, "username": user.handle, "id": user.id}
        for start, end, user in handles_in(world, post)
    ]


def users(world: World, posts: Collection[Post]) -> list[dict[str, str]]:
    """The authors, as includes.users has them."""
    ids = dict.fromkeys(post.author_id for post in posts)
    return [
        {"id": user.id, "username": user.handle, "name": user.name}
        for user in map(world.users.get, ids)
        if user is not None
    ]
