"""Authentication by OAuth 2.0: an access token for two hours, and a refresh token that can be used once.

A new pair is on disk before it is used. If the process is killed between X's answer and that, the pair is lost: X does
not give it again, and a person has to log in. So each use is counted before it is tried, and there are few tries.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bot.errors import Halted, MynahError, TryLater, Unknown, XError
from bot.x import signin
from bot.x.tokens import MOST_TRIES

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from bot.x.signin import Client
    from bot.x.tokens import Grant, TokenFile
    from bot.x.wire import Wire

EARLY = 60.0  # seconds before it expires a token is renewed: a request may take that long
USED_UP = "the login to X is used up: X's answer with the new tokens was lost; `mynah auth` logs in again"


def bearer_auth(token: str) -> Callable[[Any], Any]:
    def authorize(request: Any) -> Any:
        request.headers["Authorization"] = f"Bearer {token}"
        return request

    return authorize


@dataclass(frozen=True, slots=True)
class JustLoggedIn:
    """A login that is not saved yet: X must say first which account it belongs to."""

    grant: Grant

    @property
    def hide(self) -> tuple[str, ...]:
        return (self.grant.access_token, self.grant.refresh_token)

    def sign(self, _: Wire) -> Callable[[Any], Any]:
        return bearer_auth(self.grant.access_token)

    def distrust(self) -> None:
        """Do nothing: this login is not saved, so there is nothing to mark as rejected."""


class Bearer:
    """Signs each request of twitter.py; another process may have renewed the login since the last one."""

    def __init__(self, file: TokenFile, client: Client, *, now: Callable[[], datetime]) -> None:
        self._file = file
        self._client = client
        self._now = now
        self._grant: Grant | None = None

    @property
    def hide(self) -> tuple[str, ...]:
        tokens = (self._grant.access_token, self._grant.refresh_token) if self._grant else ()
        return (*tokens, *filter(None, (self._client.secret,)))

    def sign(self, wire: Wire) -> Callable[[Any], Any]:
        try:
            self._grant = self._valid(wire)
        except XError:
            raise
        except MynahError as error:  # a file that cannot be read or written must not leave a post in doubt
            raise Halted(str(error)) from error
        return bearer_auth(self._grant.access_token)

    def distrust(self) -> None:
        """X rejected the token: the next request renews it first, unless another process has done so."""
        with suppress(MynahError), self._file.lock():
            stored = self._file.read()
            if stored and self._grant and stored.access_token == self._grant.access_token:
                self._file.keep(replace(stored, expires=0.0))

    def _valid(self, wire: Wire) -> Grant:
        grant = self._stored()
        if self._is_fresh(grant):
            return grant
        with self._file.lock():
            grant = self._stored()
            return grant if self._is_fresh(grant) else self._renew(wire, grant)

    def _stored(self) -> Grant:
        if grant := self._file.read():
            return grant
        raise Halted(f"not logged in to X: {self._file.path} is missing; `mynah auth` logs in")

    def _is_fresh(self, grant: Grant) -> bool:
        return self._now().timestamp() < grant.expires - EARLY

    def _renew(self, wire: Wire, grant: Grant) -> Grant:
        """Renew the login. This happens before a request is sent, so none of its errors leaves a post in doubt."""
        if grant.tries >= MOST_TRIES:
            raise Halted(USED_UP)
        counted = replace(grant, tries=grant.tries + 1)
        self._file.keep(counted)
        try:
            new = signin.renew(wire, self._client, grant.refresh_token, now=self._now())
        except (TryLater, signin.NotProcessed):  # X did not use the token up
            self._file.keep(grant)
            raise
        except Halted:
            self._file.keep(replace(grant, tries=MOST_TRIES))
            raise
        except Unknown as error:
            if counted.tries >= MOST_TRIES:
                raise Halted(USED_UP) from error
            raise TryLater(f"the login could not be renewed: {error}; it will be tried again") from error
        renewed = replace(new, account=grant.account, handle=grant.handle)
        self._file.keep(renewed)
        return renewed
