"""Logging in at X: by a PIN (OAuth 1.0a) or by the address that X sends back (OAuth 2.0 with PKCE), and renewing that.

Requests in, tokens or one of our errors out. It knows no terminal and keeps nothing.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, parse_qsl, quote, urlencode, urlsplit

from bot.errors import ConfigError, Halted, MynahError, RateLimited, TryLater, Unknown, XError
from bot.x.responses import WINDOW, Answer
from bot.x.responses import quote as words_of
from bot.x.signing import Keys, app, verified
from bot.x.tokens import Grant
from bot.x.wire import HOSTS

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from bot.x.wire import Reply, Wire

SCOPES = ("tweet.read", "tweet.write", "users.read", "offline.access")  # the last one lets it be renewed
CONSOLE = "X's developer console"
LONGEST = 10**7  # seconds, a third of a year: X gives 7200
ONE_USE = ("code", "code_verifier", "refresh_token")
TOKEN_PATH = "/2/oauth2/token"  # noqa: S105  an address


@dataclass(frozen=True, slots=True)
class Pin:
    """Half a login: X waits for a person to say yes at `address`, and shows the person a PIN."""

    address: str
    token: str = field(repr=False)
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SignedIn:
    keys: Keys
    account: str
    handle: str


@dataclass(frozen=True, slots=True)
class Client:
    """An app as OAuth 2.0 knows it; a public one has no secret."""

    id: str = field(repr=False)
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Asked:
    """The same by OAuth 2.0: X sends the person's browser from `address` to `redirect`, with a code."""

    address: str
    redirect: str
    state: str = field(repr=False)
    verifier: str = field(repr=False)


# OAuth 1.0a


def ask_for_pin(wire: Wire, consumer_key: str, consumer_secret: str) -> Pin:
    found = _form(wire, "/oauth/request_token", app(consumer_key, consumer_secret), (consumer_key, consumer_secret))
    if found.get("oauth_callback_confirmed") != "true":
        raise TryLater("X did not confirm that it will show a PIN: it can be tried again")
    token, address = found["oauth_token"], f"{wire.base_url}/oauth/authorize"
    return Pin(f"{address}?oauth_token={quote(token, safe='')}", token, found["oauth_token_secret"])


def keys_for(wire: Wire, consumer_key: str, consumer_secret: str, pin: Pin, number: str) -> SignedIn:
    sign = verified(consumer_key, consumer_secret, pin.token, pin.secret, number)
    hide = (consumer_key, consumer_secret, pin.token, pin.secret, number)
    found = _form(wire, "/oauth/access_token", sign, hide)
    keys = Keys(consumer_key, consumer_secret, found["oauth_token"], found["oauth_token_secret"])
    return SignedIn(keys, found.get("user_id", ""), found.get("screen_name", ""))


def _form(wire: Wire, path: str, sign: Callable[[Any], Any], hide: tuple[str, ...]) -> dict[str, str]:
    reply = _asked(wire, path, sign=sign, hide=hide)
    found = dict(parse_qsl(reply.text)) if reply.status == 200 else {}
    if found.get("oauth_token") and found.get("oauth_token_secret"):
        return found
    said = f"X answered {reply.status} to POST {path}{words_of(Answer(reply.status, body=reply.parsed()))}"
    if reply.status in {400, 401, 403}:
        what = "the PIN is wrong or too old" if path.endswith("access_token") else "it does not take these keys"
        raise Halted(
            f"{said}: {what}. Copy the consumer key and secret again from {CONSOLE}, see there that user "
            "authentication is set up with Read and write, and start again"
        )
    raise TryLater(f"{said}: nothing was kept, start again in a minute")


# OAuth 2.0


def ask_for_code(wire: Wire, client: Client, redirect: str) -> Asked:
    verifier, state = secrets.token_urlsafe(48), secrets.token_urlsafe(24)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    query = {
        "response_type": "code",
        "client_id": client.id,
        "redirect_uri": redirect,
        "scope": " ".join(SCOPES),
        "state": state,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    where = "https://x.com" if urlsplit(wire.base_url).netloc in HOSTS else wire.base_url
    return Asked(f"{where}/i/oauth2/authorize?{urlencode(query, quote_via=quote)}", redirect, state, verifier)


def code_in(address: str, asked: Asked) -> str:
    """The code in the address that the browser was sent to; only in an answer to what we asked."""
    said = {name: values[-1] for name, values in parse_qs(urlsplit(address.strip()).query).items()}
    if "error" in said:
        raise MynahError("X was told no; start again, and allow it")
    if not hmac.compare_digest(said.get("state", "").encode(), asked.state.encode()) or not said.get("code"):
        raise MynahError(
            f"this is not the address that X sent the browser to: it begins with {asked.redirect} and has code= and "
            "state= in it. Start again, and copy all of it"
        )
    return said["code"]


def logged_in(wire: Wire, client: Client, asked: Asked, code: str, *, now: datetime) -> Grant:
    wanted = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": asked.redirect,
        "code_verifier": asked.verifier,
    }
    return _grant(wire, client, wanted, now=now, again="the code is good for half a minute; start again")


def renewed(wire: Wire, client: Client, refresh_token: str, *, now: datetime) -> Grant:
    """The next pair of tokens; the refresh token is used up by it. Unknown: it may be, and the new pair is lost."""
    wanted = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    return _grant(wire, client, wanted, now=now, again="`mynah auth` logs in again")


def _grant(wire: Wire, client: Client, wanted: dict[str, str], *, now: datetime, again: str) -> Grant:
    basic = base64.b64encode(f"{quote(client.id, safe='')}:{quote(client.secret, safe='')}".encode()).decode()

    def sign(request: Any) -> Any:
        if client.secret:
            request.headers["Authorization"] = f"Basic {basic}"
        return request

    hide = (basic, *filter(None, (client.id, client.secret, *map(wanted.get, ONE_USE))))
    reply = _asked(wire, TOKEN_PATH, sign=sign, form={**wanted, "client_id": client.id}, hide=hide)
    body = reply.parsed()
    scope = body.get("scope") if isinstance(body, dict) else None
    if reply.status == 200 and isinstance(scope, str) and "tweet.write" not in scope.split():
        raise Halted(f"X gave a login that may only read: set Read and write for the app in {CONSOLE}; {again}")
    match body:
        case {"access_token": str(access), "refresh_token": str(refresh), "expires_in": int(seconds)} if (
            reply.status == 200 and access and refresh and 0 < seconds < LONGEST
        ):
            return Grant(access, refresh, expires=now.timestamp() + seconds)
        case {"access_token": str(), "token_type": "bearer"} if reply.status == 200 and not body.get("refresh_token"):
            raise Halted(f"X gave a login that cannot be renewed: the app needs the scope offline.access; {again}")
    raise _refused(reply, now=now, again=again)


def _refused(reply: Reply, *, now: datetime, again: str) -> XError:
    body = reply.parsed()
    said = f"X answered {reply.status} to POST {TOKEN_PATH}{words_of(Answer(reply.status, body=body))}"
    name = body.get("error") if isinstance(body, dict) else None
    if reply.status == 401 or name in {"invalid_client", "unauthorized_client"}:
        return Unasked(f"{said}: it does not take the client id or secret; copy them again from {CONSOLE}")
    if reply.status == 429:
        return RateLimited(f"{said}: it will be tried again after the wait", until=now + WINDOW)
    if reply.status == 400 and name:
        return Halted(f"{said}: {again}")
    if 400 <= reply.status < 500:  # a page of the server before X's own, say
        return Unasked(f"{said}: see the app in {CONSOLE}, and if it stays so, {again}")
    return Unknown(f"{said}: the tokens may be used up")


class Unasked(Halted):
    """X did not come to look at the tokens: they are as good as before."""


def _asked(wire: Wire, path: str, **what: Any) -> Reply:
    try:
        return wire.ask("POST", path, **what)
    except Unknown as error:  # its own words are about a post
        raise Unknown(f"The connection to X broke during POST {path}, and its answer is lost") from error


def checked_redirect(redirect: str) -> str:
    """X sends the code there: to this machine and nowhere else, though nobody need listen."""
    try:
        parts = urlsplit(redirect)
        here = parts.scheme == "http" and parts.hostname == "127.0.0.1" and parts.port != 0
    except ValueError:  # a port that is no number, half an IPv6 address
        here = False
    if not here or parts.query or parts.fragment:
        raise ConfigError(f"x.redirect looks like http://127.0.0.1:8765/, as in {CONSOLE}; it is {redirect!r}")
    return redirect
