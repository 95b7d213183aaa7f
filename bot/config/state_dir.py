"""The state folder: its files, and the lock that lets one process at a time use it."""

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
        """Create the folder, readable by its owner only: the history is private."""
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
        """Lock the folder; `about` tells others who holds it. The lock is on the folder: a file could be unlinked."""
        self.make()
        try:
            folder = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise StoreError(
                f"state: {self.root} cannot be opened: {error.strerror}; choose another with --state"
            ) from error
        try:
            if not _lock(folder):
                raise Busy(f"{self.root} is in use{self._by_process()}; stop it, or choose another folder with --state")
            self.tell(about)
            yield
        finally:
            os.close(folder)

    def tell(self, about: Mapping[str, Any]) -> bool:
        """Write holder.json, for the process that holds the folder. Returns False on a full disk, which is no error."""
        from training import private_files

        try:
            private_files.write(self._holder, json.dumps({"pid": os.getpid(), **about}).encode())
        except OSError as error:
            if error.errno not in FULL:
                raise StoreError(
                    f"{self._holder} cannot be written: {error.strerror}; choose another folder with --state"
                ) from error
            return False
        return True

    def beat(self) -> None:
        """Record the time of a successful heartbeat, for the process that holds the folder."""
        with suppress(OSError):  # a failing disk is reported elsewhere
            os.utime(self._holder, follow_symlinks=False)

    def last_beat(self) -> datetime | None:
        try:
            return datetime.fromtimestamp(self._holder.lstat().st_mtime, UTC)
        except (OSError, ValueError, OverflowError):
            return None

    def holder(self) -> dict[str, Any] | None:
        """What the process that holds the folder has written about itself; None if no process holds it."""
        try:
            folder = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY)
        except OSError:
            return None
        try:
            return None if _try_lock(folder, fcntl.LOCK_SH) else self._about()
        finally:
            os.close(folder)

    def _about(self) -> dict[str, Any]:
        from training import private_files

        try:
            about = json.loads(private_files.read(self._holder))
        except (OSError, ValueError):
            return {}  # the process that holds the lock has not written the file yet
        return about if isinstance(about, dict) else {}

    def _by_process(self) -> str:
        about = self._about()
        return f" by process {about['pid']} (since {about.get('since', '?')})" if "pid" in about else ""


def expanded(path: Path) -> Path:
    """Replace ~ by the home folder."""
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise ConfigError(f"{path}: this user has no home folder; set HOME, or choose a folder with --state") from error


def _lock(folder: int) -> bool:
    """Try to lock the folder for half a second, because `mynah status` takes the lock briefly to test it."""
    for _ in range(10):
        if _try_lock(folder, fcntl.LOCK_EX):
            return True
        time.sleep(0.05)
    return False


def _try_lock(folder: int, kind: int) -> bool:
    try:
        fcntl.flock(folder, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
