"""Formats rows: as a table for people, as JSON or CSV for programs."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime, time, timedelta
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import SecretStr

from bot.clock import stamp
from bot.commands.console import terminal
from bot.commands.console.terminal import MEANINGS
from bot.text import durations
from bot.text.visible import in_csv, in_json, visible
from bot.text.wrapping import cells as cells_of
from bot.text.wrapping import wrapped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    Row = Mapping[str, Any]

GAP = 2  # spaces between columns
PROSE = 26  # columns that a longer cell has at least: a sentence in fewer is hard to read


def as_json(row: Row) -> str:
    return in_json(json.dumps(row, ensure_ascii=False, default=_jsonable))


def as_csv(rows: Iterable[Row], columns: Sequence[str]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: _cell(row[key]) for key in columns} for row in rows)
    return out.getvalue().removesuffix("\n")


def _cell(value: Any) -> Any:
    if isinstance(value, datetime):
        return stamp(value)
    return value if isinstance(value, int | float | None) else in_csv(str(value))


def as_table(
    rows: Sequence[Row], columns: Sequence[str], *, width: int | None = None, colour: bool = False, heading: int = 1
) -> str:
    """A table that breaks no word, or a list where the width is too small for one. Without a width, lines are whole.

    The first `heading` columns are the first line of an entry of the list.
    """
    cells = [[shown(row[column]) for column in columns] for row in rows]
    filled = [number for number in range(len(columns)) if number < heading or any(line[number] for line in cells)]
    columns, cells = [columns[number] for number in filled], [[line[number] for number in filled] for line in cells]
    widths = _widths([list(columns), *cells], width)
    if widths is None:
        assert width is not None  # noqa: S101  a table without a width has widths
        return _as_list(cells, columns, width, colour=colour, heading=heading)
    line = "─" * (sum(widths) + GAP * (len(widths) - 1))
    head = _laid_out(columns, widths, ["bold"] * len(columns), colour=colour)
    return "\n".join([head, terminal.painted(line, "dim") if colour else line, *_body(cells, widths, colour=colour)])


def _body(cells: Sequence[Sequence[str]], widths: Sequence[int], *, colour: bool) -> Iterator[str]:
    for line in cells:
        yield _laid_out(line, widths, [MEANINGS.get(cell, "") for cell in line], colour=colour)


def _widths(lines: Sequence[Sequence[str]], width: int | None) -> list[int] | None:
    """The width of each column; None if no widths keep all words whole and leave sentences room enough."""
    every = list(zip(*lines, strict=True))
    natural = [max(max(map(cells_of, cell.split("\n"))) for cell in column) for column in every]
    if width is None:
        return natural
    least = [max(map(_longest_word, column)) for column in every]
    least = [max(word, min(whole, PROSE)) for word, whole in zip(least, natural, strict=True)]
    left = width - sum(least) - GAP * (len(least) - 1)
    if left < 0:
        return None
    for number, (word, whole) in sorted(enumerate(zip(least, natural, strict=True)), key=lambda one: one[1][1]):
        more = min(whole - word, left)  # short columns first: a table is easiest to read if only sentences are wrapped
        least[number] += more
        left -= more
    return least


def _laid_out(line: Sequence[str], widths: Sequence[int], styles: Sequence[str], *, colour: bool) -> str:
    """One row: each cell wrapped to the width of its column."""
    blocks = [wrapped(cell, size) for cell, size in zip(line, widths, strict=True)]
    text = []
    for parts in zip_longest(*blocks, fillvalue=""):
        padded = [
            (terminal.painted(part, style) if colour else part) + " " * (size - cells_of(part))
            for part, size, style in zip(parts, widths, styles, strict=True)
        ]
        text.append((" " * GAP).join(padded).rstrip())
    return "\n".join(text)


def _as_list(cells: Sequence[Sequence[str]], columns: Sequence[str], width: int, *, colour: bool, heading: int) -> str:
    """An entry for each row: its first cells, and below them its other cells with their names."""
    entries = []
    label = max((len(name) for name in columns[heading:]), default=0) + GAP
    for line in cells:
        first = wrapped((" " * GAP).join(filter(None, line[:heading])), width, hang="  ")
        style = next((MEANINGS[cell] for cell in line[:heading] if cell in MEANINGS), "bold")
        lines = [terminal.painted(part, style) if colour else part for part in first]
        for name, cell in zip(columns[heading:], line[heading:], strict=True):
            lines += _labelled(name, cell, label, width, colour=colour) if cell else []
        entries.append("\n".join(lines))
    return ("\n\n" if len(columns) > heading + 1 else "\n").join(entries)


def _labelled(name: str, cell: str, label: int, width: int, *, colour: bool) -> Iterator[str]:
    left = terminal.painted(name, "dim") if colour else name
    margin, is_below = " " * (2 + label), _longest_word(cell) > width - 2 - label
    if is_below:
        margin = "    "
        yield f"  {left}"
    for number, part in enumerate(wrapped(cell, width - len(margin))):
        text = terminal.painted(part, MEANINGS.get(cell, "")) if colour else part
        yield f"{margin}{text}" if number or is_below else f"  {left}{' ' * (label - len(name))}{text}"


def _longest_word(text: str) -> int:
    return max(map(cells_of, text.split()), default=0)


class Fact(NamedTuple):
    name: str
    value: str
    style: str = ""


def as_facts(facts: Sequence[Fact], *, width: int | None = None, colour: bool = False) -> str:
    """Names and values in two columns, the values wrapped under themselves."""
    label = max(len(fact.name) for fact in facts) + GAP
    lines = []
    for fact in facts:
        left = terminal.painted(fact.name, "bold") if colour else fact.name
        margin, is_below = " " * label, bool(width and _longest_word(fact.value) > width - label)
        if is_below:  # a path or an address that is whole only on a line of its own
            margin = "  "
            lines.append(left)
        for number, part in enumerate(wrapped(fact.value, width and width - len(margin))):
            text = terminal.painted(part, fact.style) if colour else part
            begin = margin if number or is_below else f"{left}{' ' * (label - len(fact.name))}"
            lines.append(begin + text)
    return "\n".join(line.rstrip() for line in lines)


def shown(value: Any) -> str:
    """Format a value for people."""
    forms: dict[type, Callable[[Any], str]] = {
        str: visible,
        SecretStr: lambda _: "(hidden)",
        type(None): lambda _: "",
        bool: lambda value: str(value).lower(),
        datetime: lambda moment: f"{moment:%Y-%m-%d %H:%M:%S}",
        timedelta: durations.written,
        time: lambda time_: time_.isoformat(timespec="minutes"),
        list: lambda parts: "\n".join(shown(part) for part in parts),
        tuple: lambda parts: ", ".join(repr(part) if isinstance(part, str) else shown(part) for part in parts),
        dict: lambda parts: ", ".join(f"{key} {shown(part)}" for key, part in parts.items()),
    }
    return forms.get(type(value), str)(value)


def _jsonable(value: Any) -> Any:
    """Convert a value of a type that JSON lacks."""
    if isinstance(value, datetime):
        return stamp(value)
    return list(value) if isinstance(value, tuple) else shown(value)
