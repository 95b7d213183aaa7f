"""The words that a model may be believed: those of the tweets it learnt from, and the whole pieces of its tokenizer.

Sorted hashes, not words. A small model now and then makes a word that is none, and that one is not here; a rare one may
be missing too, so this says "strange", not "wrong". It needs neither torch nor numpy.
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
        """The words in a model folder; none in one of before there were any."""
        path = folder / FILE
        try:
            data = path.read_bytes()
            return cls(struct.unpack(f"<{len(data) // 4}I", data))
        except FileNotFoundError:
            return cls(())
        except (OSError, struct.error) as error:
            raise ModelError(f"{path} is no list of words ({error}): train the model again.") from error

    def unknown_words(self, text: str) -> list[str]:
        """The words that are not known; handles, hashtags, numbers and scripts without spaces are not looked at."""
        return [word for word in split(text) if not self._has(fingerprint(word))] if self._hashes else []

    def _has(self, wanted: int) -> bool:
        at = bisect_left(self._hashes, wanted)
        return at < len(self._hashes) and self._hashes[at] == wanted


def collect(texts: Iterable[str], tokenizer: Any) -> bytes:
    """The bytes of the file, of the words in `texts` and the pieces that begin a word."""
    pieces = (place for piece, place in tokenizer.get_vocab().items() if piece.startswith(BEGINS))
    spelt = tokenizer.batch_decode([[place] for place in pieces], clean_up_tokenization_spaces=False)
    hashes = sorted({fingerprint(word) for text in (*texts, *spelt) for word in split(text)})
    return struct.pack(f"<{len(hashes)}I", *hashes)


def split(text: str) -> list[str]:
    """Its words without case and what follows an apostrophe: who knows "platform" knows "platform's"."""
    plain = words.HASHTAG.sub(" ", words.HANDLE.sub(" ", unicodedata.normalize("NFKC", text))).casefold()
    found = words.WORD.findall(ENDING.sub(" ", plain))
    return [word for word in found if word.isalpha() and not words.UNSPACED.search(word)]


def fingerprint(word: str) -> int:
    return zlib.crc32(word.encode("utf-8", "replace"))
