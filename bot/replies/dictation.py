"""Refuses a reply whose words the mention dictates: whoever mentions the bot must not choose what it says.

No two content words in a row, no name and no number may come from the mention. Function words
(words/function_words.txt) are free, and so is one content word at a time: a reply has to have a subject.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import TYPE_CHECKING

from bot.replies.clauses import folded
from bot.screen import echoes
from bot.screen.disguises import views
from bot.text.scripts import UNSPACED
from bot.values import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

_FUNCTION_WORDS = files("bot.replies") / "words" / "function_words.txt"
_APOSTROPHES = re.compile(r"(?<=\w)['\u2019\u02bc`\u00b4](?=\w)")
_WORD = re.compile(r"[^\W_]+")
_NUMBER = re.compile(r"\d(?:[\d.,:/\u2019' -]*\d)?")
_SENTENCE = re.compile(r"(?:^|[.!?\u2026:\n\"\u201c\u00bf\u00a1(]\s*)([^\W\d_]+)")
_UNSPACED_RUN = re.compile(rf"(?:{UNSPACED})+")
_KANA = re.compile(r"[\u3041-\u309f]")
_IN_A_ROW = 4  # letters of a script without spaces: two words
_FEWEST_CONTENT = 2  # of them, letters that are not hiragana, which mostly is grammar
_SHOUTED = 0.6  # of the letters in capitals: then small letters say nothing about names
_SHORT_ENDS = ("s", "es", "ed", "ing", "d", "ly")  # "steals" is "steal"


def why_not(text: str, mention: str) -> Reason | None:
    return echoes.why_not(text, mention) or _dictated(text, mention)


def _dictated(text: str, mention: str) -> Reason | None:
    theirs = {_stem(word) for view in views(_APOSTROPHES.sub("", mention)) for word in view} - function_words()
    words = _words(text)
    content = [word for word in words if folded(word) not in function_words()]
    if number := next(iter(sorted(_numbers(text) & _numbers(mention))), None):
        return Reason("echo", number)
    for first, second in pairwise(content):
        if _stem(folded(first)) in theirs and _stem(folded(second)) in theirs:
            return Reason("echo", f"{first} {second}")
    if name := next(_names_from(text, content, mention, theirs), None):
        return Reason("echo", name)
    if run := next(_unspaced_from(text, mention), None):
        return Reason("echo", run)
    return None


def _names_from(text: str, content: list[str], mention: str, theirs: set[str]) -> Iterator[str]:
    """Words that the mention writes with a capital, or the reply with one that begins no sentence.

    In a mention in capitals, any word may be a name.
    """
    letters = [letter for letter in mention if letter.isalpha()]
    shouts = sum(letter.isupper() for letter in letters) > _SHOUTED * len(letters)
    names = {_stem(folded(word)) for word in _words(mention) if word[:1].isupper()}
    begins = {match[1] for match in _SENTENCE.finditer(text)}
    for word in content:
        is_name_here = word[:1].isupper() and (shouts or word not in begins)
        if _stem(folded(word)) in (theirs if is_name_here else set() if shouts else names):
            yield word


def _unspaced_from(text: str, mention: str) -> Iterator[str]:
    """Runs of letters of Chinese, Japanese or Thai that both have."""
    theirs = {run for match in _UNSPACED_RUN.finditer(mention) for run in _runs(match[0])}
    for match in _UNSPACED_RUN.finditer(text):
        for run in _runs(match[0]):
            if run in theirs and len(_KANA.sub("", run)) >= _FEWEST_CONTENT:
                yield run


def _runs(letters: str) -> Iterator[str]:
    return (letters[start : start + _IN_A_ROW] for start in range(len(letters) - _IN_A_ROW + 1))


def _numbers(text: str) -> set[str]:
    """The digits of each number, in any script, without what separates them."""
    plain = "".join(
        str(unicodedata.digit(letter)) if letter.isdigit() else letter for letter in unicodedata.normalize("NFKC", text)
    )
    return {re.sub(r"\D", "", match[0]) for match in _NUMBER.finditer(plain)}


def _words(text: str) -> list[str]:
    return _WORD.findall(_APOSTROPHES.sub("", _UNSPACED_RUN.sub(" ", text)))


def _stem(word: str) -> str:
    """Roughly: an English ending more or less does not make another word."""
    for ending in sorted(_SHORT_ENDS, key=len, reverse=True):
        if word.endswith(ending) and len(word) - len(ending) >= 3:  # "bus" is no plural
            return word[: -len(ending)]
    return word


@cache
def function_words() -> frozenset[str]:
    lines = _FUNCTION_WORDS.read_text(encoding="utf-8").splitlines()
    return frozenset(folded(word) for line in lines if not line.startswith("#") for word in line.split())
