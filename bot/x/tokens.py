"""The OAuth 2.0 login, and writing files with secrets: atomic, readable by their owner only, synced to disk."""

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

NAME = "oauth2.json"  # in the state folder, since the bot writes it; it may only read its keys
# A renewal whose answer was lost may not have reached X, and then the old token still works. If it does not, another
# try loses nothing.
MOST_TRIES = 3


@dataclass(frozen=True, slots=True)
class Grant:
    """A login by OAuth 2.0. The refresh token can be used once; `tries` counts the uses whose answer was lost."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires: float  # seconds since 1970
    account: str = ""  # its id on X; with the handle, as X gave them at login
    handle: str = ""
    tries: int = 0


class TokenFile:
    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> Grant | None:
        """Read the stored login; None before the first one."""
        try:
            # A folder that the bot writes to may hold a link to what only root may read.
            with os.fdopen(os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), encoding="utf-8") as file:
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
            raise ConfigError(f"{self.path} does not contain a login: `mynah auth` logs in again") from None

    def keep(self, grant: Grant) -> None:
        keep(self.path, json.dumps(asdict(grant)))

    @contextmanager
    def lock(self) -> Iterator[None]:
        """One process at a time renews a login; the next one finds the result. Bounded by the time of a request."""
        path = self.path.with_suffix(".lock")
        try:
            # O_NOFOLLOW: else root would give the bot ownership of whatever a link of the bot's points to.
            lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise MynahError(
                f"{path} cannot be opened: {error.strerror}; check the owner of the state folder"
            ) from error
        try:
            _set_owner_of_folder(lock, self.path.parent)
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


def keep(path: Path, text: str) -> None:
    """Writes the file atomically, even if the power fails; creates its folder if it is missing."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # made with mode 0600
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                _set_owner_of_folder(handle, path.parent)
                file.write(text)
                file.flush()
                os.fsync(handle)
            Path(temporary).replace(path)
        except BaseException:
            with suppress(FileNotFoundError):
                Path(temporary).unlink()
            raise
        _sync(path.parent)
    except OSError as error:
        raise MynahError(f"{path} cannot be written: {error.strerror}; its new content is not saved") from error


def _grant(fields: dict[str, Any]) -> Grant:
    grant = Grant(**fields)
    texts = (grant.access_token, grant.refresh_token, grant.account, grant.handle)
    if not (all(isinstance(text, str) for text in texts) and isinstance(grant.expires, int | float)):
        raise TypeError
    return replace(grant, tries=int(grant.tries))


def _set_owner_of_folder(handle: int, folder: Path) -> None:
    """Give a file that root writes to the owner of its folder, so that the bot can use it."""
    if os.geteuid() == 0:
        owner = folder.stat()
        os.fchown(handle, owner.st_uid, owner.st_gid)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
