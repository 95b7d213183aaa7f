"""Files that hold secrets: each whole or not at all, its owner's alone, and on the disk before anybody counts on it.

It knows what a login by OAuth 2.0 is made of, and nothing of X.
"""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.errors import ConfigError, MynahError

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "oauth2.json"  # in the state folder: the bot must be able to write it, and its keys it may only read
# A renewal whose answer was lost may not have reached X: the old token then still works. Where it does not, nothing
# more is lost by asking.
MOST_TRIES = 3


@dataclass(frozen=True, slots=True)
class Grant:
    """A login by OAuth 2.0. The refresh token can be used once; `tries` counts the uses whose answer was lost."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires: float  # seconds since 1970
    account: str = ""  # its number on X, and its handle, as X said when it logged in
    handle: str = ""
    tries: int = 0


class TokenFile:
    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> Grant | None:
        """None where nobody has logged in yet."""
        try:
            with self.path.open(encoding="utf-8") as file:
                mode = os.fstat(file.fileno()).st_mode
                text = file.read()
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "not text"
            raise ConfigError(f"{self.path} cannot be read: {why}; `mynah auth` logs in again") from error
        if mode & 0o077:
            raise ConfigError(f"{self.path} can be read by others: chmod 600 {self.path}")
        try:
            return _grant(json.loads(text))
        except (ValueError, TypeError, OverflowError, RecursionError):
            raise ConfigError(f"{self.path} holds no login: `mynah auth` logs in again") from None

    def keep(self, grant: Grant) -> None:
        keep(self.path, json.dumps(asdict(grant)))

    @contextmanager
    def lock(self) -> Iterator[None]:
        """One process at a time renews a login; who waits finds the other's result; a request ends in time."""
        path = self.path.with_suffix(".lock")
        try:
            # No link: root would give the bot whatever the bot has put there.
            lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise MynahError(f"{path} cannot be opened: {error.strerror}; check whose the state folder is") from error
        try:
            _belongs_to_its_folder(lock, self.path.parent)
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


def keep(path: Path, text: str) -> None:
    """Never half of it, even where the power goes; the folder is made where it is missing."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # made with mode 0600
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                _belongs_to_its_folder(handle, path.parent)
                file.write(text)
                file.flush()
                os.fsync(handle)
            Path(temporary).replace(path)
        except BaseException:
            with suppress(FileNotFoundError):
                Path(temporary).unlink()
            raise
        _synced(path.parent)
    except OSError as error:
        raise MynahError(f"{path} cannot be written: {error.strerror}; what it should hold is not kept") from error


def _grant(found: dict[str, Any]) -> Grant:
    grant = Grant(**found)
    texts = (grant.access_token, grant.refresh_token, grant.account, grant.handle)
    if not (all(isinstance(text, str) for text in texts) and isinstance(grant.expires, int | float)):
        raise TypeError
    return replace(grant, tries=int(grant.tries))


def _belongs_to_its_folder(handle: int, folder: Path) -> None:
    """What root does for a bot belongs to the bot."""
    if os.geteuid() == 0:
        owner = folder.stat()
        os.fchown(handle, owner.st_uid, owner.st_gid)


def _synced(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
