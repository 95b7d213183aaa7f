"""Root becomes the owner of a state folder before it touches anything in it, and for good.

A bot owns its folder. If it was taken over, it can place links there, and root would write wherever they point.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import stat
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bot.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

# Flags of the system calls unshare and mount, which Python does not have yet.
NEW_NAMESPACE = 0x20000
NO_SETUID, NO_DEVICES, NO_PROGRAMS = 0x2, 0x4, 0x8
BIND, ALL_BELOW, PRIVATE = 0x1000, 0x4000, 0x40000


@dataclass(frozen=True, slots=True)
class Owner:
    uid: int
    gid: int
    groups: tuple[int, ...]


def become_owner(folder: Path) -> bool:
    """If this is root and the folder, or the place where it will be made, is somebody else's, become that user.

    Returns whether it did. Root stays root in its own folder, if nobody else can put another in its place.
    """
    if (owner := _somebody_else(folder)) is None:
        return False
    _prepare(folder, owner)
    try:
        os.setgroups(owner.groups)
        os.setresgid(owner.gid, owner.gid, owner.gid)
        os.setresuid(owner.uid, owner.uid, owner.uid)
    except OSError as error:
        raise _cannot(folder, owner, error.strerror) from error
    return True


@contextmanager
def as_owner(folder: Path) -> Iterator[None]:
    """The same for a while, for the one command that also writes root's own files: `mynah auth` stores keys."""
    owner = _somebody_else(folder)
    if owner is None:
        yield
        return
    _prepare(folder, owner)
    with _acting_as(owner):
        yield


def why_unsafe(folder: Path, *, owners: Collection[int]) -> str:
    """Why somebody else could change what the folder has, or put another in its place; "" if nobody can.

    `owners`: the users to whom the folder may belong.
    """
    uid = folder.stat().st_uid
    if uid not in owners:
        return f"{folder} belongs to {_name(uid)}"
    for path in _on_the_way(folder):
        status = path.lstat()
        if status.st_uid not in {0, uid}:
            return f"{path} belongs to {_name(status.st_uid)}"
        if not stat.S_ISLNK(status.st_mode) and _is_open_to_others(path, status, the_folder=path == folder.resolve()):
            return f"others may write to {path}"
    return ""


def _is_open_to_others(path: Path, status: os.stat_result, *, the_folder: bool) -> bool:
    if status.st_mode & stat.S_ISVTX and not the_folder:  # as in /tmp, nobody may replace what is another's
        return False
    # A user's own group, which many systems give each user, has no other members.
    by_group = status.st_mode & stat.S_IWGRP and (the_folder or status.st_gid not in {0, status.st_uid})
    return bool(status.st_mode & stat.S_IWOTH or by_group) and path.is_dir()


def _somebody_else(folder: Path) -> Owner | None:
    """Whom root has to become; None if nobody, or if this is not root."""
    if os.geteuid() != 0:
        return None
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    status = existing.stat()
    if status.st_uid:
        return _owner(status)
    if why := why_unsafe(existing, owners={0}):
        if existing != folder and existing.stat().st_mode & stat.S_ISVTX:  # a new folder in /tmp will be root's own
            return None
        raise ConfigError(f"root does not use {folder}, because {why}: choose a folder of root's, or of the bot's user")
    return None


def _owner(status: os.stat_result) -> Owner:
    try:
        user = pwd.getpwuid(status.st_uid)
    except KeyError:  # a user that systemd made for a unit which is not running
        gid = status.st_gid or status.st_uid
        return Owner(status.st_uid, gid, (gid,))
    return Owner(user.pw_uid, user.pw_gid, tuple(os.getgrouplist(user.pw_name, user.pw_gid)))


def _prepare(folder: Path, owner: Owner) -> None:
    """Check that the owner can run this program and get to the folder."""
    with _acting_as(owner):
        unreadable = [file for file in (os.__file__, __file__) if not os.access(file, os.R_OK, effective_ids=True)]
    if unreadable:
        raise ConfigError(
            f"{folder} belongs to {_name(owner.uid)}, whom root becomes before it touches the folder, but who cannot "
            f"read {unreadable[0]}: install mynah where everybody can read it, such as /opt, or run it as that user"
        )
    try:
        _open_the_way(folder.resolve(), owner)
    except OSError as error:
        raise _cannot(folder, owner, error.strerror) from error


def _open_the_way(folder: Path, owner: Owner) -> None:
    """Let the owner through parents that only root may search, in this process alone, as systemd does for its units.

    DynamicUser= keeps the folder in /var/lib/private. SQLite needs a path to it, not only a descriptor.
    """
    if not folder.exists():
        return
    with _acting_as(owner):
        closed = next((path for path in reversed(folder.parents) if not _may_search(path)), None)
    if closed is None:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    _checked(libc.unshare(NEW_NAMESPACE))
    _mount(libc, "none", Path("/"), ALL_BELOW | PRIVATE)
    handle = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW)  # before it is hidden
    _mount(libc, "tmpfs", closed, NO_SETUID | NO_DEVICES | NO_PROGRAMS, kind="tmpfs", options="mode=0755,size=64k")
    mask = os.umask(0o022)
    try:
        folder.mkdir(parents=True)
    finally:
        os.umask(mask)
    _mount(libc, f"/proc/self/fd/{handle}", folder, BIND)
    os.close(handle)


def _mount(libc: ctypes.CDLL, source: str, target: Path, flags: int, *, kind: str = "", options: str = "") -> None:
    texts = source.encode(), os.fsencode(target), kind.encode() or None
    _checked(libc.mount(*texts, ctypes.c_ulong(flags), options.encode() or None))


def _checked(result: int) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _may_search(path: Path) -> bool:
    return os.access(path, os.X_OK, effective_ids=True)


@contextmanager
def _acting_as(owner: Owner) -> Iterator[None]:
    groups = os.getgroups()
    os.setgroups(owner.groups)
    os.setegid(owner.gid)
    os.seteuid(owner.uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


def _on_the_way(folder: Path) -> Iterator[Path]:
    """The folder and its parents, as it is named and, where that has links, as it is."""
    named = folder.absolute()
    yield from dict.fromkeys((named, *named.parents, folder.resolve(), *folder.resolve().parents))


def _cannot(folder: Path, owner: Owner, why: str | None) -> ConfigError:
    return ConfigError(
        f"{folder} belongs to {_name(owner.uid)}, and root cannot become that user ({why}): run the command as that "
        f"user, such as `setpriv --reuid={owner.uid} --regid={owner.gid} --clear-groups {sys.argv[0]} …`"
    )


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
