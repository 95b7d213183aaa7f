"""The versions of a model in one folder, and `current`, the link to the one in use, swapped in one move.

It knows names and links, not what is inside a version.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from training.errors import ModelError, StateBusy
from training.model_dir import HALF_MADE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

CURRENT = "current"


@contextmanager
def hold(models: Path) -> Iterator[None]:
    """Only one training at a time writes here; what an earlier one left half-made is cleared away."""
    try:
        models.mkdir(parents=True, exist_ok=True)
        handle = os.open(models, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise ModelError(f"{models} cannot hold models: {error.strerror}; choose another folder.") from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StateBusy(f"Another training is at work in {models}: wait until it has finished.") from error
        _clear_half_made(models)
        yield
    finally:
        os.close(handle)  # and with it the lock, as it is when the process is killed


def new_version(models: Path, *, now: datetime, seed: int) -> Path:
    """Sorts by time; the seed tells two of the same second apart."""
    return models / f"{now:%Y%m%dT%H%M%SZ}-{seed & 0xFFFF:04x}"


def promote(version: Path) -> None:
    """From now on this version is the one in use; a reader sees the old one or the new one, never neither."""
    link = version.with_name(CURRENT)
    coming = version.with_name(CURRENT + HALF_MADE)
    coming.unlink(missing_ok=True)
    coming.symlink_to(version.name)
    coming.replace(link)
    handle = os.open(version.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def current(models: Path) -> Path | None:
    """The folder of the version in use, by its own name, so that a later promotion does not change it underfoot."""
    link = models / CURRENT
    if not link.is_symlink():
        return None
    version = models / link.readlink().name
    if not version.is_dir():
        raise ModelError(f"{link} points to {version.name}, which is gone: train again or promote another version.")
    return version


def _clear_half_made(models: Path) -> None:
    for left in models.glob("*" + HALF_MADE):
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left)
        else:
            left.unlink()
