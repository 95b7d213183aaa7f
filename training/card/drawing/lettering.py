"""Text of any script into a box of a picture: a font for each character, wrapped, shrunk, ordered, drawn.

What no font has is drawn as a box with its number in it, never left out. It knows nothing of names or tweets.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from training.card.drawing import bidi, clusters

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from PIL.Image import Image

    from training.card.drawing.fonts import Face, Fonts

_LINE = 1.36  # height of a line in sizes: room for the stacked marks of Thai and Vietnamese
_BASELINE = 1.02  # and where in it the letters stand
_BOX = 0.94  # width of the box for what no font has
_LONGEST = 1_500  # characters; more never fit, and looking at them takes time
_Ink = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Glyph:
    """What a reader sees as one character, who draws it, and which way it runs (odd: leftwards)."""

    text: str
    face: Face | None
    level: int
    picture: bool

    @property
    def is_space(self) -> bool:
        return self.text == " "


@dataclass(frozen=True, slots=True)
class Block:
    """Lines that fit into a box, at the size at which they do."""

    lines: tuple[tuple[Glyph, ...], ...]
    size: int
    leftwards: bool

    @property
    def height(self) -> float:
        return len(self.lines) * self.size * _LINE


class Lettering:
    """One set of fonts; `shaped` says whether Pillow joins and stacks letters as their script wants it."""

    def __init__(self, fonts: Fonts, *, shaped: bool | None = None) -> None:
        from PIL import features

        self._fonts = fonts
        # Pillow does where the system has fribidi; without it letters are joined in bidi.py as well as can be.
        self._shaped = bool(features.check_feature("raqm")) if shaped is None else shaped
        self._widths: dict[tuple[str, Face | None, int, int], float] = {}

    def fit(self, text: str, width: float, height: float, *, largest: int, smallest: int) -> Block:
        """The largest size at which all of it fits; at the smallest, as much of it as does, and an ellipsis."""
        if len(text) > _LONGEST:
            text = text[:_LONGEST] + "…"
        paragraphs = [list(self._glyphs(line)) for line in clusters.paragraphs(text)]
        leftwards = bidi.base_level(text) == 1
        lines: list[tuple[Glyph, ...]] = []
        for size in range(largest, smallest - 1, -2):
            room = max(1, int(height / (size * _LINE)))
            lines = [line for glyphs in paragraphs for line in self._wrap(glyphs, width, size)]
            if len(lines) <= room:
                return Block(tuple(lines), size, leftwards)
        return Block((*lines[: room - 1], self._cut(lines[room - 1], width, size)), size, leftwards)

    def width(self, line: Sequence[Glyph], size: int) -> float:
        return sum(self._run_width(run, size) for run in _runs(line))

    def draw(self, image: Image, block: Block, at: tuple[float, float], width: float, ink: _Ink) -> None:
        """`at` is the box's upper left corner; leftwards text stands at its right side."""
        for number, line in enumerate(block.lines):
            x = at[0] + (width - self.width(line, block.size) if block.leftwards else 0)
            y = at[1] + block.size * (number * _LINE + _BASELINE)
            for run in _runs(line):
                self._draw_run(image, run, block.size, (x, y), ink)
                x += self._run_width(run, block.size)

    def _glyphs(self, line: str) -> Iterator[Glyph]:
        parts = list(self._cast(line))
        levels = bidi.levels([text for text, _, _ in parts]) if parts else []
        for (text, face, picture), level in zip(parts, levels, strict=True):
            yield Glyph(text, face, level, picture)

    def _cast(self, line: str) -> Iterator[tuple[str, Face | None, bool]]:
        """Each cluster with the face that draws all of it; in single characters where none does."""
        last: Face | None = None
        for cluster in clusters.split(line):
            picture = clusters.is_picture(cluster)
            visible = clusters.visible(cluster)
            if last and not picture and not any(character.isalnum() for character in visible) and last.covers(visible):
                yield self._text(cluster), last, False  # a space or a full stop looks best in its neighbours' font
                continue
            face = self._fonts.face_for(visible, picture=picture)
            pieces = [cluster] if face and (self._shaped or not picture) else list(visible)
            for piece in pieces:
                own = face or self._fonts.face_for(piece, picture=picture)
                in_colour = bool(own and own.in_colour)
                yield (piece if in_colour else self._text(piece)), own, in_colour
                last = last if in_colour else own

    def _text(self, cluster: str) -> str:
        """The signs that only steer shaping are in the way where there is none."""
        return cluster if self._shaped else clusters.visible(cluster)

    def _wrap(self, glyphs: Sequence[Glyph], width: float, size: int) -> Iterator[tuple[Glyph, ...]]:
        line: list[Glyph] = []
        so_far = 0.0
        for whole in _atoms(glyphs):
            atom: Sequence[Glyph] = whole
            wide = self.width(atom, size)
            if so_far + wide > width and line and not atom[0].is_space:
                yield _trimmed(line)
                line, so_far = [], 0.0
            if wide > width:  # a word longer than a line
                *full, atom = self._hack(atom, width, size)
                yield from full
                wide = self.width(atom, size)
            if line or not atom[0].is_space:
                line += atom
                so_far += wide
        yield _trimmed(line)

    def _hack(self, atom: Sequence[Glyph], width: float, size: int) -> Iterator[tuple[Glyph, ...]]:
        piece: list[Glyph] = []
        so_far = 0.0
        for glyph in atom:
            so_far += self._run_width([glyph], size)
            if piece and so_far > width:
                yield tuple(piece)
                piece, so_far = [], self._run_width([glyph], size)
            piece.append(glyph)
        yield tuple(piece)

    def _cut(self, line: Sequence[Glyph], width: float, size: int) -> tuple[Glyph, ...]:
        dots = [*self._glyphs("…")]
        dots = [Glyph(dot.text, dot.face, line[-1].level if line else 0, picture=False) for dot in dots]
        kept = [*line]
        while kept and (kept[-1].is_space or self.width([*kept, *dots], size) > width):
            kept.pop()
        return (*kept, *dots)

    def _run_width(self, run: Sequence[Glyph], size: int) -> float:
        face, text = run[0].face, "".join(glyph.text for glyph in run)
        key = text, face, size, run[0].level % 2
        if key not in self._widths:
            if face is None:
                self._widths[key] = size * _BOX
            else:
                text, way = self._laid(run)
                length = face.at(face.strike or size, shaped=self._shaped).getlength(text, direction=way)
                self._widths[key] = length * (size / face.strike if face.strike else 1)
        return self._widths[key]

    def _laid(self, run: Sequence[Glyph]) -> tuple[str, str | None]:
        """A run's text and the direction, as Pillow wants them."""
        text = "".join(glyph.text for glyph in run)
        leftwards = run[0].level % 2 == 1
        if self._shaped:
            return text, "rtl" if leftwards else "ltr"
        return (bidi.unshaped([glyph.text for glyph in run]) if leftwards else text), None

    def _draw_run(self, image: Image, run: Sequence[Glyph], size: int, at: tuple[float, float], ink: _Ink) -> None:
        from PIL import ImageDraw

        face = run[0].face
        if face is None:
            self._draw_box(image, run[0].text, size, at, ink)
        elif face.in_colour:
            self._draw_picture(image, run, size, at, ink)
        else:
            text, way = self._laid(run)
            font = face.at(size, shaped=self._shaped)
            ImageDraw.Draw(image).text(at, text, fill=ink, font=font, anchor="ls", direction=way)

    def _draw_picture(self, image: Image, run: Sequence[Glyph], size: int, at: tuple[float, float], ink: _Ink) -> None:
        """A coloured bitmap comes in one size; it is drawn aside and scaled."""
        from PIL import Image as Images
        from PIL import ImageDraw

        face = run[0].face
        if face is None:
            return
        text, way = self._laid(run)
        font = face.at(face.strike or size, shaped=self._shaped)
        scale = size / face.strike if face.strike else 1.0
        left, top, right, bottom = font.getbbox(text, anchor="ls", direction=way)
        if right <= left or bottom <= top:
            return
        aside = Images.new("RGBA", (round(right - left), round(bottom - top)))
        painter = ImageDraw.Draw(aside)
        painter.text((-left, -top), text, fill=ink, font=font, anchor="ls", embedded_color=True, direction=way)
        scaled = aside.resize((max(1, round(aside.width * scale)), max(1, round(aside.height * scale))))
        place = round(at[0] + left * scale), round(at[1] + top * scale)
        image.paste(scaled, place, scaled)

    def _draw_box(self, image: Image, character: str, size: int, at: tuple[float, float], ink: _Ink) -> None:
        """The character's number in two rows, as browsers do."""
        from PIL import ImageDraw

        painter = ImageDraw.Draw(image)
        digits = f"{ord(character[0]):04X}"
        digits = digits.zfill(len(digits) + len(digits) % 2)
        half = len(digits) // 2
        x, y = at
        frame = (x + size * 0.06, y - size * 0.8, x + size * (_BOX - 0.06), y + size * 0.12)
        painter.rectangle(frame, outline=ink, width=max(1, round(size / 22)))
        font = self._fonts.plain.at(size * (0.8 / half if half > 2 else 0.4), shaped=False)
        for row, part in enumerate((digits[:half], digits[half:])):
            middle = x + size * _BOX / 2, y - size * (0.56 - 0.42 * row)
            painter.text(middle, part, fill=ink, font=font, anchor="mm")


def _runs(line: Sequence[Glyph]) -> Iterator[list[Glyph]]:
    """Neighbours of one face and one direction, from the left; each run in the order of reading."""
    seen = [line[place] for place in bidi.order([glyph.level for glyph in line])]
    alone = 0
    keys = []
    for glyph in seen:
        alone += glyph.picture or glyph.face is None
        keys.append((id(glyph.face), glyph.level, alone, glyph.picture or glyph.face is None))
    for _, pairs in groupby(zip(keys, seen, strict=True), key=lambda pair: pair[0]):
        run = [glyph for _, glyph in pairs]
        yield run[::-1] if run[0].level % 2 else run


def _atoms(glyphs: Sequence[Glyph]) -> Iterator[list[Glyph]]:
    """What a line cannot be broken inside of: words, spaces, single characters of scripts that use no spaces."""
    atom: list[Glyph] = []
    for glyph in glyphs:
        if atom and clusters.may_break(atom[-1].text, glyph.text):
            yield atom
            atom = []
        atom.append(glyph)
    if atom:
        yield atom


def _trimmed(line: list[Glyph]) -> tuple[Glyph, ...]:
    while line and line[-1].is_space:
        line.pop()
    return tuple(line)
