"""Reads members of a zip, a folder or a single file that may be hostile.

Opens only the members that it is asked for, and writes nothing to disk.
"""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from training.errors import SourceError

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator
    from pathlib import Path

MIB = 1 << 20
TOTAL_LIMIT = 1024 * MIB  # a tweet takes about 1.3 kB in an archive: limit for some 800,000
RATIO_LIMIT = 100  # the JSON of tweets deflates about 12 times, a bomb up to 1,032 times
RATIO_FLOOR = 10 * MIB  # below it, any ratio is allowed
CHUNK = MIB
ENCRYPTED = 0x1  # the flag bit of a member with a password
ZIP_HEADS = (b"PK\x03\x04", b"PK\x05\x06")  # of a zip with members, and of an empty one
# Where the members of an archive are, with and without one inner folder. Patterns instead of a walk: the media folder
# next to them holds tens of thousands of files, and a home folder passed by mistake holds more.
FOLDER_PATTERNS = tuple(
    f"{inner}{place}"
    for inner in ("", "*/")
    for place in (
        *("*.js", "tweets.csv", "data/*.js", "data/js/*.js", "data/js/tweets/*.js"),
        *("profile_media/*", "data/profile_media/*"),
    )
)
# All that zipfile raises, or may raise, for damaged input.
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
    OSError,  # where the central directory points outside of the file
)


@dataclass(frozen=True, slots=True)
class Member:
    """`chunks` are valid until the next member is requested; `size` is what the bundle states, for a progress bar."""

    name: str
    size: int
    chunks: Iterator[bytes]


def members(path: Path, allowed: re.Pattern[str], limit: int = TOTAL_LIMIT) -> Iterator[Member]:
    """Yield each member whose whole name matches `allowed`; a total above `limit` bytes is an error.

    A single file is its own only member, whatever its name.
    """
    budget = _Budget(path, limit)
    try:
        if not is_bundle(path):
            yield Member(path.name, path.stat().st_size, budget.counted(_file_chunks(path)))
        elif path.is_dir():
            for name, file in _folder_files(path, allowed):
                yield Member(name, file.stat().st_size, budget.counted(_file_chunks(file)))
        else:
            with _faults(path), zipfile.ZipFile(path) as archive:
                for info in _allowed(archive, path, allowed):
                    yield Member(info.filename, info.file_size, budget.counted(_inflated(archive, info, path)))
    except OSError as error:
        raise _unreadable(path, error) from error


def total_size(path: Path, allowed: re.Pattern[str]) -> int:
    """The bytes that `members` will yield, according to the bundle."""
    return sum(member.size for member in members(path, allowed))


def is_bundle(path: Path) -> bool:
    """Whether it is a folder, or begins like a zip or is named like one, as a half-downloaded zip still is."""
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


def file_bytes(path: Path, limit: int = TOTAL_LIMIT) -> bytes:
    """The content of a plain file of up to `limit` bytes."""
    data = head(path, limit + 1)
    if len(data) > limit:
        raise _too_large(path)
    return data


class _Budget:
    """The bytes that may still be read from a bundle."""

    def __init__(self, path: Path, limit: int) -> None:
        self._path = path
        self._left = limit

    def counted(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self._left -= len(chunk)
            if self._left < 0:
                raise _too_large(self._path)
            yield chunk


def _file_chunks(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk
    except OSError as error:
        raise _unreadable(path, error) from error


def _folder_files(root: Path, allowed: re.Pattern[str]) -> Iterator[tuple[str, Path]]:
    home = root.resolve()
    for file in sorted({file for pattern in FOLDER_PATTERNS for file in root.glob(pattern)}):
        name = file.relative_to(root).as_posix()
        # A link may not lead out of the folder that the person named.
        if allowed.fullmatch(name) and file.is_file() and file.resolve().is_relative_to(home):
            yield name, file


@contextmanager
def _faults(path: Path) -> Iterator[None]:
    try:
        yield
    except ZIP_FAULTS as error:
        raise SourceError(f"{path} is a damaged or half-downloaded zip ({error}): download it again.") from error


def _allowed(archive: zipfile.ZipFile, path: Path, allowed: re.Pattern[str]) -> list[zipfile.ZipInfo]:
    infos: dict[str, zipfile.ZipInfo] = {}
    for info in archive.infolist():
        name = info.filename
        if not allowed.fullmatch(name) or stat.S_ISLNK(info.external_attr >> 16):
            continue
        if name in infos:
            raise SourceError(f"{path} holds {name} twice, which no archive of X does: download it again.")
        if info.flag_bits & ENCRYPTED:
            raise SourceError(f"{path} is locked with a password: unpack it and give the folder.")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise SourceError(f"{path} packs {name} in an unusual way: unpack it and give the folder.")
        infos[name] = info
    return list(infos.values())


def _inflated(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> Iterator[bytes]:
    """The unpacked bytes are counted, because the sizes that a zip states may be wrong."""
    packed = min(info.compress_size, path.stat().st_size)
    left = max(RATIO_FLOOR, RATIO_LIMIT * packed)
    with _faults(path), archive.open(info) as member:
        while chunk := member.read(CHUNK):
            left -= len(chunk)
            if left < 0:
                raise SourceError(f"{path}: {info.filename} unpacks to far more than tweets do; it is not read.")
            yield chunk


def _too_large(path: Path) -> SourceError:
    return SourceError(f"{path} holds more tweets than can be read at once: give its files tweets*.js one by one.")


def _unreadable(path: Path, error: OSError) -> SourceError:
    return SourceError(f"{path} cannot be read ({error.strerror or error}): check its name and its permissions.")
