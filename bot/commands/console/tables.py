"""Formats rows: as a table for people, as JSON or CSV for programs."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from bot.clock import stamp
from bot.text import durations
from bot.text.visible import in_csv, in_json, visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    Row = Mapping[str, Any]

WHOLE = 12  # letters; words up to this length are not broken if the terminal is wide enough


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


def as_table(rows: Iterable[Row], columns: Sequence[str], *, width: int | None = None) -> str:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    console = Console(file=io.StringIO(), width=width, highlight=False)
    cells = [[shown(row[column]) for column in columns] for row in rows]
    least = [min(max(map(len, " ".join(texts).split())), WHOLE) for texts in zip(columns, *cells, strict=True)]
    least[0] = max(len(line[0]) for line in [columns, *cells])  # so that an id can be copied
    fits = sum(least) + 2 * len(least) <= console.width  # otherwise rich would drop columns
    for number, column in enumerate(columns):
        table.add_column(column, overflow="fold", no_wrap=number == 0, min_width=least[number] if fits else None)
    for line in cells:
        table.add_row(*map(Text, line))
    with console.capture() as captured:
        console.print(table)
    return "\n".join(line.rstrip() for line in captured.get().splitlines() if line.strip())


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
