"""predictions.png for a card or a post: whom the bot is of, that it is a bot, and what it wrote.

Drawn with Pillow. Which fonts make every script legible: docs/pictures.md.
"""

from __future__ import annotations

import math
import struct
import warnings
import zlib
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from training.card.drawing import graphemes
from training.card.drawing.fonts import FOLDERS, Fonts
from training.card.drawing.lettering import Lettering
from training.errors import TrainingError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL.Image import Image

_Ink = tuple[int, int, int]
_Person = tuple[str, Path | bytes | None]  # a name and an avatar

SIZE = 1120, 586  # shown at half of it, as the reference's was
_PAPER, _CARD, _EDGE = (232, 238, 244), (255, 255, 255), (214, 222, 230)
_TEXT, _FAINT, _ACCENT = (20, 28, 38), (96, 110, 124), (29, 104, 196)
_FACES = ((196, 78, 82), (76, 132, 92), (129, 90, 170), (29, 104, 196), (190, 110, 40), (40, 130, 140))
_LEFT, _RIGHT = 84, SIZE[0] - 84
_AVATAR = {1: 132, 2: 112, 3: 96}  # pixels across, by the number of people
_OVERLAP = 0.25  # of an avatar, by the one before it
_BOTTOM = 504  # of the prediction
_FOOT = "Written by a language model trained on tweets, not by a person."
_BLIND_FOOT = "A reader said of each text whether the person or a language model wrote it."
_BYTES = 20_000_000  # X allows avatars of 2 MB
_PIXELS = 40_000_000  # 160 MB in memory; a larger one is an attack or a mistake
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
# What Pillow's readers raise for broken files, besides OSError.
_BROKEN = (OSError, SyntaxError, ValueError, LookupError, TypeError, EOFError, MemoryError, struct.error, zlib.error)


def predictions_png(
    *,
    name: str,
    handle: str,
    bot_word: Literal["AI BOT", "AI CYBORG"],
    prompt: str,
    prediction: str,
    people: Sequence[_Person] = (),
    folders: Sequence[Path] = FOLDERS,
) -> bytes:
    """The picture as PNG. `prediction` may begin with the prompt, or be all of a text, without a prompt.

    `people` are up to three names with their avatars; an initial takes the place of a missing one.
    """
    from PIL import Image, ImageDraw

    plain, bold = Lettering(Fonts(folders)), Lettering(Fonts(folders, bold=True))
    image = Image.new("RGB", SIZE, _PAPER)
    _smooth(image, (30, 28, SIZE[0] - 30, SIZE[1] - 28), 34, _CARD, _EDGE)
    right = _faces(image, bold, people[: max(_AVATAR)] or [(name or handle, None)])
    _header(image, plain, bold, right + 32, name=name or handle, handle=handle, bot_word=bot_word)
    ImageDraw.Draw(image).line((_LEFT, 222, _RIGHT, 222), fill=_EDGE, width=2)
    _speech(image, plain, prompt.strip(), prediction.strip())
    foot = plain.fit(_FOOT, _RIGHT - _LEFT, 34, largest=22, smallest=22)
    plain.draw(image, foot, (_LEFT, 514), _RIGHT - _LEFT, _FAINT)
    return png(image)


def blind_test_png(
    *,
    name: str,
    handle: str,
    bot_word: Literal["AI BOT", "AI CYBORG"],
    right: int,
    texts: int,
    sentence: str,
    people: Sequence[_Person] = (),
    folders: Sequence[Path] = FOLDERS,
) -> bytes:
    """The result of a blind test as PNG: a dot for each text, filled where the reader was right."""
    from PIL import Image, ImageDraw

    plain, bold = Lettering(Fonts(folders)), Lettering(Fonts(folders, bold=True))
    image = Image.new("RGB", SIZE, _PAPER)
    _smooth(image, (30, 28, SIZE[0] - 30, SIZE[1] - 28), 34, _CARD, _EDGE)
    faces = _faces(image, bold, people[: max(_AVATAR)] or [(name or handle, None)])
    _header(image, plain, bold, faces + 32, name=name or handle, handle=handle, bot_word=bot_word)
    ImageDraw.Draw(image).line((_LEFT, 222, _RIGHT, 222), fill=_EDGE, width=2)
    title = bold.fit(f"The person or the bot? {right} of {texts} right", _RIGHT - _LEFT, 70, largest=44, smallest=26)
    bold.draw(image, title, (_LEFT, 244), _RIGHT - _LEFT, _TEXT)
    each = (_RIGHT - _LEFT) // max(texts, 1)
    size = min(each - 8, 36)
    for number in range(texts):
        image.paste(_ACCENT if number < right else _EDGE, (_LEFT + number * each, 332), _disc(size))
    middle = _LEFT + texts * each // 2 - (each - size) // 2
    ImageDraw.Draw(image).line((middle, 322, middle, 342 + size), fill=_FAINT, width=3)
    guess = plain.fit("guessing gets as far as the line", _RIGHT - _LEFT, 30, largest=22, smallest=22)
    plain.draw(image, guess, (_LEFT, 384), _RIGHT - _LEFT, _FAINT)
    block = plain.fit(sentence, _RIGHT - _LEFT, 80, largest=30, smallest=22)
    plain.draw(image, block, (_LEFT, 424), _RIGHT - _LEFT, _TEXT)
    foot = plain.fit(_BLIND_FOOT, _RIGHT - _LEFT, 34, largest=22, smallest=22)
    plain.draw(image, foot, (_LEFT, 514), _RIGHT - _LEFT, _FAINT)
    return png(image)


def png(image: Image) -> bytes:
    out = BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def _faces(image: Image, bold: Lettering, people: Sequence[_Person]) -> int:
    """Draw the avatars in a row, each over the one before; returns where the row ends."""
    size, left = _AVATAR[len(people)], _LEFT
    top = 64 + (_AVATAR[1] - size) // 2
    for name, avatar in people:
        face = _initial(bold, name, size) if avatar is None else _portrait(avatar, size)
        if len(people) > 1:
            image.paste(_CARD, (left - 4, top - 4), _disc(size + 8))  # a rim
        image.paste(face, (left, top), _disc(size))
        left += round(size * (1 - _OVERLAP))
    return left + round(size * _OVERLAP)


def _header(
    image: Image, plain: Lettering, bold: Lettering, left: int, *, name: str, handle: str, bot_word: str
) -> None:
    title = bold.fit(" ".join(name.split()), _RIGHT - left, 72, largest=46, smallest=22)
    width = max(bold.width(line, title.size) for line in title.lines)
    bold.draw(image, title, (left, 62 + (72 - title.height) / 2), width, _TEXT)
    badge = _badge(bold, bot_word)
    image.paste(badge, (left, 142), badge)
    after_badge = left + badge.width + 22
    handle = handle.strip().removeprefix("@")
    below = plain.fit(handle and "@" + handle, _RIGHT - after_badge, 50, largest=30, smallest=18)
    plain.draw(image, below, (after_badge, 142 + (50 - below.height) / 2), _RIGHT - after_badge, _FAINT)


def _speech(image: Image, plain: Lettering, prompt: str, prediction: str) -> None:
    top, width = 236, _RIGHT - _LEFT
    if prompt:
        if prediction.startswith(prompt):
            prediction = prediction.removeprefix(prompt).strip()
        block = plain.fit(prompt, width - 70, 92, largest=34, smallest=26)
        plain.draw(image, block, (_LEFT + 70 * block.leftwards, top), width - 70, _ACCENT)
        end = plain.width(block.lines[-1], block.size) + 20
        middle = top + block.height - 0.62 * block.size
        _arrow(image, (_RIGHT - end if block.leftwards else _LEFT + end, middle), block.leftwards)
        top += round(block.height) + 6
    block = plain.fit(prediction or "…", width, _BOTTOM - top, largest=54, smallest=26)
    plain.draw(image, block, (_LEFT, top + (_BOTTOM - top - block.height) / 2), width, _TEXT)


def _badge(bold: Lettering, words: str) -> Image:
    """The words between two robots, which are drawn so that no emoji font is needed."""
    from PIL import Image

    block = bold.fit(words, 400, 40, largest=26, smallest=26)
    wide = math.ceil(bold.width(block.lines[0], block.size))
    badge = Image.new("RGBA", (wide + 124, 50))
    _smooth(badge, (0, 0, badge.width, 50), 25, _ACCENT, _ACCENT)
    _robot(badge, (18, 9))
    _robot(badge, (badge.width - 50, 9))
    bold.draw(badge, block, (62, 7), wide, _CARD)
    return badge


def _robot(image: Image, at: tuple[int, int]) -> None:
    from PIL import Image as Images
    from PIL import ImageDraw

    big = Images.new("RGBA", (128, 128))  # four times its size, for smooth edges
    painter = ImageDraw.Draw(big)
    painter.line((64, 8, 64, 34), fill=_CARD, width=8)
    painter.ellipse((54, 0, 74, 20), fill=_CARD)
    painter.rounded_rectangle((18, 32, 110, 112), 18, fill=_CARD)
    painter.rounded_rectangle((4, 56, 14, 88), 4, fill=_CARD)
    painter.rounded_rectangle((114, 56, 124, 88), 4, fill=_CARD)
    for x in (44, 84):
        painter.ellipse((x - 11, 50, x + 11, 72), fill=_ACCENT)
    painter.rounded_rectangle((40, 86, 88, 96), 4, fill=_ACCENT)
    small = big.resize((32, 32))
    image.paste(small, at, small)


def _arrow(image: Image, at: tuple[float, float], leftwards: bool) -> None:
    from PIL import Image as Images
    from PIL import ImageDraw

    mask = Images.new("L", (184, 88))  # four times its size, for smooth edges
    painter = ImageDraw.Draw(mask)
    painter.line((0, 44, 136, 44), fill=255, width=20)
    painter.polygon(((184, 44), (112, 0), (112, 88)), fill=255)
    mask = mask.resize((46, 22))
    if leftwards:
        mask = mask.transpose(Images.Transpose.FLIP_LEFT_RIGHT)
    image.paste(_ACCENT, (round(at[0]) - 46 * leftwards, round(at[1]) - 11), mask)


def _initial(bold: Lettering, name: str, size: int) -> Image:
    from PIL import Image

    face = Image.new("RGB", (size, size), _FACES[zlib.crc32(name.encode("utf-8", "replace")) % len(_FACES)])
    letters = list(graphemes.split(graphemes.paragraphs(name)[0]))
    first = next((letter for letter in letters if letter[0].isalnum()), letters[0] if letters else "?")
    letter = round(size * 0.53)
    block = bold.fit(first.upper(), size, size, largest=letter, smallest=letter)
    wide = bold.width(block.lines[0], block.size)
    bold.draw(face, block, ((size - wide) / 2, (size - block.size * 1.32) / 2), wide, _CARD)
    return face


def _portrait(avatar: Path | bytes, size: int) -> Image:
    from PIL import Image, ImageOps

    where = f"The avatar {avatar}" if isinstance(avatar, Path) else "The avatar"
    try:
        if isinstance(avatar, Path):
            if not avatar.is_file():
                raise TrainingError(f"{where} is not a file: give a PNG, JPEG, WebP or GIF.")
            with avatar.open("rb") as file:
                avatar = file.read(_BYTES + 1)
        if len(avatar) > _BYTES:
            raise TrainingError(f"{where} has more than {_BYTES // 1_000_000} MB: give a smaller one.")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's about sizes; the check is below
            with Image.open(BytesIO(avatar), formats=_FORMATS) as opened:
                if opened.width * opened.height > _PIXELS:
                    raise TrainingError(f"{where} is {opened.width} by {opened.height} pixels: give a smaller one.")
                upright = ImageOps.exif_transpose(opened).convert("RGBA")
    except Image.DecompressionBombError as error:
        raise TrainingError(f"{where} has too many pixels: give a smaller one.") from error
    except _BROKEN as error:
        raise TrainingError(f"{where} cannot be read as a PNG, JPEG, WebP or GIF: give another.") from error
    face = Image.new("RGB", (size, size), _CARD)
    fitted = ImageOps.fit(upright, (size, size))
    face.paste(fitted, (0, 0), fitted)
    return face


@cache
def _disc(size: int) -> Image:
    from PIL import Image, ImageDraw

    big = Image.new("L", (size * 4, size * 4))
    ImageDraw.Draw(big).ellipse((0, 0, size * 4 - 1, size * 4 - 1), fill=255)
    return big.resize((size, size))


def _smooth(image: Image, box: tuple[int, int, int, int], radius: int, fill: _Ink, edge: _Ink) -> None:
    """A rounded rectangle with smooth corners, which Pillow's own does not have."""
    from PIL import Image as Images
    from PIL import ImageDraw

    for inset, colour in ((0, edge), (2, fill)):
        wide, high, round_ = box[2] - box[0] - 2 * inset, box[3] - box[1] - 2 * inset, radius - inset
        mask = Images.new("L", (wide, high))
        for x in (0, wide - 2 * round_):
            for y in (0, high - 2 * round_):
                mask.paste(_disc(2 * round_), (x, y))
        ImageDraw.Draw(mask).rectangle((round_, 0, wide - round_ - 1, high), fill=255)
        if high > 2 * round_:
            ImageDraw.Draw(mask).rectangle((0, round_, wide, high - round_ - 1), fill=255)
        image.paste(colour, (box[0] + inset, box[1] + inset), mask)
