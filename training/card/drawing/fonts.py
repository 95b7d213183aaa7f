"""Which font can draw which character: the fonts of this machine in order of preference, and Pillow's own last."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.errors import TrainingError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL.ImageFont import FreeTypeFont

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


@dataclass(frozen=True, slots=True)
class _Tables:
    """What a font file says about itself."""

    characters: frozenset[int] = frozenset()
    strike: int | None = None
    colour_outlines: int | None = None  # the version of their format


class Face:
    """One font file; of a collection, its first font."""

    def __init__(self, path: Path | None) -> None:
        self.path = path  # None: the one inside Pillow
        self._sizes: dict[tuple[float, bool], FreeTypeFont] = {}

    def covers(self, text: str) -> bool:
        return all(ord(character) in self._tables.characters and not _is_blank(character) for character in text)

    def at(self, size: float, *, shaped: bool) -> FreeTypeFont:
        """Pillow's font; with `shaped` raqm joins, stacks and orders letters as their script wants it."""
        from PIL import ImageFont

        if (size, shaped) not in self._sizes:
            engine = ImageFont.Layout.RAQM if shaped else ImageFont.Layout.BASIC
            # Not `truetype`, which takes a font of the same name from elsewhere for a broken one.
            self._sizes[size, shaped] = ImageFont.FreeTypeFont(self.path or _default(), size, layout_engine=engine)
        return self._sizes[size, shaped]

    @property
    def strike(self) -> int | None:
        """The only size at which a font of coloured bitmaps opens; None for a font of outlines."""
        return self._tables.strike

    @property
    def in_colour(self) -> bool:
        return self.strike is not None or self._tables.colour_outlines is not None

    @cached_property
    def usable(self) -> bool:
        """Whether Pillow can draw the font: no broken file, and no colour outlines of version 1."""
        if self.strike is None and self._tables.colour_outlines == 1:
            return False
        try:
            self.at(self.strike or 20, shaped=False)
        except OSError:
            return False
        return True

    @cached_property
    def _tables(self) -> _Tables:
        return _read(self.path)


class Fonts:
    """The faces of some folders; the same folders give the same picture."""

    def __init__(self, folders: Sequence[Path] = FOLDERS, *, bold: bool = False) -> None:
        files = [path for folder in folders for path in folder.rglob("*") if path.suffix.lower() in _ENDINGS]
        emoji = [path for path in files if "emoji" in path.name.lower() or "emj" in path.name.lower()]
        letters = sorted(set(files) - set(emoji), key=lambda path: _rank(path, bold=bold))
        self.plain = Face(None)
        self._letters = [*map(Face, letters), self.plain]
        self._emoji = [Face(path) for path in sorted(emoji)]
        self._chosen: dict[tuple[str, bool], Face | None] = {}
        try:
            self.plain.at(20, shaped=False)
        except (ImportError, OSError) as error:
            raise TrainingError("This Pillow cannot draw text: install the one from PyPI, it has FreeType.") from error

    def face_for(self, text: str, *, emoji: bool) -> Face | None:
        """The first face with all of its characters, for an emoji in colour if there is one; None where none has."""
        if (text, emoji) not in self._chosen:
            order = [*self._emoji, *self._letters] if emoji else [*self._letters, *self._emoji]
            self._chosen[text, emoji] = next((face for face in order if face.covers(text) and face.usable), None)
        return self._chosen[text, emoji]


def _rank(path: Path, *, bold: bool) -> tuple[bool, bool, int, str]:
    """The sort key of font files: upright sans of the wanted weight first."""
    name = path.stem.lower().replace(" ", "")
    family = next((place for place, first in enumerate(_FIRST) if name.startswith(first)), len(_FIRST))
    return any(word in name for word in _LAST), ("bold" in name) != bold, family, str(path)


def _is_blank(character: str) -> bool:
    """Control characters, halves of pairs and the like: some fonts list them, with nothing to see."""
    code = ord(character)
    return code < 0x20 or 0x7F <= code < 0xA0 or 0xD800 <= code < 0xE000 or code & 0xFFFE == 0xFFFE


@cache
def _read(path: Path | None) -> _Tables:
    from fontTools.ttLib import TTFont

    try:
        with path.open("rb") if path else _default() as file, TTFont(file, fontNumber=0, lazy=True) as font:
            font.setGlyphOrder([])  # the names of glyphs, which take longest to read, are not needed
            return _Tables(
                characters=frozenset(font.getBestCmap() or ()),
                strike=font["CBLC"].strikes[0].bitmapSizeTable.ppemY if "CBLC" in font else None,
                colour_outlines=font["COLR"].version if "COLR" in font else None,
            )
    except Exception:  # noqa: BLE001  # fontTools lets through whatever a broken file makes its parsers raise
        return _Tables()


def _default() -> BytesIO:
    """The file of the font inside Pillow."""
    from PIL import ImageFont

    font: Any = ImageFont.load_default(20)
    return BytesIO(font.path.getvalue())
