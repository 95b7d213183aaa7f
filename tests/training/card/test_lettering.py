from __future__ import annotations

import struct
from pathlib import Path

import pytest
from PIL import Image, features

from training.card.drawing import graphemes
from training.card.drawing.fonts import FOLDERS, Face, Fonts
from training.card.drawing.lettering import Lettering

DEJAVU = Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf")
INK = (0, 0, 0)


@pytest.fixture
def bare() -> Lettering:
    """Only Pillow's own font."""
    return Lettering(Fonts(()))


def draw(lettering: Lettering, text: str) -> Image.Image:
    image = Image.new("RGB", (900, 200), "white")
    lettering.draw(image, lettering.fit(text, 880, 180, largest=40, smallest=20), (10, 10), 880, INK)
    return image


def font_file(path: Path, table: bytes) -> Path:
    """A font that only has a table of characters."""
    cmap = struct.pack(">HHHHI", 0, 1, 3, 10, 12) + table
    path.write_bytes(struct.pack(">IH6x4s4xII", 0x10000, 1, b"cmap", 28, len(cmap)) + cmap)
    return path


FORMAT_12 = struct.pack(">HHIII", 12, 0, 40, 0, 2) + struct.pack(">6I", 0x61, 0x63, 1, 0x1F426, 0x1F426, 4)
# a to c by a difference, x to z through a list in which y is missing, and the end mark that every such table has.
FORMAT_4 = struct.pack(
    ">7H3HH3H3H3H3H", 4, 46, 0, 6, 0, 0, 0, 0x63, 0x7A, 0xFFFF, 0, 0x61, 0x78, 0xFFFF, 0, 0, 1, 0, 4, 0, 5, 0, 6
)  # fmt: skip


@pytest.mark.parametrize(
    ("table", "there", "missing"),
    [(FORMAT_12, "abc\U0001f426", "d`\U0001f427"), (FORMAT_4, "abcxz", "dy`\U0001f426\uffff")],
    ids=["format 12", "format 4"],
)
def test_a_font_lists_its_characters(table: bytes, there: str, missing: str, tmp_path: Path) -> None:
    face = Face(font_file(tmp_path / "small.ttf", table))

    assert face.covers(there)
    assert [character for character in missing if face.covers(character)] == []


@pytest.mark.parametrize(
    "content",
    [b"", b"ttcf", b"\0\1\0\0" + b"\xff" * 200, struct.pack(">IH6x4s4xII", 0x10000, 1, b"cmap", 28, 4), b"<html>" * 99],
    ids=["empty", "half a collection", "nonsense", "no end", "a web page"],
)
def test_a_broken_font_file_is_skipped(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "NotoSans-Regular.ttf").write_bytes(content)

    fonts = Fonts((tmp_path,))

    assert fonts.face_for("a", emoji=False) is fonts.plain


def test_a_font_that_covers_but_cannot_be_drawn_is_skipped(tmp_path: Path) -> None:
    font_file(tmp_path / "NotoSans-Regular.ttf", FORMAT_12)

    fonts = Fonts((tmp_path,))

    assert fonts.face_for("a", emoji=False) is fonts.plain


def test_a_missing_folder_of_fonts_is_no_error(tmp_path: Path) -> None:
    assert Fonts((tmp_path / "none",)).face_for("語", emoji=False) is None


@pytest.mark.skipif(not DEJAVU.is_file(), reason="fonts-dejavu-core is not installed")
@pytest.mark.parametrize("text", ["ж", "é", "ش", "א", "→", "☔"])
def test_a_font_of_the_machine_is_found_for_what_pillow_lacks(text: str) -> None:
    face = Fonts((DEJAVU.parent,)).face_for(text, emoji=False)

    assert face is not None
    assert face.path is not None
    assert Fonts(()).face_for(text, emoji=False) is None


@pytest.mark.parametrize("text", ["語", "\U0001f426", "\x07", "\ud83d", "\ue000", "\U0010fffe"], ids=ascii)
def test_a_character_without_a_font_is_a_box_of_its_own(text: str, bare: Lettering) -> None:
    image = draw(bare, text)

    assert Image.eval(image, lambda value: 255 - value).getbbox() is not None
    assert image.tobytes() != draw(bare, "鳥").tobytes()


@pytest.mark.parametrize("shaped", [True, False], ids=["shaped", "glyph after glyph"])
@pytest.mark.parametrize(
    "text", ["abc", "шум", "שלום", "سلام", "สวัสดี", "e\u0301\u0323", "👩🏽‍🚀🇵🇹", "a\u200db"], ids=ascii
)
def test_every_script_leaves_ink_with_and_without_shaping(text: str, shaped: bool) -> None:
    image = draw(Lettering(Fonts(FOLDERS), shaped=None if shaped else False), text)

    assert Image.eval(image, lambda value: 255 - value).getbbox() is not None


@pytest.mark.parametrize(
    "text", ["crumb " * 300, "w" * 3_000, "語" * 900, "שלום " * 300], ids=["words", "a word", "wide", "leftwards"]
)
def test_what_does_not_fit_ends_in_an_ellipsis_inside_its_box(text: str) -> None:
    lettering = Lettering(Fonts(FOLDERS))

    block = lettering.fit(text, 500, 200, largest=40, smallest=20)

    assert block.size == 20
    assert block.height <= 200
    assert "…" in block.lines[-1][-1].text
    assert all(lettering.width(line, block.size) <= 500 for line in block.lines)


def test_the_size_is_the_largest_that_fits(bare: Lettering) -> None:
    assert bare.fit("crumb", 500, 100, largest=40, smallest=20).size == 40
    assert 20 < bare.fit("crumb " * 16, 500, 100, largest=40, smallest=20).size < 40


def test_a_line_breaks_between_words(bare: Lettering) -> None:
    block = bare.fit("the night train was late", 200, 400, largest=40, smallest=40)

    words = " ".join("".join(glyph.text for glyph in line) for line in block.lines)
    assert len(block.lines) > 1
    assert words == "the night train was late"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("bird", ["b", "i", "r", "d"]),
        ("e\u0301a", ["e\u0301", "a"]),
        ("\U0001f469\U0001f3fd\u200d\U0001f680!", ["\U0001f469\U0001f3fd\u200d\U0001f680", "!"]),
        ("\U0001f1f5\U0001f1f9\U0001f1ee\U0001f1f9", ["\U0001f1f5\U0001f1f9", "\U0001f1ee\U0001f1f9"]),
        ("1\ufe0f\u20e3", ["1\ufe0f\u20e3"]),
        ("\u2764\ufe0fa", ["\u2764\ufe0f", "a"]),
        ("a\u202eb\u200b", ["a", "b"]),
        ("\u0301", ["\u25cc\u0301"]),
        ("o" + "\u0301" * 99, ["o" + "\u0301" * 4]),
        ("", []),
    ],
    ids=ascii,
)
def test_text_is_split_as_a_reader_sees_it(text: str, expected: list[str]) -> None:
    assert list(graphemes.split(text)) == expected


@pytest.mark.parametrize(
    ("before", "after", "may"),
    [
        ("a", "b", False),
        ("a", " ", True),
        ("語", "語", True),
        ("語", "。", False),
        ("「", "語", False),
        ("a", "語", True),
        ("き", "ゃ", False),
    ],
    ids=ascii,
)
def test_where_a_line_may_break(before: str, after: str, may: bool) -> None:
    assert graphemes.may_break(before, after) is may


@pytest.mark.parametrize(
    ("text", "leftwards"),
    [
        ("שלום abc", True),
        ("abc שלום", False),
        ("7.42 سلام", True),
        ("\U0001f426 שלום", True),
        ("7.42!", False),
        ("語", False),
        ("", False),
    ],
    ids=ascii,
)
def test_the_first_letter_decides_the_direction(text: str, leftwards: bool) -> None:
    assert graphemes.is_leftwards(text) is leftwards


@pytest.mark.skipif(not features.check_feature("raqm"), reason="Pillow finds no fribidi")
@pytest.mark.parametrize("folders", [(), (DEJAVU.parent,)], ids=["a box for each", "DejaVu"])
@pytest.mark.parametrize("word", ["אב", "אב cd", "א 7.42", "א!"], ids=ascii)
def test_leftwards_text_begins_at_the_right(word: str, folders: tuple[Path, ...]) -> None:
    lettering = Lettering(Fonts(folders))
    letter, whole = draw(lettering, word[0]), draw(lettering, word)

    left, *_ = Image.eval(letter, lambda value: 255 - value).getbbox() or (0,)
    assert left > 800
    assert whole.crop((left, 0, 900, 200)).tobytes() == letter.crop((left, 0, 900, 200)).tobytes()


@pytest.mark.skipif(not (features.check_feature("raqm") and DEJAVU.is_file()), reason="no fribidi or no DejaVu Sans")
def test_a_leftwards_word_in_rightwards_text_is_turned() -> None:
    lettering = Lettering(Fonts((DEJAVU.parent,)))
    short, long = draw(lettering, "a ב"), draw(lettering, "a אב")

    _, _, right, _ = Image.eval(short, lambda value: 255 - value).getbbox() or (0, 0, 0, 0)
    assert right > 40
    assert long.crop((0, 0, right, 200)).tobytes() == short.crop((0, 0, right, 200)).tobytes()
