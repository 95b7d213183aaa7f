"""Which font can draw which character: the fonts of this machine in order of preference, and Pillow's own last.

It reads two tables of a font file (which characters, which colour pictures) itself: Pillow does not say, and a
library for it would be one dependency more. It draws nothing.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from training.errors import TrainingError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# Where systems keep fonts for everybody; docs/pictures.md names the packages that fill them on Debian.
FOLDERS = (
    Path("/usr/share/fonts"),
    Path("/usr/local/share/fonts"),
    Path("/Library/Fonts"),
    Path("/System/Library/Fonts"),
    Path("C:/Windows/Fonts"),
)
_ENDINGS = {".ttf", ".otf", ".ttc", ".otc"}
_FIRST = ("notosans-", "notosans", "dejavusans", "liberationsans", "arial")
_LAST = ("serif", "mono", "italic", "oblique", "condensed", "thin", "light", "black", "display", "narrow")
_Span = tuple[int, int]
_Answer = TypeVar("_Answer")


class Face:
    """One font file; of a collection, its first font."""

    def __init__(self, path: Path | None) -> None:
        self.path = path  # None: the one inside Pillow
        self._sizes: dict[tuple[float, bool], Any] = {}

    def covers(self, text: str) -> bool:
        return all(self._has(ord(character)) for character in text)

    def at(self, size: float, *, shaped: bool) -> Any:
        """Pillow's font; with `shaped` it joins and stacks letters as their script wants it."""
        from PIL import ImageFont

        if (size, shaped) not in self._sizes:
            engine = ImageFont.Layout.RAQM if shaped else ImageFont.Layout.BASIC
            font = ImageFont.load_default(size) if self.path is None else ImageFont.truetype(self.path, size)
            if font.layout_engine != engine:  # type: ignore[union-attr]  # with a size it is never the bitmap font
                font = font.font_variant(layout_engine=engine)  # type: ignore[union-attr]
            self._sizes[size, shaped] = font
        return self._sizes[size, shaped]

    @cached_property
    def strike(self) -> int | None:
        """The only size that a font of coloured bitmaps can be opened at; None for one of outlines."""
        return self._ask(lambda file, tables: _part(file, tables["CBLC"], 8 + 45, 1)[0]) if self.path else None

    @cached_property
    def in_colour(self) -> bool:
        return self.strike is not None or self._ask(lambda _, tables: tables["COLR"]) is not None

    @cached_property
    def usable(self) -> bool:
        """Whether Pillow draws it at all: a broken file it does not, nor colours in the newer of their two formats."""
        if not self.strike and self._ask(lambda file, tables: _part(file, tables["COLR"], 0, 2)) == b"\0\1":
            return False
        try:
            self.at(self.strike or 20, shaped=False)
        except OSError:
            return False
        return True

    def _has(self, code: int) -> bool:
        if code < 0x20 or 0x7F <= code < 0xA0 or 0xD800 <= code < 0xE000 or code & 0xFFFE == 0xFFFE:
            return False  # no characters, though some fonts list them, with nothing to see
        place = bisect_right(self._spans, (code, 0x110000)) - 1
        return place >= 0 and self._spans[place][0] <= code <= self._spans[place][1]

    @cached_property
    def _spans(self) -> list[_Span]:
        return self._ask(lambda file, tables: _spans(file, tables["cmap"])) or []

    def _ask(self, question: Callable[[BinaryIO, dict[str, int]], _Answer]) -> _Answer | None:
        """None where the font has no such table, or is broken or none at all."""
        try:
            with self.path.open("rb") if self.path else BytesIO(self.at(20, shaped=False).path.getvalue()) as file:
                return question(file, _tables(file))
        except (OSError, struct.error, LookupError):
            return None


class Fonts:
    """The faces of some folders; the same folders give the same picture."""

    def __init__(self, folders: Sequence[Path] = FOLDERS, *, bold: bool = False) -> None:
        files = [path for folder in folders for path in folder.rglob("*") if path.suffix.lower() in _ENDINGS]
        pictures = [path for path in files if "emoji" in path.name.lower() or "emj" in path.name.lower()]
        letters = sorted(set(files) - set(pictures), key=lambda path: _rank(path, bold=bold))
        self.plain = Face(None)
        self._letters = [*map(Face, letters), self.plain]
        self._pictures = [Face(path) for path in sorted(pictures)]
        self._found: dict[tuple[str, bool], Face | None] = {}
        try:
            self.plain.at(20, shaped=False)
        except (ImportError, OSError) as error:
            raise TrainingError("This Pillow cannot draw text: install the one from PyPI, it has FreeType.") from error

    def face_for(self, text: str, *, picture: bool) -> Face | None:
        """Who draws all of it, an emoji in colour if anyone can; None where nobody does."""
        if (text, picture) not in self._found:
            order = [*self._pictures, *self._letters] if picture else [*self._letters, *self._pictures]
            self._found[text, picture] = next((face for face in order if face.covers(text) and face.usable), None)
        return self._found[text, picture]


def _rank(path: Path, *, bold: bool) -> tuple[bool, bool, int, str]:
    """Upright sans first, of the wanted weight."""
    name = path.stem.lower().replace(" ", "")
    family = next((place for place, first in enumerate(_FIRST) if name.startswith(first)), len(_FIRST))
    return any(word in name for word in _LAST), ("bold" in name) != bold, family, str(path)


def _part(file: BinaryIO, place: int, skip: int, count: int) -> bytes:
    file.seek(place + skip)
    return file.read(count)


def _tables(file: BinaryIO) -> dict[str, int]:
    """Where each table of a font file begins."""
    start = 0
    if _part(file, 0, 0, 4) == b"ttcf":
        (start,) = struct.unpack(">I", _part(file, 12, 0, 4))
    (count,) = struct.unpack(">H", _part(file, start, 4, 2))
    listed = struct.iter_unpack(">4s4xI4x", _part(file, start, 12, 16 * count))
    return {name.decode("latin-1"): place for name, place in listed}


def _spans(file: BinaryIO, place: int) -> list[_Span]:
    """The characters of a font, from its widest table of Unicode: format 12 has all planes, format 4 the first."""
    (count,) = struct.unpack(">H", _part(file, place, 2, 2))
    found: dict[int, int] = {}
    for system, encoding, offset in struct.iter_unpack(">HHI", _part(file, place, 4, 8 * count)):
        if system == 0 or (system == 3 and encoding in {1, 10}):
            found[struct.unpack(">H", _part(file, place, offset, 2))[0]] = place + offset
    if 12 in found:
        (groups,) = struct.unpack(">I", _part(file, found[12], 12, 4))
        return sorted(struct.iter_unpack(">II4x", _part(file, found[12], 16, 12 * groups)))
    (size,) = struct.unpack(">H", _part(file, found[4], 2, 2))
    return _spans_of_format_4(_part(file, found[4], 0, size))


def _spans_of_format_4(table: bytes) -> list[_Span]:
    (twice,) = struct.unpack_from(">H", table, 6)
    segments = twice // 2
    ends = struct.unpack_from(f">{segments}H", table, 14)
    starts = struct.unpack_from(f">{segments}H", table, 16 + twice)
    offsets = struct.unpack_from(f">{segments}H", table, 16 + 3 * twice)
    spans: list[_Span] = []
    for number, (start, end, offset) in enumerate(zip(starts, ends, offsets, strict=True)):
        if not offset:
            spans.append((start, end))
            continue
        here = 16 + 3 * twice + 2 * number + offset  # the glyphs of a segment stand in a list, 0 for none
        glyphs = struct.unpack_from(f">{end - start + 1}H", table, here)
        spans += [(start + step, start + step) for step, glyph in enumerate(glyphs) if glyph]
    return sorted(spans)
