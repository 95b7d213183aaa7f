"""Who may use the page: a token, and the sessions that were begun with it. Only their hashes are kept.

The token is printed once, as a link. A new token ends all sessions.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import os
import secrets
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from bot.clock import moment, stamp
from bot.errors import MynahError, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bot.clock import Clock
    from bot.config.state_dir import StateDir

NAME = "web.json"
LASTS = timedelta(days=30)  # a session
MOST_SESSIONS = 50
BURST, REFILL = 5, 12.0  # sign-ins that may fail at once, and seconds until one more may
MOST_CLIENTS = 1_000  # whose failures are counted


class Access:
    def __init__(self, state_dir: StateDir, clock: Clock) -> None:
        self._path = state_dir.root / NAME
        self._clock = clock

    @property
    def has_token(self) -> bool:
        return bool(self._read().get("token"))

    def new_token(self) -> str:
        """Make a token; the one before and all sessions end."""
        token = secrets.token_urlsafe(32)
        with self._locked():
            self._write({"token": _hash(token), "sessions": {}})
        return token

    def sign_in(self, token: str) -> str | None:
        """Begin a session, and return its secret for the cookie; None if the token is wrong."""
        with self._locked():
            kept = self._read()
            if not kept.get("token") or not hmac.compare_digest(kept["token"], _hash(token)):
                return None
            session = secrets.token_urlsafe(32)
            now = self._clock.now()
            sessions = {key: ends for key, ends in kept["sessions"].items() if moment(ends) > now}
            sessions[_hash(session)] = stamp(now + LASTS)
            newest = sorted(sessions.items(), key=lambda item: item[1])[-MOST_SESSIONS:]
            self._write({"token": kept["token"], "sessions": dict(newest)})
        return session

    def session(self, secret: str) -> str | None:
        """The key of a session that has not ended."""
        key = _hash(secret)
        ends = self._read()["sessions"].get(key)
        return key if ends and moment(ends) > self._clock.now() else None

    def sign_out(self, key: str) -> None:
        with self._locked():
            kept = self._read()
            if kept["sessions"].pop(key, None):
                self._write(kept)

    def _read(self) -> dict[str, Any]:
        from training import private_files

        try:
            kept = json.loads(private_files.read(self._path))
            return {"token": str(kept["token"]), "sessions": dict(kept["sessions"])}
        except FileNotFoundError:
            return {"token": "", "sessions": {}}
        except OSError as error:
            raise StoreError(f"{self._path} cannot be read: {error.strerror}; check whose it is") from error
        except (ValueError, KeyError, TypeError) as error:
            raise MynahError(f"{self._path} is damaged: `mynah web --new-token` makes a new one") from error

    def _write(self, kept: dict[str, Any]) -> None:
        from training import private_files

        try:
            private_files.replace(self._path, json.dumps(kept).encode(), temporary=self._path.with_name(f"{NAME}.new"))
        except OSError as error:
            raise StoreError(f"{self._path} cannot be written: {error.strerror}; check the folder") from error

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Against a new token that is made while somebody signs in with the old one."""
        from training import private_files

        path: Path = self._path.with_name(f"{NAME}.lock")
        try:
            file = private_files.open_regular(path, os.O_RDWR | os.O_CREAT)
        except OSError as error:
            raise StoreError(f"{path} cannot be opened: {error.strerror}; check the folder and whose it is") from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
        finally:
            os.close(file)


class FailureLimit:
    """How many sign-ins of one client may fail: a few at once, then one every few seconds."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures: dict[str, tuple[float, float]] = {}  # client -> (failures that count, since when)

    def wait(self, client: str) -> float:
        """Seconds until this client may try again; 0 if it may now."""
        count, _ = self._current(client)
        return max(count - BURST + 1, 0.0) * REFILL

    def failed(self, client: str) -> None:
        count, now = self._current(client)
        self._failures.pop(client, None)
        self._failures[client] = (count + 1, now)
        while len(self._failures) > MOST_CLIENTS:
            del self._failures[next(iter(self._failures))]

    def _current(self, client: str) -> tuple[float, float]:
        now = self._clock.monotonic()
        count, since = self._failures.get(client, (0.0, now))
        return max(count - (now - since) / REFILL, 0.0), now


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
