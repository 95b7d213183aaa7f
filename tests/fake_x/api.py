"""The routes of the fake X: a request in, a status with headers and JSON out, as from api.x.com."""

from __future__ import annotations

import hashlib
import html
import json
import re
from typing import TYPE_CHECKING, Any

from tests.fake_x import length, mentions, oauth
from tests.fake_x.signin import SignIn
from tests.fake_x.state import DuplicateText
from tests.fake_x.wire import Problem, Reply

if TYPE_CHECKING:
    from tests.fake_x.state import Allowance, Post, User, World
    from tests.fake_x.wire import Request

LINK = re.compile(r"https?://\S+")
CASHTAG = re.compile(r"(?<!\S)\$[A-Za-z]{1,6}\b")
LONGEST = 280
OLDEST_POST = 3_200  # posts: X has no older ones in a timeline
# The names since August 2026; requests may still use the old ones.
RENAMED = {
    "edit_history_tweet_ids": "edit_history_post_ids",
    "note_tweet": "note_post",
    "referenced_tweets": "referenced_posts",
}


class Api:
    def __init__(self, world: World, *, new_dialect: bool = False) -> None:
        self.world = world
        self.new_dialect = new_dialect
        self.signin = SignIn(world)
        self._only_expanded = frozenset({"author_id", "in_reply_to_user_id"} if new_dialect else ())

    def answer(self, request: Request) -> Reply:
        if page := self.signin.answer(request):
            return page
        headers: dict[str, str] = {}
        try:
            user = self._user(request)
            headers["x-access-level"] = user.access
            if not self.world.bank.covers(request, user.id):
                raise _no_credits(user)
            reply = self._route(request, user, headers)
            self.world.bank.bill(request, user.id, reply, self.world.now())
        except Problem as problem:
            reply = problem.reply
        return Reply(reply.status, reply.body, headers)

    def _user(self, request: Request) -> User:
        """The user who signed the request, or whose bearer token it has; any fault is the same 401, as from X."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme == "Bearer":
            if user := self.signin.bearer(token):
                return user
            raise Problem(401, "Unauthorized", "Unauthorized")
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
            ("GET", r"/2/users/(\d+)/mentions", 300, self._mentions),
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
        if length.weighted(body["text"]) > LONGEST:
            raise Problem(403, "Forbidden", "Your Tweet text is too long.")
        if len(CASHTAG.findall(body["text"])) > 1:
            raise Problem(403, "Forbidden", "You are not allowed to post more than one cashtag.")
        reply = body.get("reply") or {}
        target, excluded = reply.get("in_reply_to_tweet_id"), reply.get("exclude_reply_user_ids", ())
        try:
            if target:
                mentions.check_reply(self.world, user, target)
            post = self.world.create(user, body["text"], reply_to=target, without=excluded)
        except mentions.NotSummoned as error:
            raise Problem(403, "Forbidden", mentions.NOT_SUMMONED) from error
        except mentions.TargetGone as error:
            raise Problem(403, "Forbidden", mentions.TARGET_GONE) from error
        except DuplicateText as error:
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
        about = {"id": user.id, "username": user.handle, "name": user.name}
        if "description" in request.query.get("user.fields", "").split(","):
            about["description"] = _escaped(user.bio)
        return Reply(200, {"data": about})

    def _by_name(self, request: Request, user: User, handle: str) -> Reply:
        for match in self.world.users.values():
            if match.handle.lower() == handle.lower():
                return self._me(request, match)
        problem = {
            "title": "Not Found Error",
            "detail": f"Could not find user with username: [{handle}].",
            "type": "https://api.twitter.com/2/problems/resource-not-found",
            "resource_type": "user",
            "value": handle,
        }
        return Reply(200, {"errors": [problem]})

    def _timeline(self, request: Request, user: User, author_id: str) -> Reply:
        return self._page(request, self.world.timeline_of(author_id)[:OLDEST_POST])

    def _mentions(self, request: Request, user: User, user_id: str) -> Reply:
        since_id = request.query.get("since_id", "0")
        since = int(since_id) if since_id.isdecimal() else 0
        return self._page(request, mentions.mentions_of(self.world, user_id, since))

    def _page(self, request: Request, available: list[Post]) -> Reply:
        query = request.query
        limit, since, until = query.get("max_results", "10"), query.get("since_id", "0"), query.get("until_id", "0")
        token = query.get("pagination_token", "b0").removeprefix("b")  # the number of posts on the pages before it
        if not (all(map(str.isdecimal, (limit, since, until, token))) and 5 <= int(limit) <= 100):
            raise Problem(400, "Invalid Request", "One or more parameters to your request was invalid.")
        matches = [post for post in available if int(since) < int(post.id) < (int(until) or int(post.id) + 1)]
        end = int(token) + int(limit)
        posts = matches[int(token) : end]  # X filters after paging: a page may be short or empty
        if "retweets" in query.get("exclude", "").split(","):
            posts = [post for post in posts if post.retweet_of is None]
        meta: dict[str, Any] = {"result_count": len(posts)}
        if end < len(matches):
            meta["next_token"] = f"b{end}"
        if not posts:
            return Reply(200, {"meta": meta})
        requested = frozenset((query.get("tweet.fields") or query.get("post.fields") or "").split(","))
        expanded = frozenset(query.get("expansions", "").split(","))
        meta |= {"newest_id": posts[0].id, "oldest_id": posts[-1].id}
        body: dict[str, Any] = {"data": [self._post(post, requested, expanded) for post in posts], "meta": meta}
        if "author_id" in expanded:
            body["includes"] = {"users": mentions.users(self.world, posts)}
        return Reply(200, body)

    def _post(self, post: Post, requested: frozenset[str], expanded: frozenset[str] = frozenset()) -> dict[str, Any]:
        """A post as JSON, with the requested optional fields, in one dialect or the other."""
        short, links = _shortened(post.prefix + post.text)
        text = short if len(short) <= LONGEST else f"{short[: LONGEST - 1]}…"
        history = [*post.edits, post.id]
        fields: dict[str, Any] = {"id": post.id, "text": _escaped(text), "edit_history_tweet_ids": history}
        requested = requested | {old for old, new in RENAMED.items() if new in requested}
        if "created_at" in requested:
            fields["created_at"] = post.at.strftime("%Y-%m-%dT%H:%M:%S.000Z")
        mentioned = mentions.entities(self.world, post)
        entities = {name: items for name, items in (("urls", links), ("mentions", mentioned)) if items}
        if "entities" in requested and entities:
            fields["entities"] = entities
        if "note_tweet" in requested and text != short:
            fields["note_tweet"] = {"text": _escaped(short), "entities": entities}
        # In the new dialect the ids of other users are only expansions.
        fields |= mentions.fields(self.world, post, requested - self._only_expanded, expanded)
        if self.new_dialect:
            return {RENAMED.get(name, name): value for name, value in fields.items()}
        return fields


def _no_credits(user: User) -> Problem:
    detail = f"Your enrolled account [{user.id}] does not have any credits to fulfill this request."
    return Problem(402, "CreditsDepleted", detail, "https://api.twitter.com/2/problems/credits")


def _may_write(user: User) -> None:
    if user.access != "read-write":
        detail = "Your client app is not configured with the appropriate oauth1 app permissions for this endpoint."
        raise Problem(403, "Forbidden", detail, "https://api.twitter.com/2/problems/oauth1-permissions")


def _shortened(text: str) -> tuple[str, list[dict[str, Any]]]:
    """The text with each link replaced by a t.co link, and the links."""
    links: list[dict[str, Any]] = []
    output, position = "", 0
    for match in LINK.finditer(text):
        short = f"https://t.co/{hashlib.sha256(match[0].encode()).hexdigest()[:10]}"
        output += text[position : match.start()] + short
        position = match.end()
        span = {"start": len(output) - len(short), "end": len(output)}
        display = match[0].partition("//")[2][:30]
        links.append({**span, "url": short, "expanded_url": match[0], "display_url": display})
    return output + text[position:], links


def _escaped(text: str) -> str:
    return html.escape(text, quote=False)
