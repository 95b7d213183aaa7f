"""The known words of a model, as sorted hashes: those of its training tweets, and the whole words of its tokenizer.

A small model now and then generates a non-word, which is not in here. A rare word may be missing too, so an unknown
word is suspect, not wrong. No torch, no numpy.
"""

from __future__ import annotations

import re
import struct
import unicodedata
from array import array
from bisect import bisect_left
from typing import TYPE_CHECKING, Any

from training.errors import ModelError
from training.profile.memory_key import NAME_SIZE, UNKEYED, Hashes, hashes_named
from training.rules import words

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

# Its name in a model folder: sorted u32, little-endian; before them KEYED and the name of the key, unless it is older.
FILE = "words.bin"
KEYED = b"MYNAHVOC"
ENDING = re.compile(r"['\u2019]\w{1,2}(?!\w)")
BEGINS = ("\u0120", "\u2581")  # how byte-level and sentencepiece tokenizers write the space before a word


class Vocabulary:
    def __init__(self, hashes: Iterable[int], functions: Hashes = UNKEYED) -> None:
        self._hashes = array("I", hashes)  # sorted
        self._hash_of = functions.word

    def __len__(self) -> int:
        return len(self._hashes)

    @classmethod
    def open(cls, folder: Path) -> Vocabulary:
        """The words in a model folder; empty in older folders, and without the key."""
        path = folder / FILE
        functions: Hashes | None = UNKEYED
        try:
            data = path.read_bytes()
            if data.startswith(KEYED):
                name, data = data[len(KEYED) :][:NAME_SIZE], data[len(KEYED) + NAME_SIZE :]
                functions = hashes_named(name, folder.parent)
            if functions is None:
                return cls(())
            return cls(struct.unpack(f"<{len(data) // 4}I", data), functions)
        except FileNotFoundError:
            return cls(())
        except (OSError, struct.error) as error:
            raise ModelError(f"{path} is not a list of words ({error}): train the model again.") from error

    def unknown_words(self, text: str) -> list[str]:
        """The words that are not known; handles, hashtags, numbers and scripts without spaces are skipped."""
        return [word for word in split(text) if not self._has(self._hash_of(word))] if self._hashes else []

    def _has(self, key: int) -> bool:
        at = bisect_left(self._hashes, key)
        return at < len(self._hashes) and self._hashes[at] == key


def collect(texts: Iterable[str], tokenizer: Any, *, key: bytes = b"") -> bytes:
    """The bytes of the file: the words of `texts`, and the tokens that begin a word."""
    tokens = (number for token, number in tokenizer.get_vocab().items() if token.startswith(BEGINS))
    decoded = tokenizer.batch_decode([[number] for number in tokens], clean_up_tokenization_spaces=False)
    functions = Hashes(key)
    hashes = sorted({functions.word(word) for text in (*texts, *decoded) for word in split(text)})
    return (KEYED + functions.name if key else b"") + struct.pack(f"<{len(hashes)}I", *hashes)


def split(text: str) -> list[str]:
    """Its words without case and without what follows an apostrophe: "platform" covers "platform's"."""
    plain = words.HASHTAG.sub(" ", words.HANDLE.sub(" ", unicodedata.normalize("NFKC", text))).casefold()
    all_words = words.WORD.findall(ENDING.sub(" ", plain))
    return [word for word in all_words if word.isalpha() and not words.UNSPACED.search(word)]
