from __future__ import annotations

import re
import sys
from io import StringIO

import pytest

from bot.commands.console import tables, terminal
from bot.commands.console.usage import did_you_mean
from bot.text.wrapping import cells

MODEL = {
    "version": "20261121T213638Z-0000", "status": "in use", "base": "HuggingFaceTB/SmolLM2-135M-Instruct",
    "authors": "@magpie", "bits": "0.292", "copied": "97.7%", "AUC": "0.44 (0.51)", "MB": "22.3", "empty": "",
}  # fmt: skip
POST = {"id": 7, "state": "dry", "text": "A bell rings in the roof and nobody looks up. " * 4}


class FakeTerminal(StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("row", [MODEL, POST], ids=["model", "post"])
@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_no_word_is_cut_and_no_line_is_longer_than_the_terminal(row: dict[str, object], width: int) -> None:
    text = tables.as_table([row, row], list(row), width=width)

    words = {word for value in row.values() for word in str(value).split()}
    assert words <= set(text.split())
    assert max(map(cells, text.splitlines())) <= width


def test_a_table_that_does_not_fit_is_a_list() -> None:
    wide, narrow = (tables.as_table([MODEL], list(MODEL), width=width) for width in (130, 80))

    assert len(wide.splitlines()) == 3
    assert narrow.splitlines()[:3] == [
        "20261121T213638Z-0000", "  status   in use", "  base     HuggingFaceTB/SmolLM2-135M-Instruct",
    ]  # fmt: skip
    assert "empty" not in wide + narrow


def test_without_a_terminal_every_row_is_one_whole_line() -> None:
    text = tables.as_table([POST], list(POST))

    assert text.splitlines()[2] == f"7   dry    {str(POST['text']).rstrip()}"


def test_a_word_that_says_how_something_stands_has_its_colour() -> None:
    rows = [{"verdict": "ok", "check": "ok, I think"}, {"verdict": "fail", "check": "clock"}]

    text = tables.as_table(rows, ["verdict", "check"], width=80, colour=True)

    assert re.findall(r"\x1b\[3[123]m(\w+)\x1b", text) == ["ok", "fail"]
    assert "\x1b" not in tables.as_table(rows, ["verdict", "check"], width=80)


@pytest.mark.parametrize(
    ("variables", "colour"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False), ({"NO_COLOR": ""}, True)],
    ids=str,
)
def test_colours_are_for_terminals_that_want_them(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], *, colour: bool
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert terminal.has_colour(FakeTerminal()) is colour
    assert not terminal.has_colour(StringIO())


def test_without_utf_8_the_frames_are_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = FakeTerminal()
    stream.encoding = "ascii"
    monkeypatch.setattr(sys, "stdout", stream)

    terminal.put(tables.as_table([{"a": "b · c"}], ["a"], width=40))

    assert stream.getvalue() == "a\n-----\nb - c\n"


@pytest.mark.parametrize(
    ("word", "hint"), [("stauts", ": did you mean status?"), ("STATUS", ": did you mean status?"), ("sing", "")]
)
def test_a_misspelt_word_names_the_nearest(word: str, hint: str) -> None:
    assert did_you_mean(word, ["status", "history"]) == hint
