"""What tests/trials/screens.py draws."""

from __future__ import annotations

import pytest

from bot import cli
from tests.trials.screens import IN_DOCS, KEYS, LINES, ROOT, drawn


def test_every_command_has_a_screen() -> None:
    assert {words[0] for words in LINES.values() if words} >= set(cli.COMMANDS)
    assert {*IN_DOCS, *KEYS} <= set(LINES)


def test_the_screens_of_the_documents_are_small_and_fetch_nothing() -> None:
    for name in IN_DOCS:
        svg = (ROOT / "docs" / "screens" / f"{name}.svg").read_text(encoding="utf-8")

        assert len(svg) < 40_000
        assert "url(http" not in svg


@pytest.mark.parametrize(
    ("output", "lines"),
    [
        ("one\r\ntwo\r\n", ["one", "two", ""]),
        ("10 %\r20 %\r\x1b[2Kdone\r\n", ["done", ""]),
        ("a\r\nbar\r\n\x1b[1A\x1b[2Kgone\r\n", ["a", "gone", ""]),
        ("\x1b[1mbold\x1b[0m", ["\x1b[1mbold\x1b[0m"]),
        ("\x1b[H\x1b[2Jpage", ["page"]),
    ],
    ids=["lines", "a bar", "a bar above", "colours", "a page"],
)
def test_what_stays_on_a_terminal_is_drawn(output: str, lines: list[str]) -> None:
    assert drawn(output) == lines
