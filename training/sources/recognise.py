"""Reads any supported file of tweets; its kind is recognised from its content and its name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from training.errors import SourceError
from training.sources import archive, archive_file, columns, lines, table
from training.sources.archive import Archive, Report  # noqa: TC001  what read() takes and gives, for its callers too

if TYPE_CHECKING:
    from pathlib import Path

HEAD_SIZE = 64 * 1024
JSON_HEAD = re.compile(r'\[\s*["{\[\]]|\{\s*("[^"]*"\s*:|\})')  # more than a bracket: a tweet may begin with one
ARCHIVE_HEAD = re.compile(r"window\.(YTD|__THAR_CONFIG)|Grailbird\.data")


def read(path: Path, author: str | None = None, report: Report | None = None) -> Archive:
    """`author` is needed where the file does not name its author."""
    if archive_file.is_bundle(path):
        return archive.read(path, author, report)
    start = archive_file.head(path, HEAD_SIZE)
    if not start:
        raise SourceError(f"{path} is empty: it may be half downloaded; fetch it again.")
    text = _decoded(start)
    suffix = path.suffix.lower()
    if ARCHIVE_HEAD.match(text) or suffix == ".js":
        return archive.read(path, author, report)
    if JSON_HEAD.match(text) or suffix in {".json", ".jsonl", ".ndjson"}:
        return table.read_json(path, author)
    if suffix in {".csv", ".tsv"} or (suffix != ".txt" and columns.delimiter_of(text)):
        return table.read_csv(path, author)
    return lines.read(path, author)


def _decoded(start: bytes) -> str:
    """The start of the file as text, to recognise its kind; the chosen reader decodes the file strictly."""
    encoding = "utf-16" if start.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    return start.decode(encoding, "replace").lstrip()
