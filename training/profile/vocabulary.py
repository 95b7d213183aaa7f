"""The known words of a model, as sorted hashes: those of its training tweets, and the whole words of its tokenizer.

A small model now and then generates a non-word, which is not in here. A rare word may be missing too, so an unknown
word is suspect, not wrong. No torch, no numpy.
"""

from __future__ import annotations

import re
import struct
import unicodedata
import zlib
from array import array
from bisect import bisect_left
from typing import TYPE_CHECKING, Any

from training.errors import ModelError
from training.rules import words

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

FILE = "words.bin"  # its name in a model folder: sorted u32, little-endian
ENDING = re.compile(r"['\u2019]\w{1,2}(?!\w)")
BEGINS = ("\u0120", "\u2581")  # how byte-level and sentencepiece tokenizers write the space before a word


class Vocabulary:
    def __init__(self, hashes: Iterable[int]) -> None:
        self._hashes = array("I", hashes)  # sorted

    def __len__(self) -> int:
        return len(self._hashes)

    @classmethod
    def open(cls, folder: Path) -> Vocabulary:
        """The words in a model folder; empty in older folders."""
        path = folder / FILE
        try:
            data = path.read_bytes()
            return cls(struct.unpack(f"<{len(data) // 4}I", data))
        except FileNotFoundError:
            return cls(())
        except (OSError, struct.error) as error:
            raise ModelError(f"{path} is not a list of words ({error}): train the model again.") from error

    def unknown_words(self, text: str) -> list[str]:
        """The words that are not known; handles, hashtags, numbers and scripts without spaces are skipped."""
        return [word for word in split(text) if not self._has(fingerprint(word))] if self._hashes else []

    def _has(self, key: int) -> bool:
        at = bisect_left(self._hashes, key)
        return at < len(self._hashes) and self._hashes[at] == key


def collect(texts: Iterable[str], tokenizer: Any) -> bytes:
    """The bytes of the file: the words of `texts`, and the tokens that begin a word."""
    tokens = (number for token, number in tokenizer.get_vocab().items() if token.startswith(BEGINS))
    decoded = tokenizer.batch_decode([[number] for number in tokens], clean_up_tokenization_spaces=False)
    hashes = sorted({fingerprint(word) for text in (*texts, *decoded) for word in split(text)})
    return struct.pack(f"<{len(hashes)}I", *hashes)


def split(text: str) -> list[str]:
    """Its words without case and without what follows an apostrophe: "platform" covers "platform's"."""
    plain = words.HASHTAG.sub(" ", words.HANDLE.sub(" ", unicodedata.normalize("NFKC", text))).casefold()
    all_words = words.WORD.findall(ENDING.sub(" ", plain))
    return [word for word in all_words if word.isalpha() and not words.UNSPACED.search(word)]


def fingerprint(word: str) -> int:
    return zlib.crc32(word.encode("utf-8", "replace"))
