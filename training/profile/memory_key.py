"""The key of a model's hashes. Without it, nobody can test which words and tweets the hashes stand for.

It lies beside the folder of the models, not in it, so that a model that is handed on leaves it behind.
"""

from __future__ import annotations

import secrets
from hashlib import blake2b, blake2s
from typing import TYPE_CHECKING
from zlib import crc32

from training import private_files
from training.corpus.normalise import normalise
from training.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FILE = "memory.key"
SIZE = 32
NAME_SIZE = 8


class Hashes:
    """The hash functions of one key; b"" stands for those of earlier models, which everybody can compute."""

    def __init__(self, key: bytes = b"") -> None:
        self.key = key
        # Not the key itself: it is written beside the hashes, to tell another key from a text that nobody has said.
        self.name = blake2b(b"", key=key, digest_size=NAME_SIZE, person=b"name of a key").digest()
        # BLAKE2 knows where its input ends, so a key in front makes it a MAC: 0.4 µs, where its keyed mode takes 0.7.
        self.short: Callable[[bytes], int] = self._keyed if key else crc32

    def _keyed(self, content: bytes) -> int:
        return int.from_bytes(blake2s(self.key + content, digest_size=4).digest(), "little")

    def word(self, word: str) -> int:
        return self.short(word.encode("utf-8", "replace"))

    def tweet(self, text: str) -> int:
        content = normalise(text).encode("utf-8", "replace")
        return int.from_bytes(blake2b(content, key=self.key, digest_size=8).digest(), "little")


UNKEYED = Hashes()


def read(models: Path) -> bytes:
    """The key of a folder of models; b"" if there is none."""
    path = models.parent / FILE
    try:
        key = private_files.read(path)
    except (FileNotFoundError, NotADirectoryError):
        return b""
    except OSError as error:
        raise ModelError(f"{path} cannot be read ({error.strerror}): check whose it is.") from error
    if len(key) != SIZE:
        raise ModelError(f"{path} is not a key: put back the one that was there, or delete it and retrain.")
    return key


def make(models: Path) -> bytes:
    """The key, made on first need."""
    if key := read(models):
        return key
    path = models.parent / FILE
    try:
        private_files.replace(path, secrets.token_bytes(SIZE), temporary=path.with_suffix(".key.tmp"))
    except OSError as error:
        raise ModelError(f"{path} cannot be written ({error.strerror}): check its folder.") from error
    return read(models)


def hashes_named(name: bytes, models: Path) -> Hashes | None:
    """The hash functions whose key has this name; None if the key is not here."""
    hashes = Hashes(read(models))
    return hashes if hashes.name == name and hashes.key else None
