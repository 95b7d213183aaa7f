"""Every command that a message or a document advises is one that the command line accepts."""

from __future__ import annotations

import ast
import re
import shlex
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bot import cli

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
COMMAND = re.compile(r"`mynah ([^`]+)`")
# What stands for a value of the reader's, by its shape.
VALUE = "\0"  # in an f-string
PLACES = {
    r"@?HANDLE": "magpie",
    r"FILE|ARCHIVE\.zip": "a.zip",
    r"N|ID": "1",
    r"DURATION": "2h",
    r"@\w+": "@magpie",
    "…": "",
    VALUE: "1",
}


def strings(path: Path) -> Iterator[str]:
    """The texts of a file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else VALUE for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def advised() -> list[str]:
    files = sorted([*ROOT.glob("bot/**/*.py"), *ROOT.glob("training/**/*.py")])
    code = [text for path in files for text in strings(path)]
    pages = [path.read_text(encoding="utf-8") for path in (ROOT / "README.md", *sorted(ROOT.glob("docs/*.md")))]
    lines = {" ".join(line.split()) for text in (*code, *pages) for line in COMMAND.findall(text)}
    return sorted(line for line in lines if re.match(r"[a-z-]+( |$)|--", line))  # the command is no placeholder


def words(line: str) -> list[str]:
    for place, value in PLACES.items():
        line = re.sub(rf"(?<![\w-])(?:{place})(?!\w)", value, line)
    return shlex.split(line)


@pytest.mark.parametrize("line", advised())
def test_a_command_that_is_advised_exists(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    with suppress(SystemExit):
        cli.parser().parse_args(words(line))

    error = capsys.readouterr().err
    assert not error or re.search(r"(is|are) required|expected one argument", error), error  # named, not spelt out


def test_the_advice_to_settle_a_post_has_all_that_it_needs() -> None:
    posted = [line for line in advised() if re.search("^resolve .*posted", line)]

    assert posted
    assert [line for line in posted if "--x-id" not in line] == []
