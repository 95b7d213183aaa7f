"""Bytes by member name out of a zip, a folder or one file that a stranger may have made.

Opens only the members that it is asked for, writes nothing to disk, and knows nothing of tweets.
"""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from typing import TYPE_CHECKING

from training.errors import SourceError

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator
    from pathlib import Path

MIB = 1 << 20
TOTAL_LIMIT = 1024 * MIB  # a tweet takes about 1.3 kB in an archive: room for some 800,000
RATIO_LIMIT = 100  # the JSON of tweets deflates about 12 times, a bomb up to 1,032 times
RATIO_FLOOR = 10 * MIB  # a small file may repeat itself as it likes
CHUNK = MIB
ENCRYPTED = 0x1  # the flag bit of a member with a password
ZIP_HEADS = (b"PK\x03\x04", b"PK\x05\x06")  # of a zip with members, and of an empty one
# Where the members of an archive lie, with and without one inner folder. Patterns instead of a walk: the media
# folder beside them holds tens of thousands of files, and a home folder given by mistake holds more.
FOLDER_PATTERNS = tuple(
    f"{inner}{place}*.js" for inner in ("", "*/") for place in ("", "data/", "data/js/", "data/js/tweets/")
)
# All that zipfile was seen to raise, or may raise, over damaged input.
ZIP_FAULTS = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    IndexError,
    OverflowError,
)


def members(path: Path, allowed: re.Pattern[str], room: int = TOTAL_LIMIT) -> Iterator[tuple[str, bytes]]:
    """Each member whose whole name `allowed` matches, with its bytes, `room` of them in all.

    A single file is its own only member, whatever its name.
    """
    try:
        if not is_bundle(path):
            yield path.name, file_bytes(path, room)
        elif path.is_dir():
            yield from _folder_members(path, allowed, room)
        else:
            yield from _zip_members(path, allowed, room)
    except OSError as error:
        raise _unreadable(path, error) from error


def is_bundle(path: Path) -> bool:
    """A folder, or a file that begins like a zip or calls itself one, as a half-downloaded zip still does."""
    try:
        return path.is_dir() or head(path, 4) in ZIP_HEADS or path.suffix.lower() == ".zip"
    except OSError as error:
        raise _unreadable(path, error) from error


def head(path: Path, size: int) -> bytes:
    try:
        if not path.exists():
            raise SourceError(f"{path} does not exist: check the path.")
        if not path.is_file():  # a device or a pipe might never end
            raise SourceError(f"{path} is neither a file nor a folder: give the zip, its unpacked folder or one file.")
        with path.open("rb") as file:
            return file.read(size)
    except OSError as error:
        raise _unreadable(path, error) from error


def file_bytes(path: Path, room: int = TOTAL_LIMIT) -> bytes:
    """The whole of a plain file, if it is of a size that tweets can have."""
    data = head(path, room + 1)
    if len(data) > room:
        raise _too_large(path)
    return data


def _folder_members(root: Path, allowed: re.Pattern[str], room: int) -> Iterator[tuple[str, bytes]]:
    home = root.resolve()
    for file in sorted({file for pattern in FOLDER_PATTERNS for file in root.glob(pattern)}):
        name = file.relative_to(root).as_posix()
        # A link may not lead out of the folder that the person handed over.
        if not allowed.fullmatch(name) or not file.is_file() or not file.resolve().is_relative_to(home):
            continue
        data = file_bytes(file, room)
        room -= len(data)
        yield name, data


def _zip_members(path: Path, allowed: re.Pattern[str], room: int) -> Iterator[tuple[str, bytes]]:
    try:
        with zipfile.ZipFile(path) as archive:
            for info in _wanted(archive, path, allowed):
                data = _inflated(archive, info, path, room)
                room -= len(data)
                yield info.filename, data
    except ZIP_FAULTS as error:
        raise SourceError(f"{path} is a damaged or half-downloaded zip ({error}): download it again.") from error


def _wanted(archive: zipfile.ZipFile, path: Path, allowed: re.Pattern[str]) -> list[zipfile.ZipInfo]:
    found: dict[str, zipfile.ZipInfo] = {}
    for info in archive.infolist():
        name = info.filename
        if not allowed.fullmatch(name) or stat.S_ISLNK(info.external_attr >> 16):
            continue
        if name in found:
            raise SourceError(f"{path} holds {name} twice, which no archive of X does: download it again.")
        if info.flag_bits & ENCRYPTED:
            raise SourceError(f"{path} is locked with a password: unpack it and give the folder.")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise SourceError(f"{path} packs {name} in an unusual way: unpack it and give the folder.")
        found[name] = info
    return list(found.values())


def _inflated(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path, room: int) -> bytes:
    """What comes out is counted, because the sizes that a zip states may be lies."""
    packed = min(info.compress_size, path.stat().st_size)
    limit = max(RATIO_FLOOR, RATIO_LIMIT * packed)
    data = bytearray()
    with archive.open(info) as member:
        while chunk := member.read(CHUNK):
            data += chunk
            if len(data) > limit:
                raise SourceError(f"{path}: {info.filename} unpacks to far more than tweets do; it is not read.")
            if len(data) > room:
                raise _too_large(path)
    return bytes(data)


def _too_large(path: Path) -> SourceError:
    return SourceError(f"{path} holds more tweets than can be read at once: give its files tweets*.js one by one.")


def _unreadable(path: Path, error: OSError) -> SourceError:
    return SourceError(f"{path} cannot be read ({error.strerror or error}): check its name and its permissions.")
