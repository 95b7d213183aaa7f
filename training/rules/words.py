"""Words in any script, to count and to compare. In scripts without spaces, letters are counted."""

from __future__ import annotations

import re
import unicodedata

HANDLE = re.compile(r"(?<![A-Za-z0-9_.+-])[@\uff20][A-Za-z0-9_]{1,20}")  # not the @ of a mail address
HASHTAG = re.compile(r"(?<![\w&])[#\uff03]\w+")
# Han, kana, bopomofo: about two letters to a word.
DENSE = r"\u3005-\u3007\u3040-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"  # noqa: E501  one class
# Thai, Lao, Tibetan, Burmese, Khmer, Tai Tham, Balinese, Javanese: about four, vowel signs left out.
LOOSE = r"\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u1a20-\u1aaf\u1b00-\u1b7f\ua980-\ua9ff\uaa60-\uaa7f"
LETTERS_DENSE = 2
LETTERS_LOOSE = 4
ONE_DENSE = re.compile(f"[{DENSE}]")
ONE_LOOSE = re.compile(f"[{LOOSE}]")
UNSPACED = re.compile(f"[{DENSE}{LOOSE}]")
WORD = re.compile(rf"[{DENSE}{LOOSE}]|[^\W{DENSE}{LOOSE}]+(?:['\u2019][^\W{DENSE}{LOOSE}]+)*")


def count(text: str) -> float:
    """The number of words with a letter or a digit, without handles and hashtags."""
    plain = HASHTAG.sub(" ", HANDLE.sub(" ", text))
    if UNSPACED.search(plain) is None:
        return sum(any(map(str.isalnum, word)) for word in plain.split())
    dense = sum(map(str.isalnum, ONE_DENSE.findall(plain)))
    loose = sum(map(str.isalnum, ONE_LOOSE.findall(plain)))
    return count(UNSPACED.sub(" ", plain)) + dense / LETTERS_DENSE + loose / LETTERS_LOOSE


def words(text: str) -> list[str]:
    """The words without case, width and punctuation; in a script without spaces, the letters."""
    return WORD.findall(unicodedata.normalize("NFKC", text).casefold())
