"""Bytes to text, text to JSON; every failure is a SourceError that names `where`."""

from __future__ import annotations

import codecs
import html
import json
import re
from typing import Any

from training.errors import SourceError

NO_CHARACTER = re.compile(r"&#[0-9]{1000,};?")  # the largest valid one has seven digits; above 4,300 Python raises
UTF_16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def not_utf8(where: str, place: int) -> SourceError:
    """The error for a file from X that is not UTF-8: X always writes UTF-8, so the file is damaged."""
    return SourceError(f"{where} is damaged: byte {place} is not UTF-8; download the archive again.")


def not_json(where: str, line: int, column: int) -> SourceError:
    place = f"line {line}, column {column}"
    return SourceError(f"{where} is not whole JSON (it breaks at {place}): it may be half downloaded; fetch it again.")


def any_text(data: bytes, where: str) -> tuple[str, tuple[str, ...]]:
    """For files from anywhere: the text, and a warning where the encoding had to be guessed."""
    encoding = "utf-16" if data.startswith(UTF_16_MARKS) else "utf-8-sig"
    notes: tuple[str, ...] = ()
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        # Five bytes are undefined in cp1252, and real exports hold them all the same.
        text = data.decode("cp1252", "replace")
        notes = (f"{where} is not UTF-8 and was read as Windows-1252: accents and emoji may be wrong.",)
    if "\0" in text:
        raise SourceError(f"{where} is not text: give an X archive, a CSV, JSON or JSONL file, or one tweet per line.")
    return text, notes


def json_of(text: str, where: str, line: int = 1) -> Any:
    """`line` is the line of the file at which the text begins."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise not_json(where, line + error.lineno - 1, error.colno) from error
    except (RecursionError, ValueError) as error:  # nested a thousand deep; a number of 5,000 digits
        raise SourceError(f"{where} holds JSON that no list of tweets has: fetch it again.") from error


def unescaped(text: str) -> str:
    """HTML escapes undone once; Python raises for a character reference of thousands of digits."""
    return html.unescape(NO_CHARACTER.sub("\ufffd", text))


def well_formed(text: str) -> str:
    """The text with lone surrogates, which JSON allows but UTF-8 and SQLite do not, replaced by U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
