"""The state folder: what lies where, and that one process at a time speaks from it."""

from __future__ import annotations

import fcntl
import json
import os
import time
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bot.errors import FULL, Busy, ConfigError, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

BACKUPS = "backups"  # the folder beside the history, unless backup.folder names another


class StateDir:
    def __init__(self, root: Path) -> None:
        self.root = expanded(root).absolute()
        self.history = self.root / "history.db"
        self.library = self.root / "library.db"
        self.models = self.root / "models"
        self.backups = self.root / BACKUPS  # unless backup.folder says otherwise
        self._holder = self.root / "holder.json"

    def make(self) -> None:
        """Private: the history is somebody's life."""
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            raise ConfigError(f"state: {self.root} is not a folder; choose another with --state") from error
        except OSError as error:
            raise StoreError(
                f"state: {self.root} cannot be made: {error.strerror}; choose another with --state"
            ) from error

    @contextmanager
    def hold(self, about: Mapping[str, Any]) -> Iterator[None]:
        """Be the only one; `about` tells others who holds it. The lock is on the folder: it cannot be unlinked."""
        self.make()
        try:
            folder = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise StoreError(
                f"state: {self.root} cannot be opened: {error.strerror}; choose another with --state"
            ) from error
        try:
            if not _held(folder):
                raise Busy(
                    f"{self.root} is in use{self._by_whom()}; stop that one, or choose another folder with --state"
                )
            self.tell(about)
            yield
        finally:
            os.close(folder)

    def tell(self, about: Mapping[str, Any]) -> bool:
        """To be said by who holds the folder, of itself. A full disk is no reason to stop: others know less then."""
        try:
            self._holder.write_text(json.dumps({"pid": os.getpid(), **about}), encoding="utf-8")
        except OSError as error:
            if error.errno not in FULL:
                raise StoreError(
                    f"{self.root} cannot be written: {error.strerror}; choose another with --state"
                ) from error
            return False
        return True

    def beat(self) -> None:
        """By who holds the folder, whenever all is well: others see how long ago that was."""
        with suppress(OSError):  # a disk that is gone is noticed elsewhere
            os.utime(self._holder)

    def last_beat(self) -> datetime | None:
        try:
            return datetime.fromtimestamp(self._holder.stat().st_mtime, UTC)
        except (OSError, ValueError, OverflowError):
            return None

    def holder(self) -> dict[str, Any] | None:
        """What the process that holds the folder says of itself; None if nobody does."""
        try:
            folder = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY)
        except OSError:
            return None
        try:
            return None if _locked(folder, fcntl.LOCK_SH) else self._about()
        finally:
            os.close(folder)

    def _about(self) -> dict[str, Any]:
        try:
            about = json.loads(self._holder.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}  # held, by one that has not said who it is yet
        return about if isinstance(about, dict) else {}

    def _by_whom(self) -> str:
        about = self._about()
        return f" by process {about['pid']} (since {about.get('since', '?')})" if "pid" in about else ""


def expanded(path: Path) -> Path:
    """With the home folder for its ~."""
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise ConfigError(f"{path}: this user has no home folder; set HOME, or choose a folder with --state") from error


def _held(folder: int) -> bool:
    """Tries for half a second: `mynah status` looks at the lock by taking it for a moment."""
    for _ in range(10):
        if _locked(folder, fcntl.LOCK_EX):
            return True
        time.sleep(0.05)
    return False


def _locked(folder: int, kind: int) -> bool:
    try:
        fcntl.flock(folder, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
