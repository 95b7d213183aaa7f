"""Logging in to X: by a PIN (OAuth 1.0a) or by the redirect that X sends back (OAuth 2.0 with PKCE), and renewing.

Returns tokens or raises one of our errors. It does not prompt and saves nothing.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, parse_qsl, quote, urlencode, urlsplit

from bot.errors import ConfigError, Halted, MynahError, RateLimited, TryLater, Unknown, WrongPin, XError
from bot.x.responses import WINDOW, Answer
from bot.x.responses import quote as words_of
from bot.x.signing import Keys, app, verified
from bot.x.tokens import Grant
from bot.x.wire import HOSTS

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from bot.x.wire import Reply, Wire

SCOPES = ("tweet.read", "tweet.write", "users.read", "offline.access")  # the last one allows renewing
CONSOLE = "X's developer console"
LONGEST_LIFE = 10**7  # seconds, a third of a year: X gives 7200
ONE_USE = ("code", "code_verifier", "refresh_token")
TOKEN_PATH = "/2/oauth2/token"  # noqa: S105  an address


@dataclass(frozen=True, slots=True)
class Pin:
    """A login by OAuth 1.0a in progress: a person allows it at `address`, where X shows the PIN."""

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
class AuthorizationRequest:
    """A login by OAuth 2.0 in progress: X sends the person's browser from `address` to `redirect`, with a code."""

    address: str
    redirect: str
    state: str = field(repr=False)
    verifier: str = field(repr=False)


# OAuth 1.0a


def ask_for_pin(wire: Wire, consumer_key: str, consumer_secret: str) -> Pin:
    fields = _form(wire, "/oauth/request_token", app(consumer_key, consumer_secret), (consumer_key, consumer_secret))
    if fields.get("oauth_callback_confirmed") != "true":
        raise TryLater("X did not confirm that it will show a PIN: it can be tried again")
    token, address = fields["oauth_token"], f"{wire.base_url}/oauth/authorize"
    return Pin(f"{address}?oauth_token={quote(token, safe='')}", token, fields["oauth_token_secret"])


def keys_for(wire: Wire, consumer_key: str, consumer_secret: str, pin: Pin, number: str) -> SignedIn:
    sign = verified(consumer_key, consumer_secret, pin.token, pin.secret, number)
    hide = (consumer_key, consumer_secret, pin.token, pin.secret, number)
    fields = _form(wire, "/oauth/access_token", sign, hide)
    keys = Keys(consumer_key, consumer_secret, fields["oauth_token"], fields["oauth_token_secret"])
    return SignedIn(keys, fields.get("user_id", ""), fields.get("screen_name", ""))


def _form(wire: Wire, path: str, sign: Callable[[Any], Any], hide: tuple[str, ...]) -> dict[str, str]:
    reply = _post(wire, path, sign=sign, hide=hide)
    fields = dict(parse_qsl(reply.text)) if reply.status == 200 else {}
    if fields.get("oauth_token") and fields.get("oauth_token_secret"):
        return fields
    answer = f"X answered {reply.status} to POST {path}{words_of(Answer(reply.status, body=reply.parsed()))}"
    if reply.status in {400, 401, 403} and path.endswith("access_token"):
        raise WrongPin(f"{answer}: the PIN is wrong or too old; open the address again for another one")
    if reply.status in {400, 401, 403}:
        raise Halted(
            f"{answer}: it does not accept these keys. Copy the consumer key and secret again from {CONSOLE}, see "
            "there that user authentication is set up with Read and write, and start again"
        )
    raise TryLater(f"{answer}: nothing was saved, start again in a minute")


# OAuth 2.0


def ask_for_code(wire: Wire, client: Client, redirect: str) -> AuthorizationRequest:
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
    site = "https://x.com" if urlsplit(wire.base_url).netloc in HOSTS else wire.base_url
    return AuthorizationRequest(
        f"{site}/i/oauth2/authorize?{urlencode(query, quote_via=quote)}", redirect, state, verifier
    )


def code_in(address: str, request: AuthorizationRequest) -> str:
    """The code in the address that the browser was sent to, if it answers this request."""
    query = {name: values[-1] for name, values in parse_qs(urlsplit(address.strip()).query).items()}
    if "error" in query:
        raise MynahError("access was denied on X; start again, and allow it")
    if not hmac.compare_digest(query.get("state", "").encode(), request.state.encode()) or not query.get("code"):
        raise MynahError(
            f"this is not the address that X sent the browser to: that one starts with {request.redirect} and contains "
            "code= and state=. Start again, and copy all of it"
        )
    return query["code"]


def log_in(wire: Wire, client: Client, request: AuthorizationRequest, code: str, *, now: datetime) -> Grant:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": request.redirect,
        "code_verifier": request.verifier,
    }
    return _grant(wire, client, form, now=now, again="the code is valid for half a minute; start again")


def renew(wire: Wire, client: Client, refresh_token: str, *, now: datetime) -> Grant:
    """The next pair of tokens; uses the refresh token up. After Unknown it may be used up and the new pair lost."""
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    return _grant(wire, client, form, now=now, again="`mynah auth` logs in again")


def _grant(wire: Wire, client: Client, form: dict[str, str], *, now: datetime, again: str) -> Grant:
    basic = base64.b64encode(f"{quote(client.id, safe='')}:{quote(client.secret, safe='')}".encode()).decode()

    def sign(request: Any) -> Any:
        if client.secret:
            request.headers["Authorization"] = f"Basic {basic}"
        return request

    hide = (basic, *filter(None, (client.id, client.secret, *map(form.get, ONE_USE))))
    reply = _post(wire, TOKEN_PATH, sign=sign, form={**form, "client_id": client.id}, hide=hide)
    body = reply.parsed()
    scope = body.get("scope") if isinstance(body, dict) else None
    if reply.status == 200 and isinstance(scope, str) and "tweet.write" not in scope.split():
        raise Halted(f"X gave a login that may only read: set Read and write for the app in {CONSOLE}; {again}")
    match body:
        case {"access_token": str(access), "refresh_token": str(refresh), "expires_in": int(seconds)} if (
            reply.status == 200 and access and refresh and 0 < seconds < LONGEST_LIFE
        ):
            return Grant(access, refresh, expires=now.timestamp() + seconds)
        case {"access_token": str(), "token_type": "bearer"} if reply.status == 200 and not body.get("refresh_token"):
            raise Halted(f"X gave a login that cannot be renewed: the app needs the scope offline.access; {again}")
    raise _error(reply, now=now, again=again)


def _error(reply: Reply, *, now: datetime, again: str) -> XError:
    body = reply.parsed()
    answer = f"X answered {reply.status} to POST {TOKEN_PATH}{words_of(Answer(reply.status, body=body))}"
    name = body.get("error") if isinstance(body, dict) else None
    if reply.status == 401 or name in {"invalid_client", "unauthorized_client"}:
        return NotProcessed(f"{answer}: it does not accept the client id or secret; copy them again from {CONSOLE}")
    if reply.status == 429:
        return RateLimited(f"{answer}: it will be tried again after the wait", until=now + WINDOW)
    if reply.status == 400 and name:
        return Halted(f"{answer}: {again}")
    if 400 <= reply.status < 500:  # such as a page of a proxy in front of X
        return NotProcessed(f"{answer}: check the app in {CONSOLE}; if this repeats, {again}")
    return Unknown(f"{answer}: the tokens may be used up")


class NotProcessed(Halted):
    """X refused the request before it looked at the tokens, so they are still valid."""


def _post(wire: Wire, path: str, **arguments: Any) -> Reply:
    try:
        return wire.ask("POST", path, **arguments)
    except Unknown as error:  # the original message is about a post
        raise Unknown(f"The connection to X broke during POST {path}, and its answer is lost") from error


def check_redirect(redirect: str) -> str:
    """Raise unless `redirect`, where X sends the code, is on this machine. No server has to listen there."""
    try:
        parts = urlsplit(redirect)
        is_local = parts.scheme == "http" and parts.hostname == "127.0.0.1" and parts.port != 0
    except ValueError:  # a port that is not a number, half an IPv6 address
        is_local = False
    if not is_local or parts.query or parts.fragment:
        raise ConfigError(f"x.redirect: {redirect!r} is not like http://127.0.0.1:8765/; use the callback in {CONSOLE}")
    return redirect
