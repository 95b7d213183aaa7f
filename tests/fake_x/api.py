"""The routes of the fake X: a request in, a status with headers and JSON out, as api.x.com would give it.

It knows no sockets and no faults.
"""

from __future__ import annotations

import hashlib
import html
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from tests.fake_x import oauth
from tests.fake_x.state import Said

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.fake_x.state import Allowance, Post, User, World

LINK = re.compile(r"https?://\S+")
LONGEST = 280
FARTHEST = 3_200  # posts: X shows no older ones in a timeline
# The new names of August 2026; the old ones are still understood in requests.
RENAMED = {
    "edit_history_tweet_ids": "edit_history_post_ids",
    "note_tweet": "note_post",
    "referenced_tweets": "referenced_posts",
}


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    target: str  # path and query
    headers: Mapping[str, str]  # names in lower case
    body: bytes
    base_url: str  # as the caller named the server, since that is what the caller signed

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return {name: values[-1] for name, values in parse_qs(urlsplit(self.target).query).items()}


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)


class Problem(Exception):
    def __init__(self, status: int, title: str, detail: str, type_: str = "about:blank") -> None:
        super().__init__(detail)
        self.reply = Reply(status, {"title": title, "detail": detail, "type": type_, "status": status})


class Api:
    def __init__(self, world: World, *, new_dialect: bool = False) -> None:
        self.world = world
        self.new_dialect = new_dialect

    def answer(self, request: Request) -> Reply:
        headers: dict[str, str] = {}
        try:
            user = self._user(request)
            headers["x-access-level"] = user.access
            reply = self._route(request, user, headers)
        except Problem as problem:
            reply = problem.reply
        return Reply(reply.status, reply.body, headers)

    def _user(self, request: Request) -> User:
        """Who signed it; everything that is wrong with a signature is the same 401, as X has it."""
        is_form = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
        try:
            token, nonce = oauth.signed_by(
                request.method,
                request.base_url + request.target,
                request.headers.get("authorization", ""),
                request.body.decode() if is_form else "",
                self._secrets_of,
            )
        except oauth.BadSignature as error:
            raise Problem(401, "Unauthorized", "Unauthorized") from error
        user = self.world.user_of(token)
        if user is None or not self.world.is_new(token, nonce):
            raise Problem(401, "Unauthorized", "Unauthorized")
        return user

    def _secrets_of(self, token: str) -> oauth.Secrets | None:
        user = self.world.user_of(token)
        return user.secrets if user else None

    def _route(self, request: Request, user: User, headers: dict[str, str]) -> Reply:
        for method, pattern, limit, handle in (
            ("POST", r"/2/tweets", 100, self._create),
            ("DELETE", r"/2/tweets/(\d+)", 50, self._delete),
            ("GET", r"/2/users/me", 75, self._me),
            ("GET", r"/2/users/by/username/(\w+)", 300, self._by_name),
            ("GET", r"/2/users/(\d+)/tweets", 900, self._timeline),
        ):
            match = re.fullmatch(pattern, request.path)
            if match and request.method == method:
                self._take(self.world.take(user.id, f"{method} {pattern}", limit), headers)
                return handle(request, user, *match.groups())
        raise Problem(404, "Not Found", "Not Found")

    def _take(self, allowance: Allowance, headers: dict[str, str]) -> None:
        headers["x-rate-limit-limit"] = str(allowance.limit)
        headers["x-rate-limit-remaining"] = str(max(allowance.left, 0))
        headers["x-rate-limit-reset"] = str(allowance.reset)
        if allowance.left < 0:
            raise Problem(429, "Too Many Requests", "Too Many Requests")

    def _create(self, request: Request, user: User) -> Reply:
        _may_write(user)
        try:
            body = json.loads(request.body)
        except ValueError:
            body = None
        if not isinstance(body, dict) or not isinstance(body.get("text"), str) or not body["text"].strip():
            raise Problem(400, "Invalid Request", "One or more parameters to your request was invalid.")
        try:
            post = self.world.create(user, body["text"])
        except Said as error:
            detail = "You are not allowed to create a Tweet with duplicate content."
            raise Problem(403, "Forbidden", detail) from error
        return Reply(201, {"data": self._post(post, frozenset())})

    def _delete(self, request: Request, user: User, post_id: str) -> Reply:
        _may_write(user)
        post = self.world.post(post_id)
        if post is None:
            raise Problem(404, "Not Found", "Not Found")
        if post.author_id != user.id:
            raise Problem(403, "Forbidden", "You are not permitted to perform this action.")
        self.world.delete(post_id)
        return Reply(200, {"data": {"deleted": True}})

    def _me(self, request: Request, user: User) -> Reply:
        return Reply(200, {"data": {"id": user.id, "username": user.handle, "name": user.name}})

    def _by_name(self, request: Request, user: User, handle: str) -> Reply:
        for found in self.world.users.values():
            if found.handle.lower() == handle.lower():
                return self._me(request, found)
        problem = {
            "title": "Not Found Error",
            "detail": f"Could not find user with username: [{handle}].",
            "type": "https://api.twitter.com/2/problems/resource-not-found",
            "resource_type": "user",
            "value": handle,
        }
        return Reply(200, {"errors": [problem]})

    def _timeline(self, request: Request, user: User, author_id: str) -> Reply:
        query = request.query
        limit, since, until = query.get("max_results", "10"), query.get("since_id", "0"), query.get("until_id", "0")
        token = query.get("pagination_token", "b0").removeprefix("b")  # how many posts the pages before it went through
        if not (all(map(str.isdecimal, (limit, since, until, token))) and 5 <= int(limit) <= 100):
            raise Problem(400, "Invalid Request", "One or more parameters to your request was invalid.")
        reachable = self.world.timeline_of(author_id)[:FARTHEST]
        found = [post for post in reachable if int(since) < int(post.id) < (int(until) or int(post.id) + 1)]
        end = int(token) + int(limit)
        posts = found[int(token) : end]  # a page is cut first and sifted then: it may be short, or empty
        if "retweets" in query.get("exclude", "").split(","):
            posts = [post for post in posts if post.retweet_of is None]
        meta: dict[str, Any] = {"result_count": len(posts)}
        if end < len(found):
            meta["next_token"] = f"b{end}"
        if not posts:
            return Reply(200, {"meta": meta})
        asked = frozenset((query.get("tweet.fields") or query.get("post.fields") or "").split(","))
        meta |= {"newest_id": posts[0].id, "oldest_id": posts[-1].id}
        return Reply(200, {"data": [self._post(post, asked) for post in posts], "meta": meta})

    def _post(self, post: Post, asked: frozenset[str]) -> dict[str, Any]:
        """A post on the wire; of the optional fields only what was asked for, in one dialect or the other."""
        short, links = _shortened(post.text)
        cut = short if len(short) <= LONGEST else f"{short[: LONGEST - 1]}…"
        fields: dict[str, Any] = {"id": post.id, "text": _escaped(cut), "edit_history_tweet_ids": [post.id]}
        asked = asked | {old for old, new in RENAMED.items() if new in asked}
        if "created_at" in asked:
            fields["created_at"] = post.at.strftime("%Y-%m-%dT%H:%M:%S.000Z")
        if "entities" in asked and links:
            fields["entities"] = {"urls": links}
        if "note_tweet" in asked and cut != short:
            fields["note_tweet"] = {"text": _escaped(short), "entities": {"urls": links}}
        if "referenced_tweets" in asked and post.retweet_of:
            fields["referenced_tweets"] = [{"type": "retweeted", "id": post.retweet_of}]
        if self.new_dialect:
            return {RENAMED.get(name, name): value for name, value in fields.items()}
        return fields


def _may_write(user: User) -> None:
    if user.access != "read-write":
        detail = "Your client app is not configured with the appropriate oauth1 app permissions for this endpoint."
        raise Problem(403, "Forbidden", detail, "https://api.twitter.com/2/problems/oauth1-permissions")


def _shortened(text: str) -> tuple[str, list[dict[str, Any]]]:
    """The text with t.co in the place of every link, and the links."""
    links: list[dict[str, Any]] = []

    def shorten(found: re.Match[str]) -> str:
        short = f"https://t.co/{hashlib.sha256(found[0].encode()).hexdigest()[:10]}"
        links.append({"url": short, "expanded_url": found[0], "display_url": found[0].partition("//")[2][:30]})
        return short

    return LINK.sub(shorten, text), links


def _escaped(text: str) -> str:
    return html.escape(text, quote=False)
