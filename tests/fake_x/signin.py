"""Logging in at the fake X: OAuth 1.0a with a PIN, and OAuth 2.0 with PKCE, whose refresh tokens work once.

The pages that a person would click through accept at once, for the first user or for `&as=HANDLE`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote, urlencode

from tests.fake_x import oauth
from tests.fake_x.wire import Problem, Reply

if TYPE_CHECKING:
    from datetime import datetime

    from tests.fake_x.state import User, World
    from tests.fake_x.wire import Request

CODE_LIVES = timedelta(seconds=30)
TOKEN_LIVES = timedelta(hours=2)
CLIENT_ID, CLIENT_SECRET = "fake-client-id", "fake-client-secret"
SCOPE = "tweet.read tweet.write users.read offline.access"
INVALID = {"error": "invalid_request", "error_description": "Value passed for the token was invalid."}


@dataclass
class Pending:
    """A request token of OAuth 1.0a."""

    secret: str
    pin: str = ""
    user: User | None = None


@dataclass
class Family:
    """One login by OAuth 2.0 and its refreshed tokens; using a refresh token twice revokes all of them."""

    user: User
    scope: str
    live: bool = True
    access: dict[str, datetime] = field(default_factory=dict)  # token -> expiry
    refresh: str = ""
    used: set[str] = field(default_factory=set)


class SignIn:
    def __init__(self, world: World) -> None:
        self._world = world
        self._pending: dict[str, Pending] = {}
        self._codes: dict[str, tuple[Family, str, str, datetime]] = {}  # with challenge, redirect, expiry
        self.families: list[Family] = []
        self._pages = {
            ("POST", "/oauth/request_token"): self._request_token,
            ("GET", "/oauth/authorize"): self._show_pin,
            ("POST", "/oauth/access_token"): self._access_token,
            ("GET", "/i/oauth2/authorize"): self._redirect,
            ("POST", "/2/oauth2/token"): self._token,
        }

    def handles(self, request: Request) -> bool:
        return (request.method, request.path) in self._pages

    def answer(self, request: Request) -> Reply | None:
        """None for any other request."""
        page = self._pages.get((request.method, request.path))
        try:
            return page(request) if page else None
        except Problem as problem:
            return problem.reply

    def bearer(self, token: str) -> User | None:
        now = self._world.now()
        return next((f.user for f in self.families if f.live and f.access.get(token, now) > now), None)

    def login(self, user: User, scope: str = SCOPE) -> dict[str, object]:
        """A login as if a person had clicked through it."""
        return self._issue(self._family(user, scope))

    # OAuth 1.0a

    def _request_token(self, request: Request) -> Reply:
        self._signed(request, "", "")
        if 'oauth_callback="oob"' not in request.headers.get("authorization", ""):
            raise Problem(403, "Forbidden", "Callback URL not approved for this client application.")
        token = f"request-{secrets.token_urlsafe(12)}"
        self._pending[token] = Pending(secrets.token_urlsafe(12))
        parts = {"oauth_token": token, "oauth_token_secret": self._pending[token].secret}
        return Reply(200, urlencode(parts | {"oauth_callback_confirmed": "true"}))

    def _show_pin(self, request: Request) -> Reply:
        pending = self._pending.get(request.query.get("oauth_token", ""))
        if pending is None:
            raise Problem(401, "Unauthorized", "This request token is not known, or used up.")
        pending.user, pending.pin = self._who(request), f"{secrets.randbelow(10**7):07d}"
        return Reply(200, f"<p>You are @{pending.user.handle}. The PIN is <code>{pending.pin}</code></p>\n")

    def _access_token(self, request: Request) -> Reply:
        parameters = oauth.parameters(request.headers.get("authorization", ""))
        token = parameters.get("oauth_token", "")
        pending = self._pending.get(token)
        if pending is None:
            raise Problem(401, "Unauthorized", "Unauthorized")
        self._signed(request, token, pending.secret)
        if pending.user is None or not hmac.compare_digest(parameters.get("oauth_verifier", ""), pending.pin):
            raise Problem(401, "Unauthorized", "Error processing your OAuth request: invalid oauth_verifier parameter")
        del self._pending[token]
        user = pending.user
        parts = {"oauth_token": user.access_token, "oauth_token_secret": user.secrets.token_secret}
        return Reply(200, urlencode(parts | {"user_id": user.id, "screen_name": user.handle}))

    def _signed(self, request: Request, token: str, token_secret: str) -> None:
        first = next(iter(self._world.users.values())).secrets
        credentials = oauth.Secrets(first.consumer_key, first.consumer_secret, token_secret)
        try:
            oauth.signed_by(
                request.method,
                request.base_url + request.target,
                request.headers.get("authorization", ""),
                "",
                {token: credentials}.get,
            )
        except oauth.BadSignature as error:
            raise Problem(401, "Unauthorized", "Could not authenticate you.") from error

    # OAuth 2.0

    def _redirect(self, request: Request) -> Reply:
        query = request.query
        required = ("redirect_uri", "state", "code_challenge")
        is_valid = query.get("client_id") == CLIENT_ID and query.get("code_challenge_method") == "S256"
        if not is_valid or query.get("response_type") != "code" or not all(query.get(name) for name in required):
            raise Problem(400, "Invalid Request", "Something went wrong: you weren't able to give access to the App.")
        code = secrets.token_urlsafe(24)
        until = self._world.now() + CODE_LIVES
        family = self._family(self._who(request), query.get("scope", ""))
        self._codes[code] = (family, query["code_challenge"], query["redirect_uri"], until)
        location = f"{query['redirect_uri']}?state={quote(query['state'])}&code={code}"
        return Reply(302, f"{location}\n", {"Location": location})

    def _token(self, request: Request) -> Reply:
        form = {name: values[-1] for name, values in parse_qs(request.body.decode()).items()}
        basic = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {basic}":
            return Reply(
                401, {"error": "unauthorized_client", "error_description": "Missing valid authorization header"}
            )
        match form:
            case {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": redirect,
                "code_verifier": verifier,
            }:
                return self._exchange(code, redirect, verifier)
            case {"grant_type": "refresh_token", "refresh_token": token}:
                return self._renew(token)
        return Reply(400, INVALID)

    def _exchange(self, code: str, redirect: str, verifier: str) -> Reply:
        family, challenge, expected, until = self._codes.pop(code, (None, "", "", self._world.now()))
        digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        if family is None or self._world.now() >= until or redirect != expected or digest != challenge:
            return Reply(400, INVALID)
        return Reply(200, self._issue(family))

    def _renew(self, token: str) -> Reply:
        for family in self.families:
            if token in family.used:
                family.live = False
            elif family.live and token == family.refresh:
                return Reply(200, self._issue(family))
        return Reply(400, INVALID)

    def _family(self, user: User, scope: str) -> Family:
        family = Family(user, scope)
        self.families.append(family)
        return family

    def _issue(self, family: Family) -> dict[str, object]:
        access, refresh = f"access-{secrets.token_urlsafe(24)}", f"refresh-{secrets.token_urlsafe(24)}"
        family.used.add(family.refresh)
        family.access[access] = self._world.now() + TOKEN_LIVES
        family.refresh = refresh
        parts = {"token_type": "bearer", "expires_in": int(TOKEN_LIVES.total_seconds()), "scope": family.scope}
        return parts | {"access_token": access, "refresh_token": refresh}

    def _who(self, request: Request) -> User:
        users = list(self._world.users.values())
        handle = request.query.get("as", users[0].handle).lower()
        return next((user for user in users if user.handle.lower() == handle), users[0])
