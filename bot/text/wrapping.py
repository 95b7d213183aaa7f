"""Lines that fit a width, broken between words only."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PIECE = re.compile(r"[(\[]*`[^`\n]*`\S*|\S+")  # a quoted command stays on one line where it fits


def cells(text: str) -> int:
    """The columns that a text takes: two for a wide character, none for one that joins another."""
    return sum(map(_cells, text)) if not text.isascii() else len(text)


def wrapped(text: str, columns: int | None, *, hang: str = "") -> list[str]:
    """Lines of at most so many columns, broken between words; `hang` goes before all but the first of a paragraph.

    Only a word that is longer than a line is longer than the terminal: a path or an address in pieces is no use.
    """
    if columns is None:
        return text.split("\n")
    return [line for paragraph in text.split("\n") for line in _wrapped(paragraph, columns, hang)]


def _wrapped(paragraph: str, columns: int, hang: str) -> Iterator[str]:
    first = paragraph[: len(paragraph) - len(paragraph.lstrip(" "))]
    later = first + hang
    line, used, is_empty = first.rstrip(), 0, True
    for gap, word in _pieces(paragraph, columns - len(later)):
        size = cells(word)
        if is_empty or used + gap + size > columns:
            if not is_empty:
                yield line
            indent = first if is_empty else later
            line = indent[: max(columns - size, 0)] + word  # a long word has a smaller indent
            used = cells(line)
            is_empty = False
            continue
        line += " " * gap + word
        used += gap + size
    yield line


def _pieces(paragraph: str, columns: int) -> Iterator[tuple[int, str]]:
    """What stays together, with the number of spaces before it; text without spaces breaks between wide letters."""
    end = len(paragraph) - len(paragraph.lstrip(" "))
    for match in PIECE.finditer(paragraph, end):
        gap, end = match.start() - end, match.end()
        if cells(match[0]) <= columns:
            yield gap, match[0]
            continue
        for word in re.finditer(r"\S+", match[0]):
            before = gap if word.start() == 0 else 1
            for part in _unspaced(word[0]) if cells(word[0]) > columns else [word[0]]:
                yield before, part
                before = 0


def _unspaced(word: str) -> Iterator[str]:
    """The word in parts that may be on different lines: after each wide letter, as in Chinese or Japanese."""
    part = ""
    for letter in word:
        if part and _cells(letter) == 2 and not unicodedata.category(letter).startswith("P"):
            yield part
            part = ""
        part += letter
    yield part


def _cells(letter: str) -> int:
    if letter.isascii():
        return 1
    if unicodedata.category(letter) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1
