"""Who we are by OAuth 2.0: a token for two hours, and one to renew it with, which can be used once.

The new pair is on the disk before it is used. Killed between X's answer and that, it is lost: there is no way to ask
for it again, and a person has to log in. So a use is counted before it is tried, and there are few tries, never a loop.
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

EARLY = 60.0  # seconds before its end a token is renewed: a request may take as long
USED_UP = "the login to X is used up: the answer with its new tokens was lost; `mynah auth` logs in again"


def bearing(token: str) -> Callable[[Any], Any]:
    def put(request: Any) -> Any:
        request.headers["Authorization"] = f"Bearer {token}"
        return request

    return put


@dataclass(frozen=True, slots=True)
class JustLoggedIn:
    """A login that is not kept yet: whose it is has to be asked first."""

    grant: Grant

    @property
    def hide(self) -> tuple[str, ...]:
        return (self.grant.access_token, self.grant.refresh_token)

    def sign(self, _: Wire) -> Callable[[Any], Any]:
        return bearing(self.grant.access_token)

    def distrust(self) -> None:
        """It is forgotten anyway."""


class Bearer:
    """Asked by twitter.py for each request; another process may have renewed the login since the last."""

    def __init__(self, file: TokenFile, client: Client, *, now: Callable[[], datetime]) -> None:
        self._file = file
        self._client = client
        self._now = now
        self._grant: Grant | None = None

    @property
    def hide(self) -> tuple[str, ...]:
        mine = (self._grant.access_token, self._grant.refresh_token) if self._grant else ()
        return (*mine, *filter(None, (self._client.secret,)))

    def sign(self, wire: Wire) -> Callable[[Any], Any]:
        try:
            self._grant = self._valid(wire)
        except XError:
            raise
        except MynahError as error:  # a file that cannot be read or written: a post must not be left in doubt by it
            raise Halted(str(error)) from error
        return bearing(self._grant.access_token)

    def distrust(self) -> None:
        """X did not take the token: the next request renews it first, unless somebody has."""
        with suppress(MynahError), self._file.lock():
            kept = self._file.read()
            if kept and self._grant and kept.access_token == self._grant.access_token:
                self._file.keep(replace(kept, expires=0.0))

    def _valid(self, wire: Wire) -> Grant:
        grant = self._kept()
        if self._is_fresh(grant):
            return grant
        with self._file.lock():
            grant = self._kept()
            return grant if self._is_fresh(grant) else self._renewed(wire, grant)

    def _kept(self) -> Grant:
        if grant := self._file.read():
            return grant
        raise Halted(f"nobody is logged in: {self._file.path} is not there; `mynah auth` logs in")

    def _is_fresh(self, grant: Grant) -> bool:
        return self._now().timestamp() < grant.expires - EARLY

    def _renewed(self, wire: Wire, grant: Grant) -> Grant:
        """Nothing has been sent yet when this fails, so no error of it leaves a post in doubt."""
        if grant.tries >= MOST_TRIES:
            raise Halted(USED_UP)
        tried = replace(grant, tries=grant.tries + 1)
        self._file.keep(tried)
        try:
            new = signin.renewed(wire, self._client, grant.refresh_token, now=self._now())
        except (TryLater, signin.Unasked):  # it never left, or X did not look at the token
            self._file.keep(grant)
            raise
        except Halted:
            self._file.keep(replace(grant, tries=MOST_TRIES))
            raise
        except Unknown as error:
            if tried.tries >= MOST_TRIES:
                raise Halted(USED_UP) from error
            raise TryLater(f"the login could not be renewed: {error}; it is tried again") from error
        kept = replace(new, account=grant.account, handle=grant.handle)
        self._file.keep(kept)
        return kept
