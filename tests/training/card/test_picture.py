from __future__ import annotations

import io
import struct
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from PIL import Image, ImageChops, ImageDraw

from training.card.drawing.fonts import FOLDERS
from training.card.picture import SIZE, predictions_png
from training.errors import TrainingError

if TYPE_CHECKING:
    from pathlib import Path

HERE = {"no fonts": (), "the fonts of this machine": FOLDERS}
TEXTS = {
    "plain": "My dream is a warm crumb on platform four.",
    "nothing": "",
    "spaces": " \t\n ",
    "emoji": "a gull \U0001f426\u200d\u2b1b, a flag \U0001f1f5\U0001f1f9, "
    "1\ufe0f\u20e3 \u2764\ufe0f \U0001f469\U0001f3fd\u200d\U0001f680",
    "Japanese": "四番線のあたたかいパンくずです。「夜行列車はまた遅れました。」" * 4,
    "Arabic": "فتات خبز دافئ على الرصيف 4، القطار 7.42 تأخر (مرة أخرى).",
    "Thai": "เศษขนมปังอุ่นๆ บนชานชาลาที่สี่ " * 6,
    "Cyrillic": "Поезд в 7.42 опять опоздал, и никто не удивился.",
    "marks on marks": "e" + "\u0301\u0316\u0334" * 300,
    "only marks": "\u0301" * 50,
    "10,000 characters": "crumb " * 1_667,
    "one word of 10,000 characters": "w" * 10_000,
    "10,000 lines": "a\n" * 10_000,
    "control characters": "\x00\x1b[31m\x07 a\u202eb \x9f",
    "half a surrogate pair": "\ud83d and \udc26",
    "no characters": "\uffff \U0001fffd \ue000 \U0010ffff",
    "all invisible": "\u200d\u200b\u2060\ufe0f\U000e0061",
}


def draw_card(
    *,
    name: str = "Station Mynah",
    handle: str = "stationmynah",
    prompt: str = "My dream is",
    prediction: str = "My dream is a warm crumb.",
    avatar: Path | bytes | None = None,
    folders: tuple[Path, ...] = (),
) -> Image.Image:
    data = predictions_png(
        name=name,
        handle=handle,
        bot_word="AI BOT",
        prompt=prompt,
        prediction=prediction,
        people=[(name or handle, avatar)],
        folders=folders,
    )
    image = Image.open(io.BytesIO(data))
    assert image.format == "PNG"
    return image.convert("RGB")


def saved(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png_that_claims(width: int, height: int) -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = b"IDAT" + zlib.compress(b"\0" * 99)
    chunks = [struct.pack(">I", len(part) - 4) + part + struct.pack(">I", zlib.crc32(part)) for part in (header, data)]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@pytest.mark.parametrize("folders", HERE.values(), ids=HERE)
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_whatever_the_text_it_stays_on_the_card(text: str, folders: tuple[Path, ...]) -> None:
    image = draw_card(name=text, handle=text, prompt=text, prediction=text, folders=folders)

    blank = draw_card(name="", handle="", prompt="", prediction="", folders=folders)
    ImageDraw.Draw(blank).rectangle((64, 44, SIZE[0] - 64, SIZE[1] - 36), fill="red")
    ImageDraw.Draw(image).rectangle((64, 44, SIZE[0] - 64, SIZE[1] - 36), fill="red")
    assert image.size == SIZE
    assert ImageChops.difference(image, blank).getbbox() is None


def test_the_same_words_give_the_same_bytes() -> None:
    assert draw_card(folders=FOLDERS).tobytes() == draw_card(folders=FOLDERS).tobytes()


def test_a_prompt_is_not_repeated() -> None:
    assert (
        draw_card(prediction="My dream is a warm crumb.").tobytes() == draw_card(prediction="a warm crumb.").tobytes()
    )


@pytest.mark.parametrize(
    "changed", [{"name": "Maurice"}, {"handle": "maurice"}, {"prompt": "Today"}, {"prediction": "a roll"}], ids=str
)
def test_every_part_can_be_seen(changed: dict[str, str]) -> None:
    assert draw_card(**changed).tobytes() != draw_card().tobytes()


@pytest.mark.parametrize(
    "avatar",
    [
        saved(Image.new("RGB", (400, 400), "lime")),
        saved(Image.new("RGB", (400, 400), "lime"), "JPEG", quality=95),
        saved(Image.new("RGB", (400, 400), "lime"), "WEBP", lossless=True),
        saved(Image.new("RGB", (20, 30), "lime"), "GIF"),
        saved(Image.new("RGB", (20_000, 1), "lime")),
        saved(Image.new("RGB", (1, 1), "lime")),
        saved(Image.new("RGBA", (40, 40), (0, 255, 0, 255))),
        saved(Image.new("P", (40, 40), 1), transparency=b"\x00\xff", palette=None),
    ],
    ids=["PNG", "JPEG", "WebP", "GIF", "20,000 pixels wide", "one pixel", "transparency", "a palette"],
)
def test_an_avatar_is_drawn_in_a_circle(avatar: bytes, tmp_path: Path) -> None:
    path = tmp_path / "avatar"
    path.write_bytes(avatar)

    image = draw_card(avatar=path)

    blank = draw_card()
    assert image.getpixel((150, 130)) != blank.getpixel((150, 130)) or image.getpixel((90, 130)) != blank.getpixel(
        (90, 130)
    )
    assert image.getpixel((86, 66)) == blank.getpixel((86, 66))  # the corner outside the circle
    assert draw_card(avatar=avatar).tobytes() == image.tobytes()


def test_three_people_fit_with_long_names() -> None:
    names = ["Ms Magpie of the old town station", "A Pigeon who is never on time", "The Inspector of Tickets"]
    avatars = [saved(Image.new("RGB", (40, 40), colour)) for colour in ("red", "green", "blue")]

    data = predictions_png(
        name=" & ".join(names),
        handle="a_pigeon_on_time-inspectoroftickets-magpie_of_town",
        bot_word="AI CYBORG",
        prompt="",
        prediction="My dream is a warm crumb.",
        people=list(zip(names, avatars, strict=True)),
        folders=(),
    )

    image = Image.open(io.BytesIO(data)).convert("RGB")
    row = [image.getpixel((x, 130)) for x in range(84, 330)]
    assert [colour for colour in ((255, 0, 0), (0, 128, 0), (0, 0, 255)) if colour in row] == list(
        dict.fromkeys(pixel for pixel in row if pixel in {(255, 0, 0), (0, 128, 0), (0, 0, 255)})
    )
    assert row.count((255, 0, 0)) > 60
    margin = image.crop((SIZE[0] - 78, 50, SIZE[0] - 40, 210))
    assert margin.getcolors() == [(margin.width * margin.height, (255, 255, 255))]


def test_transparent_parts_of_an_avatar_are_white() -> None:
    image = draw_card(avatar=saved(Image.new("RGBA", (40, 40), (0, 0, 0, 0))))

    assert image.getpixel((150, 130)) == (255, 255, 255)


def test_a_photo_taken_sideways_stands_upright() -> None:
    photo = Image.new("RGB", (100, 100), "red")
    photo.paste("blue", (0, 0, 50, 100))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn it clockwise: left becomes top

    image = draw_card(avatar=saved(photo, "JPEG", quality=95, exif=exif))

    assert image.getpixel((150, 90))[2] > 200
    assert image.getpixel((150, 170))[0] > 200


@pytest.mark.parametrize(
    ("avatar", "message"),
    [
        (b"", "cannot be read"),
        (b"GIF89a", "cannot be read"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "cannot be read"),
        (saved(Image.new("RGB", (400, 400), "lime"))[:-200], "cannot be read"),
        (saved(Image.new("RGB", (400, 400), "lime"), "JPEG")[:400], "cannot be read"),
        (saved(Image.new("RGB", (9, 9)), "BMP"), "cannot be read"),
        (png_that_claims(20_000, 20_000), "too many pixels"),
        (png_that_claims(8_000, 8_000), "8000 by 8000"),
        (png_that_claims(2**31 - 1, 2**31 - 1), "too many pixels"),
        (b"x" * 20_000_001, "20 MB"),
    ],
    ids=[
        "empty",
        "only a head",
        "SVG",
        "half a PNG",
        "half a JPEG",
        "BMP",
        "20,000 squared",
        "8,000 squared",
        "bomb",
        "too large",
    ],
)
def test_a_hostile_avatar_is_one_error_message(avatar: bytes, message: str) -> None:
    with pytest.raises(TrainingError, match=message) as error:
        draw_card(avatar=avatar)

    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["", "missing.png"], ids=["a folder", "missing"])
def test_an_avatar_that_is_not_a_file_is_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=str(tmp_path)):
        draw_card(avatar=tmp_path / name)


@pytest.mark.parametrize("offset", range(0, 1_600, 197))
def test_a_damaged_avatar_is_a_picture_or_an_error_message(offset: int) -> None:
    data = bytearray(saved(Image.effect_noise((64, 64), 60), "WEBP" if offset % 2 else "JPEG"))
    data[offset % len(data)] ^= 0xFF

    with suppress(TrainingError):
        assert draw_card(avatar=bytes(data)).size == SIZE
