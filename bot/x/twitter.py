"""Talking to X: its calls, through tweepy and over our own wire. Alone imports tweepy.

It repeats nothing and waits for no limit. What an answer means is in responses.py; what follows from it is the caller's
business.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import requests
import tweepy

from bot.values import Timeline
from bot.x.payloads import Account, account, created, is_whole, mentions, timeline
from bot.x.responses import Answer, why_not
from bot.x.wire import TIMEOUT, WITHIN, Wire

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime
    from typing import Protocol, Self

    from bot.values import Mentions, Receipt

    class Identity(Protocol):
        """Who we are to X: four keys, or a token that is renewed."""

        @property
        def hide(self) -> tuple[str, ...]: ...

        def sign(self, wire: Wire, /) -> Callable[[Any], Any]: ...

        def distrust(self) -> None: ...


FEWEST, MOST = 5, 100  # what X takes as max_results
UNAUTHORIZED = 401
OF_MENTIONS = [
    "author_id",
    "conversation_id",
    "display_text_range",
    "entities",
    "note_tweet",
    "referenced_tweets",
]
TO_LEARN = ["created_at", "lang", "note_tweet", "referenced_tweets", "in_reply_to_user_id"]


class X:
    """One account of X, spoken to through its API."""

    def __init__(
        self,
        keys: Identity,
        *,
        now: Callable[[], datetime],
        base_url: str = "https://api.x.com",
        timeout: tuple[float, float] = TIMEOUT,
        within: float = WITHIN,
    ) -> None:
        self._wire = Wire(base_url, timeout=timeout, within=within)
        self._client = _Client(keys, self._wire, now=now)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._wire.close()

    @property
    def headers(self) -> Mapping[str, str]:
        """The last answer's headers, names in lower case: x-rate-limit-…, x-access-level."""
        return self._client.headers

    @property
    def access_level(self) -> str | None:
        """What the keys may do, as X said last: `read` or `read-write`."""
        return self.headers.get("x-access-level")

    def post(self, text: str, *, reply_to: str | None = None, without: Sequence[str] = ()) -> Receipt:
        """Create a post. After Unknown, and after Duplicate too, it may exist: never just call again.

        X puts the handles of those who are answered before a reply; `without` are users whom it leaves out.
        """
        body = self._client.create_tweet(
            text=text, in_reply_to_tweet_id=reply_to, exclude_reply_user_ids=list(without) or None
        )
        return created(body, sent=text)

    def me(self) -> Account:
        """Whose keys these are. X bills it as a read of a user."""
        return account(self._client.get_me(user_fields=["description"]))

    def find(self, handle: str) -> Account:
        """The account of that name. Billed as a read of a user too."""
        return account(self._client.get_user(username=handle, user_auth=True))

    def own_posts(self, account_id: str, *, since_id: str | None = None, limit: int = 5) -> Timeline:
        """The newest posts first, without retweets. `since_id` itself is not among them."""
        body = self._client.get_users_tweets(
            account_id,
            exclude="retweets",
            since_id=since_id,
            max_results=min(max(limit, FEWEST), MOST),
            tweet_fields=["created_at", "entities", "note_tweet", "referenced_tweets"],
            user_auth=True,
        )
        posts = timeline(body)
        return Timeline(posts[:limit], whole=is_whole(body) and len(posts) <= limit)

    def mentions(
        self, account_id: str, *, since_id: str = "", until_id: str = "", token: str = "", limit: int = MOST
    ) -> Mentions:
        """Up to `limit` posts that name the account, the newest first, neither id among them: each is billed."""
        body = self._client.get_users_mentions(
            account_id,
            since_id=since_id or None,
            until_id=until_id or None,
            pagination_token=token or None,
            max_results=min(max(limit, FEWEST), MOST),
            tweet_fields=OF_MENTIONS,
            expansions=["author_id"],  # brings the names, and since August 2026 author_id itself
            user_auth=True,
        )
        return mentions(body)

    def page(
        self, account_id: str, *, since_id: str = "", until_id: str = "", token: str = "", limit: int = MOST
    ) -> dict[str, Any]:
        """Up to `limit` posts of anybody, the newest first, without retweets, as X gave them: each is billed."""
        body: dict[str, Any] = self._client.get_users_tweets(
            account_id,
            exclude="retweets",
            since_id=since_id or None,
            until_id=until_id or None,
            pagination_token=token or None,
            max_results=min(max(limit, FEWEST), MOST),
            tweet_fields=TO_LEARN,
            user_auth=True,
        )
        return body

    def delete(self, post_id: str) -> None:
        self._client.delete_tweet(post_id)


class _Client(tweepy.Client):  # type: ignore[misc]  # tweepy has no types
    """tweepy's calls over our own request(): tweepy's has a fixed host, no timeout, and errors that lose the answer."""

    def __init__(self, keys: Identity, wire: Wire, *, now: Callable[[], datetime]) -> None:
        # requests.Response here means: give back whatever request() returns, as it is. The keys stay out of tweepy.
        super().__init__(return_type=requests.Response, wait_on_rate_limit=False)
        self.headers: Mapping[str, str] = {}
        self._keys = keys
        self._wire = wire
        self._now = now

    def request(
        self,
        method: str,
        route: str,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        user_auth: bool = True,  # noqa: ARG002  tweepy passes it; there is no other kind here
    ) -> dict[str, Any]:
        """One request, one answer: its parsed body, or one error of ours."""
        sign = self._keys.sign(self._wire)
        reply = self._wire.ask(method, route, sign=sign, params=params, json=json, hide=self._keys.hide)
        self.headers = reply.headers
        answer = Answer(reply.status, reply.headers, reply.parsed())
        if refusal := why_not(answer, method=method, path=route, now=self._now()):
            if reply.status == UNAUTHORIZED:
                self._keys.distrust()
            raise refusal
        body: dict[str, Any] = answer.body
        return body
