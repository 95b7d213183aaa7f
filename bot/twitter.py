"""Talking to X: six calls, signed with OAuth 1.0a. Alone imports tweepy and requests, and their errors stop here.

It repeats nothing, follows nothing and waits for no limit. What an answer means is in verdicts.py; what follows from it
is the caller's business.
"""

from __future__ import annotations

import ipaddress
import json
from dataclasses import dataclass, field, fields
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
import tweepy
import urllib3
from requests.adapters import HTTPAdapter
from requests_oauthlib import OAuth1
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from bot.dialects import Account, account, created, is_whole, timeline
from bot.errors import ConfigError
from bot.tweets import Timeline
from bot.verdicts import Answer, no_answer, why_not

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from typing import Self

    from bot.tweets import Receipt

HOSTS = ("api.x.com", "api.twitter.com")
# Seconds to connect, just over the 3 s after which a lost first packet is repeated, and to wait for more of the answer.
TIMEOUT = (3.05, 30.0)
FEWEST, MOST = 5, 100  # what X takes as max_results
TO_LEARN = ["created_at", "lang", "note_tweet", "referenced_tweets", "in_reply_to_user_id"]
BROKEN = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    tweepy.TweepyException,
    HTTPException,
    OSError,
    ValueError,  # an odd header or address, in requests and urllib3
)


@dataclass(frozen=True, slots=True)
class Keys:
    """The four secrets of an OAuth 1.0a user context."""

    consumer_key: str = field(repr=False)
    consumer_secret: str = field(repr=False)
    access_token: str = field(repr=False)
    access_token_secret: str = field(repr=False)


class X:
    """One account of X, spoken to through its API."""

    dry = False

    def __init__(
        self,
        keys: Keys,
        *,
        now: Callable[[], datetime],
        base_url: str = "https://api.x.com",
        timeout: tuple[float, float] = TIMEOUT,
    ) -> None:
        self._client = _Client(keys, base_url=_allowed(base_url), timeout=timeout, now=now)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._client.session.close()

    @property
    def headers(self) -> Mapping[str, str]:
        """The last answer's headers, names in lower case: x-rate-limit-…, x-access-level."""
        return self._client.headers

    @property
    def access_level(self) -> str | None:
        """What the keys may do, as X said last: `read` or `read-write`."""
        return self.headers.get("x-access-level")

    def post(self, text: str) -> Receipt:
        """Create a post. After Unknown, and after Duplicate too, it may exist: never just call again."""
        return created(self._client.create_tweet(text=text), sent=text)

    def me(self) -> Account:
        """Whose keys these are. X bills it as a read of a user."""
        return account(self._client.get_me())

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

    def __init__(self, keys: Keys, *, base_url: str, timeout: tuple[float, float], now: Callable[[], datetime]) -> None:
        # requests.Response here means: give back whatever request() returns, as it is. The keys stay out of tweepy.
        super().__init__(return_type=requests.Response, wait_on_rate_limit=False)
        self.headers: Mapping[str, str] = {}
        self._secrets = _whole(keys)
        self._sign = signer(keys)
        self._base_url = base_url
        self._timeout = timeout
        self._now = now
        self.session.trust_env = False  # no proxy, no netrc and no other certificates by environment
        # The only mount: requests itself now refuses every other address, wherever it may come from.
        self.session.adapters.clear()
        self.session.mount(f"{base_url}/", _Adapter(max_retries=0))

    def request(
        self,
        method: str,
        route: str,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        user_auth: bool = True,  # noqa: ARG002  tweepy passes it; there is no other kind here
    ) -> dict[str, Any]:
        """One request, one answer: its parsed body, or one error of ours."""
        try:
            response = self.session.request(
                method,
                self._base_url + route,
                params=params,
                json=json,
                # A kept connection may have died unseen: the next POST on it would break, and count as unknown.
                headers={"User-Agent": self.user_agent, "Connection": "close"},
                auth=self._sign,
                timeout=self._timeout,
                allow_redirects=False,  # requests would send the body again on 307 and 308
            )
        except BROKEN as error:
            raise no_answer(_root(error), method=method, path=route, sent=not _never_left(error)) from error
        self.headers = {name.lower(): value for name, value in response.headers.items()}
        answer = Answer(response.status_code, self.headers, _parsed(response.content, self._secrets))
        refusal = why_not(answer, method=method, path=route, now=self._now())
        if refusal:
            raise refusal
        body: dict[str, Any] = answer.body
        return body


class _Https(urllib3.connection.HTTPSConnection):
    """Tells a failed TLS handshake from a broken answer: urllib3 gives both the same error."""

    def connect(self) -> None:
        try:
            super().connect()
        except (OSError, ValueError, urllib3.exceptions.HTTPError) as error:
            raise NewConnectionError(self, type(error).__name__) from error


class _HttpsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _Https


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": urllib3.HTTPConnectionPool, "https": _HttpsPool}


def signer(keys: Keys, **fixed: str) -> OAuth1:
    """Sign prepared requests, address included; `fixed` (nonce, timestamp) is for comparing with known signatures."""
    return OAuth1(keys.consumer_key, keys.consumer_secret, keys.access_token, keys.access_token_secret, **fixed)


def _parsed(content: bytes, secrets: tuple[str, ...]) -> Any:
    text = content.decode("utf-8", errors="replace")
    for secret in secrets:  # an answer that echoes our request must not carry the keys into a message
        text = text.replace(secret, "[secret]")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _whole(keys: Keys) -> tuple[str, ...]:
    missing = [each.name for each in fields(keys) if not getattr(keys, each.name)]
    if missing:
        raise ConfigError(f"X needs four keys, and these are empty: {', '.join(missing)}; see x.* in the configuration")
    return tuple(getattr(keys, each.name) for each in fields(keys))


def _allowed(base_url: str) -> str:
    """The address without its last slash, if our keys may go there: X over TLS, or this machine for trying."""
    try:
        url = urlsplit(base_url)
        x = url.scheme == "https" and url.netloc in HOSTS
        here = url.scheme in ("http", "https") and _is_loopback(url.hostname or "") and url.port != 0
        bare = "@" not in url.netloc and base_url.rstrip("/") == f"{url.scheme}://{url.netloc}"
    except ValueError:  # a port that is no number, half an IPv6 address
        x = here = bare = False
    if not (bare and (x or here)):
        shown = base_url.rpartition("@")[2]  # what stands before an @ may be a password
        raise ConfigError(
            f"x.base_url may be https://api.x.com or, for trying, http://127.0.0.1:PORT; it is {shown!r}: change it"
        )
    return base_url.rstrip("/")


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _never_left(error: BaseException) -> bool:
    """True where not a byte of the request can have been sent: no such host, refused, no TLS, no connection in time."""
    inner = error.args[0] if error.args else None
    chain = (error, inner, getattr(inner, "reason", None))  # requests wraps urllib3's MaxRetryError, which has a reason
    return any(isinstance(each, (NewConnectionError, ConnectTimeoutError, requests.ConnectTimeout)) for each in chain)


def _root(error: BaseException) -> str:
    """The first cause by its class and the system's own words; the texts of libraries may quote our headers."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__ or error
    words = error.strerror if isinstance(error, OSError) else None
    return f"{type(error).__name__}: {words}" if words else type(error).__name__
