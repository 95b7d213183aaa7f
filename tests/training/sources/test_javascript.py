from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from training.errors import SourceError
from training.sources import javascript
from training.sources.javascript import Script

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAD = re.compile(r"\s*birds\s*=\s*")
BIRDS = [{"name": "magpie ☔", "eggs": [1, 2.5, None]}, {"name": "rook\n", "eggs": []}, {}, {"n": "ü" * 40}]


def pieces(text: str | bytes, size: int) -> Iterator[bytes]:
    data = text.encode() if isinstance(text, str) else text
    return (data[start : start + size] for start in range(0, len(data), size))


def read(text: str | bytes, size: int = 7) -> list[Any]:
    one = Script(pieces(text, size), "birds.js")
    assert one.head(HEAD)
    return list(one.items())


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 10_000])
@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("end", ["", ";", " ;\n"])
@pytest.mark.parametrize("start", ["", "\ufeff", "\n "])
def test_the_items_are_the_same_for_any_chunks(start: str, end: str, indent: int | None, size: int) -> None:
    text = f"{start}birds = {json.dumps(BIRDS, indent=indent, ensure_ascii=False)}{end}"

    assert read(text, size) == BIRDS


@pytest.mark.parametrize(("text", "items"), [("birds=[]", []), ("birds = [ ] ;", []), ('birds={"a": 1}', [{"a": 1}])])
def test_an_empty_list_and_a_single_object_are_read_too(text: str, items: list[Any]) -> None:
    assert read(text) == items


def test_a_list_is_distinguished_from_an_object_before_it_is_read() -> None:
    for text, listed in (("birds = [", True), ("birds = {", False), ("birds = ", False)):
        one = Script(pieces(text, 3), "birds.js")
        one.head(HEAD)

        assert one.listed == listed


def test_an_unexpected_beginning_is_reported() -> None:
    assert Script(pieces("bats = []", 3), "birds.js").head(HEAD) is None


@pytest.mark.parametrize("size", [1, 5, 1000])
@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('birds = [\n{"a": 1},\n{"a": }\n]', r"breaks at line 3, column 7"),
        ('birds = [\n{"a": 1}\n{"a": 2}\n]', r"breaks at line 3, column 1"),
        ('birds = [\n{"a": 1},\n', r"breaks at line 3, column 1"),
        ('birds = [{"a": 1}', r"breaks at line 1, column 18"),
        ("birds = [] and more", r"breaks at line 1, column 12"),
        ("birds = ", r"breaks at line 1, column 9"),
        (b'birds = ["\xff"]', r"birds\.js is damaged: byte 10 is not UTF-8"),
        (b'birds = ["caf\xc3', r"birds\.js is damaged: byte 13 is not UTF-8"),
        ("birds = " + "[" * 100_000, "holds JSON that no list"),
        (f'birds = [{{"a": {"9" * 5_000}}}]', "holds JSON that no list"),
    ],
)
def test_an_error_names_its_line_and_column_in_the_whole_file(text: str | bytes, complaint: str, size: int) -> None:
    size = max(size, len(text) // 2_000)  # nobody sends a hundred thousand characters one by one

    with pytest.raises(SourceError, match=complaint):
        read(text, size)


def test_an_item_that_is_far_too_large_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(javascript, "LARGEST", 1_000)
    chunks_read = 0

    def endless() -> Iterator[bytes]:
        nonlocal chunks_read
        yield b'birds = ["'
        while True:
            chunks_read += 1
            yield b"a" * 100

    one = Script(endless(), "birds.js")
    one.head(HEAD)

    with pytest.raises(SourceError, match=r"birds\.js is not whole JSON"):
        list(one.items())
    assert chunks_read < 50
