"""The text of a CSV to its rows, by column name."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from training.errors import SourceError
from training.sources.records import TEXT_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DELIMITERS = ",;\t"


def rows(text: str, where: str, delimiter: str = ",") -> Iterator[dict[str, str]]:
    """Column names as in the file; a short row lacks its last columns."""
    if _is_cut(text, delimiter):
        raise SourceError(f"{where} ends inside a quoted cell: it may be half downloaded; fetch it again.")
    try:
        for row in csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter):
            yield {name: cell for name, cell in row.items() if isinstance(name, str) and isinstance(cell, str)}
    except csv.Error as error:
        message = f"{where} is not a readable CSV ({error}): it may be half downloaded; fetch it again."
        raise SourceError(message) from error


def _is_cut(text: str, delimiter: str) -> bool:
    """Whether a quote is left open: the csv module would read all rows after it into one cell."""
    if text.count('"') % 2 == 0:
        return False
    try:
        for _ in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True):
            pass
    except csv.Error as error:
        return "unexpected end" in str(error)
    return False


def delimiter_of(text: str) -> str | None:
    """The delimiter, if `text` begins with the header of a table of tweets."""
    for delimiter in DELIMITERS:
        try:
            header = next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), [])
        except csv.Error:
            continue
        if not set(TEXT_NAMES).isdisjoint(lowered(dict.fromkeys(header))):
            return delimiter
    return None


def lowered(record: Mapping[str, Any]) -> dict[str, Any]:
    return {str(name).strip().lower(): value for name, value in record.items()}
