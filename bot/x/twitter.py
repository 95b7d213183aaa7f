"""The calls of X's API, through tweepy and over our own connection (wire.py). The only file that imports tweepy.

It retries nothing and does not wait for rate limits: responses.py turns each answer into an error, and the caller acts
on it.
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
        """Credentials for X: four keys, or a token that is renewed."""

        @property
        def hide(self) -> tuple[str, ...]: ...

        def sign(self, wire: Wire, /) -> Callable[[Any], Any]: ...

        def distrust(self) -> None: ...


FEWEST, MOST = 5, 100  # X's bounds of max_results
UNAUTHORIZED = 401
OF_MENTIONS = [
    "author_id",
    "conversation_id",
    "display_text_range",
    "entities",
    "note_tweet",
    "referenced_tweets",
]
TO_TRAIN_ON = ["created_at", "lang", "note_tweet", "referenced_tweets", "in_reply_to_user_id"]


class X:
    """X's API, as one account."""

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
        """What the keys may do, by X's last answer: `read` or `read-write`."""
        return self.headers.get("x-access-level")

    def post(self, text: str, *, reply_to: str | None = None, without: Sequence[str] = ()) -> Receipt:
        """Create a post. After Unknown or Duplicate it may exist: do not simply call again.

        X prepends the handles of the users that a reply answers; `without` are users to leave out.
        """
        body = self._client.create_tweet(
            text=text, in_reply_to_tweet_id=reply_to, exclude_reply_user_ids=list(without) or None
        )
        return created(body, sent=text)

    def me(self) -> Account:
        """The account of the keys. X bills it as a read of a user."""
        return account(self._client.get_me(user_fields=["description"]))

    def find(self, handle: str) -> Account:
        """The account with that handle. X bills it as a read of a user."""
        return account(self._client.get_user(username=handle, user_auth=True))

    def own_posts(self, account_id: str, *, since_id: str | None = None, limit: int = 5) -> Timeline:
        """Posts after `since_id`, without retweets, newest first."""
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
        """Up to `limit` posts that mention the account, between the two ids, newest first. X bills each."""
        body = self._client.get_users_mentions(
            account_id,
            since_id=since_id or None,
            until_id=until_id or None,
            pagination_token=token or None,
            max_results=min(max(limit, FEWEST), MOST),
            tweet_fields=OF_MENTIONS,
            expansions=["author_id"],  # gives the handles, and since August 2026 author_id itself
            user_auth=True,
        )
        return mentions(body)

    def page(
        self, account_id: str, *, since_id: str = "", until_id: str = "", token: str = "", limit: int = MOST
    ) -> dict[str, Any]:
        """X's raw JSON for up to `limit` posts of any account, without retweets, newest first. X bills each."""
        body: dict[str, Any] = self._client.get_users_tweets(
            account_id,
            exclude="retweets",
            since_id=since_id or None,
            until_id=until_id or None,
            pagination_token=token or None,
            max_results=min(max(limit, FEWEST), MOST),
            tweet_fields=TO_TRAIN_ON,
            user_auth=True,
        )
        return body

    def delete(self, post_id: str) -> None:
        self._client.delete_tweet(post_id)


class _Client(tweepy.Client):  # type: ignore[misc]  # tweepy has no types
    """tweepy's calls with our own request(): tweepy's has a fixed host, no timeout, and errors without the answer."""

    def __init__(self, keys: Identity, wire: Wire, *, now: Callable[[], datetime]) -> None:
        # requests.Response makes tweepy return whatever request() returns, unchanged. tweepy never gets the keys.
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
        user_auth: bool = True,  # noqa: ARG002  tweepy passes it; all requests here are authenticated as the user
    ) -> dict[str, Any]:
        """Send one request and return the parsed body, or raise one of our errors."""
        sign = self._keys.sign(self._wire)
        reply = self._wire.ask(method, route, sign=sign, params=params, json=json, hide=self._keys.hide)
        self.headers = reply.headers
        answer = Answer(reply.status, reply.headers, reply.parsed())
        if error := why_not(answer, method=method, path=route, now=self._now()):
            if reply.status == UNAUTHORIZED:
                self._keys.distrust()
            raise error
        body: dict[str, Any] = answer.body
        return body
