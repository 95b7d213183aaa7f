"""Text from outside as visible characters. It may hold what moves a cursor, sets a clipboard or reverses a line.

Each kind of output has one place: `Visible` is the terminal, `in_json` JSON and logs, `in_csv` the cells of a table.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TextIO, cast

if TYPE_CHECKING:
    from collections.abc import Iterable

# Control characters but the line feed, marks and overrides of direction, line separators, tags, halves of pairs. The
# joiners of letters and emoji are none of them.
HIDDEN = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
FORMULA = re.compile(r"[=+\-@\t\r]")  # how a cell begins that a spreadsheet computes


def visible(text: str) -> str:
    """Escaped as Python would; line feeds stay."""
    return HIDDEN.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def in_json(text: str) -> str:
    """JSON with the same values, in which everything is visible."""
    return HIDDEN.sub(lambda match: _escaped(match[0]), text)


def in_csv(text: str) -> str:
    """A cell that no spreadsheet computes."""
    shown = visible(text)
    return f"'{shown}" if FORMULA.match(text) else shown


class Visible:
    """A stream for texts from anywhere; what the program itself has to say to a terminal goes to `direct`."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        self.stream.write(visible(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def guarded(stream: TextIO) -> TextIO:
    return stream if isinstance(stream, Visible) else cast("TextIO", Visible(stream))


def direct(stream: TextIO) -> TextIO:
    """For colours, bars and pages, whose texts from outside are made visible one by one."""
    return stream.stream if isinstance(stream, Visible) else stream


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
