"""Files in a folder where others may have placed links: none is followed, and a new file is for its owner only."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

PRIVATE = 0o600
NEVER_FOLLOW = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK  # a FIFO would wait for its other end


def create(path: Path) -> int:
    """A new file, open for writing, whatever the umask is. Made by root, it belongs to the owner of the folder."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | NEVER_FOLLOW, PRIVATE)
    os.fchmod(file, PRIVATE)
    if os.geteuid() == 0:
        owner = path.parent.stat()
        os.fchown(file, owner.st_uid, owner.st_gid)
    return file


def open_regular(path: Path, flags: int = os.O_RDONLY) -> int:
    """A descriptor of a file that is neither a link nor a device, a pipe or a folder."""
    try:
        file = os.open(path, flags | NEVER_FOLLOW, PRIVATE)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(errno.ELOOP, "it is a link, which is not followed", str(path)) from error
        raise
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise OSError(errno.EINVAL, "it is not a regular file", str(path))
    return file


def make_private(path: Path) -> None:
    """Take away what others may do with an existing file; an OSError if it is a link or no file."""
    file = open_regular(path)
    try:
        status = os.fstat(file)
        if status.st_mode & 0o077 and status.st_uid == os.geteuid():
            os.fchmod(file, PRIVATE)
    finally:
        os.close(file)


def read(path: Path, limit: int = 1 << 20) -> bytes:
    """The content, up to a limit."""
    with os.fdopen(open_regular(path), "rb") as file:
        return file.read(limit)


def write(path: Path, content: bytes) -> None:
    """Write in place, for a small file that may be lost."""
    file = open_regular(path, os.O_WRONLY | os.O_CREAT)
    with os.fdopen(file, "wb") as out:
        os.fchmod(file, PRIVATE)
        out.truncate()
        out.write(content)


def replace(path: Path, content: bytes, *, temporary: Path) -> None:
    """Write whole or not at all, even if the power fails. What is at `temporary` is deleted."""
    temporary.unlink(missing_ok=True)
    with os.fdopen(create(temporary), "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    temporary.replace(path)
    sync(path.parent)


def sync(folder: Path) -> None:
    """Make a renamed or linked file survive a power failure."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
