from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.text.wrapping import cells, wrapped

PATH = "/var/lib/mynah/NAME/models/20261121T213638Z-0000"


@pytest.mark.parametrize(
    ("text", "columns", "lines"),
    [
        ("one two three", 9, ["one two", "  three"]),
        ("  two of a list", 10, ["  two of a", "    list"]),
        (f"see {PATH} now", 20, ["see", PATH, "  now"]),
        ("run `mynah run --live` now", 20, ["run", "  `mynah run --live`", "  now"]),
        ("一二三四五六七", 8, ["一二三四", "  五六七"]),
        ("☔ rain 🐦 bird", 8, ["☔ rain", "  🐦", "  bird"]),
        ("a\n\nb", 8, ["a", "", "b"]),
        ("", 8, [""]),
    ],
    ids=["words", "indent", "a path is whole", "a command is whole", "wide letters", "emoji", "paragraphs", "nothing"],
)
def test_lines_break_between_words_with_a_hanging_indent(text: str, columns: int, lines: list[str]) -> None:
    assert wrapped(text, columns, hang="  ") == lines


def test_without_a_width_every_line_is_whole() -> None:
    assert wrapped(f"{'word ' * 100}\nend", None) == ["word " * 100, "end"]


@given(st.text(st.sampled_from("ab `-é日🐦\u0301\n"), max_size=60), st.integers(4, 30))
def test_no_letter_is_lost_and_only_a_single_word_is_wider_than_the_line(text: str, columns: int) -> None:
    lines = wrapped(text, columns)

    assert "".join("".join(lines).split()) == "".join(text.split())
    assert [line for line in lines if cells(line) > columns and (len(line.split()) > 1 or line[0] == " ")] == []
