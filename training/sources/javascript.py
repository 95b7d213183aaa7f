"""A streaming reader of a JavaScript file in an X archive: the assignment before the JSON, then item by item.

Archives reach hundreds of megabytes. A text with emoji takes four bytes a character, and its JSON as objects five times
that; one chunk and one item take next to nothing.
"""

from __future__ import annotations

import codecs
import json
import re
from typing import TYPE_CHECKING, Any

from training.errors import SourceError
from training.sources.decoding import not_json, not_utf8

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGEST = 8 << 20  # characters in one item; a tweet has one or two thousand
HEAD_SIZE = 1 << 10
SPACE = re.compile(r"[ \t\r\n]*")
DECODER = json.JSONDecoder()


class Script:
    """Read once, front to back: `head`, then `items`."""

    def __init__(self, chunks: Iterator[bytes], where: str) -> None:
        self._chunks = chunks
        self._where = where
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._bytes = 0  # decoded so far
        self._text = ""
        self._place = 0  # in _text
        self._lines = 0  # in the text that was dropped already
        self._column = 0  # of the end of that text
        self._ended = False

    def head(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Matches the JavaScript before the JSON, which is never run."""
        while len(self._text) < HEAD_SIZE and self._more():
            pass
        self._place = int(self._text.startswith("\ufeff"))
        match = pattern.match(self._text, self._place)
        self._place = match.end() if match else self._place
        return match

    @property
    def listed(self) -> bool:
        """Whether a list follows, rather than a single value."""
        return self._next() == "["

    def items(self) -> Iterator[Any]:
        """Each item of the list, or the one value that the file holds."""
        if self.listed:
            yield from self._listed()
        else:
            yield self._value()
        if self._next() == ";":
            self._place += 1
        if self._next():
            raise self._broken()

    def _listed(self) -> Iterator[Any]:
        self._place += 1
        if self._next() == "]":
            self._place += 1
            return
        while True:
            yield self._value()
            mark = self._next()
            if mark not in {",", "]"}:
                raise self._broken()
            self._place += 1
            if mark == "]":
                return

    def _next(self) -> str:
        """The next character that is not a space; "" at the end."""
        while True:
            space = SPACE.match(self._text, self._place)
            self._place = space.end() if space else self._place
            if self._place < len(self._text):
                return self._text[self._place]
            if not self._more():
                return ""

    def _value(self) -> Any:
        self._next()
        while True:
            try:
                value, self._place = DECODER.raw_decode(self._text, self._place)
            except json.JSONDecodeError as error:  # invalid, or incomplete so far
                if len(self._text) - self._place > LARGEST or not self._more():
                    raise self._broken(error.pos) from error
            except (RecursionError, ValueError) as error:  # nested a thousand deep; a number of 5,000 digits
                raise SourceError(f"{self._where} holds JSON that no list of tweets has: fetch it again.") from error
            else:
                return value

    def _more(self) -> bool:
        """Drop what was read, and read another chunk; False at the end of the file."""
        if self._ended:
            return False
        chunk = next(self._chunks, b"")
        self._ended = not chunk
        waiting = len(self._decoder.getstate()[0])
        try:
            text = self._decoder.decode(chunk, final=self._ended)
        except UnicodeDecodeError as error:
            raise not_utf8(self._where, self._bytes - waiting + error.start) from error
        self._bytes += len(chunk)
        lines, column = self._position(self._place)
        self._lines, self._column = lines, column
        self._text = self._text[self._place :] + text
        self._place = 0
        return not self._ended

    def _position(self, place: int) -> tuple[int, int]:
        """The line, and the column in it, both from 0, counted over the whole file."""
        begun = self._text.rfind("\n", 0, place)
        column = place - begun - 1 if begun >= 0 else self._column + place
        return self._lines + self._text.count("\n", 0, place), column

    def _broken(self, place: int | None = None) -> SourceError:
        line, column = self._position(self._place if place is None else place)
        return not_json(self._where, line + 1, column + 1)
