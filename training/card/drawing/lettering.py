"""Text of any script into a box of a picture: a font for each character, wrapped, shrunk and drawn.

Raqm orders and joins the letters of a run, which is as far as one font goes; the runs follow each other in the
direction of their paragraph. What no font has is drawn as a box with its number in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from training.card.drawing import graphemes

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
    """What a reader sees as one character, the face that draws it, and which way its paragraph runs."""

    text: str
    face: Face | None  # None: no font has it
    leftwards: bool

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
    """One set of fonts; `shaped` says whether raqm lays out the text, for which the system must have fribidi."""

    def __init__(self, fonts: Fonts, *, shaped: bool | None = None) -> None:
        from PIL import features

        self._fonts = fonts
        self._shaped = bool(features.check_feature("raqm")) if shaped is None else shaped
        self._widths: dict[tuple[str, Face, int, bool], float] = {}

    def fit(self, text: str, width: float, height: float, *, largest: int, smallest: int) -> Block:
        """The largest size at which all of it fits; at the smallest, as much of it as does, and an ellipsis."""
        if len(text) > _LONGEST:
            text = text[:_LONGEST] + "…"
        paragraphs = [list(self._glyphs(line)) for line in graphemes.paragraphs(text)]
        leftwards = self._shaped and graphemes.is_leftwards(text)
        lines: list[tuple[Glyph, ...]] = []
        for size in range(largest, smallest - 1, -2):
            most = max(1, int(height / (size * _LINE)))
            lines = [line for glyphs in paragraphs for line in self._wrap(glyphs, width, size)]
            if len(lines) <= most:
                return Block(tuple(lines), size, leftwards)
        return Block((*lines[: most - 1], self._cut(lines[most - 1], width, size)), size, leftwards)

    def width(self, line: Sequence[Glyph], size: int) -> float:
        return sum(self._run_width(run, size) for run in _runs(line))

    def draw(self, image: Image, block: Block, at: tuple[float, float], width: float, ink: _Ink) -> None:
        """`at` is the box's upper left corner; leftwards text is aligned to its right side."""
        for number, line in enumerate(block.lines):
            x = at[0] + (width - self.width(line, block.size) if block.leftwards else 0)
            y = at[1] + block.size * (number * _LINE + _BASELINE)
            for run in _runs(line):
                self._draw_run(image, run, block.size, (x, y), ink)
                x += self._run_width(run, block.size)

    def _glyphs(self, line: str) -> Iterator[Glyph]:
        """One face for the whole line where there is one, else one for each cluster: raqm orders within a run only."""
        leftwards = self._shaped and graphemes.is_leftwards(line)
        clusters = list(graphemes.split(line))
        letters = "".join(graphemes.visible(cluster) for cluster in clusters if not graphemes.is_emoji(cluster))
        whole = last = self._fonts.face_for(letters, emoji=False)
        for cluster in clusters:
            neutral = not any(map(str.isalpha, cluster))  # a space or a number looks best in its neighbours' face
            for text, face in self._with_faces(cluster, last if neutral else whole):
                # Without raqm, characters that only steer shaping would be drawn.
                yield Glyph(text if self._shaped else graphemes.visible(text), face, leftwards)
                last = face if face and not face.in_colour else last

    def _with_faces(self, cluster: str, preferred: Face | None) -> list[tuple[str, Face | None]]:
        """The cluster with a face that draws all of it, or its characters with one each."""
        visible, emoji = graphemes.visible(cluster), graphemes.is_emoji(cluster)
        if preferred and not emoji and preferred.covers(visible):
            return [(cluster, preferred)]
        face = self._fonts.face_for(visible, emoji=emoji)
        if face:
            return [(cluster, face)]
        return [(character, self._fonts.face_for(character, emoji=emoji)) for character in visible]

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
        kept = [*line]
        (dots,) = self._glyphs("…")
        dots = Glyph(dots.text, dots.face, line[0].leftwards if line else False)
        while kept and (kept[-1].is_space or self.width([*kept, dots], size) > width):
            kept.pop()
        return (*kept, dots)

    def _run_width(self, run: Sequence[Glyph], size: int) -> float:
        face, text = run[0].face, _text(run)
        if face is None:
            return size * _BOX
        key = text, face, size, run[0].leftwards
        if key not in self._widths:
            length = face.at(face.strike or size, shaped=self._shaped).getlength(text, direction=self._direction(run))
            self._widths[key] = length * (size / face.strike if face.strike else 1)
        return self._widths[key]

    def _direction(self, run: Sequence[Glyph]) -> str | None:
        """The paragraph's direction for Pillow, by which raqm orders text of the other direction; None without raqm."""
        return ("rtl" if run[0].leftwards else "ltr") if self._shaped else None

    def _draw_run(self, image: Image, run: Sequence[Glyph], size: int, at: tuple[float, float], ink: _Ink) -> None:
        from PIL import ImageDraw

        face = run[0].face
        if face is None:
            self._draw_box(image, run[0].text, size, at, ink)
        elif face.in_colour:
            self._draw_emoji(image, run, size, at)
        else:
            font = face.at(size, shaped=self._shaped)
            painter = ImageDraw.Draw(image)
            painter.text(at, _text(run), fill=ink, font=font, anchor="ls", direction=self._direction(run))

    def _draw_emoji(self, image: Image, run: Sequence[Glyph], size: int, at: tuple[float, float]) -> None:
        """A coloured bitmap comes in one size; it is drawn on an image of its own and scaled."""
        from PIL import Image as Images
        from PIL import ImageDraw

        face, text, direction = run[0].face, _text(run), self._direction(run)
        if face is None:
            return
        font = face.at(face.strike or size, shaped=self._shaped)
        scale = size / face.strike if face.strike else 1.0
        left, top, right, bottom = font.getbbox(text, anchor="ls", direction=direction)
        if right <= left or bottom <= top:
            return
        emoji = Images.new("RGBA", (round(right - left), round(bottom - top)))
        painter = ImageDraw.Draw(emoji)
        painter.text((-left, -top), text, font=font, anchor="ls", embedded_color=True, direction=direction)
        scaled = emoji.resize((max(1, round(emoji.width * scale)), max(1, round(emoji.height * scale))))
        image.paste(scaled, (round(at[0] + left * scale), round(at[1] + top * scale)), scaled)

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
    """Neighbours of one face, from the left; each run in the order of reading. A box is a run of its own."""
    runs: list[list[Glyph]] = []
    for glyph in line:
        if runs and glyph.face and glyph.face is runs[-1][-1].face:
            runs[-1].append(glyph)
        else:
            runs.append([glyph])
    return reversed(runs) if line and line[0].leftwards else iter(runs)


def _text(run: Sequence[Glyph]) -> str:
    return "".join(glyph.text for glyph in run)


def _atoms(glyphs: Sequence[Glyph]) -> Iterator[list[Glyph]]:
    """The unbreakable parts of a line: words, spaces, single characters of scripts without spaces."""
    atom: list[Glyph] = []
    for glyph in glyphs:
        if atom and graphemes.may_break(atom[-1].text, glyph.text):
            yield atom
            atom = []
        atom.append(glyph)
    if atom:
        yield atom


def _trimmed(line: list[Glyph]) -> tuple[Glyph, ...]:
    while line and line[-1].is_space:
        line.pop()
    return tuple(line)
