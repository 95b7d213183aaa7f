"""The newest log lines in a file of the state folder, for `mynah watch`. It is never large, and may be deleted."""

from __future__ import annotations

import json
import logging.handlers
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

NAME = "log.jsonl"
OLDER = NAME + ".1"
LARGEST = 128 * 1024  # bytes, some days of a quiet bot; then a new file begins
TAIL = 64 * 1024  # bytes that are read


class LogFile(logging.handlers.WatchedFileHandler):
    """Goes on in a new file if somebody deletes this one, such as `mynah forget`. A full disk loses lines, no more."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / NAME, encoding="utf-8", delay=True, errors="backslashreplace")

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(OSError):
            if self.stream is not None and self.stream.tell() > LARGEST:
                os.replace(self.baseFilename, f"{self.baseFilename}.1")  # noqa: PTH105  the handler has a string
            super().emit(record)


def newest(folder: Path, most: int) -> list[dict[str, Any]]:
    """The newest lines, the oldest of them first."""
    lines: list[dict[str, Any]] = []
    for name in (NAME, OLDER):
        lines = [*_read(folder / name), *lines]
        if len(lines) >= most:
            break
    return lines[-most:] if most else []


def _read(path: Path) -> list[dict[str, Any]]:
    rows = []
    with suppress(OSError), os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
        file.seek(max(os.fstat(file.fileno()).st_size - TAIL, 0))
        for line in file.read(TAIL).decode("utf-8", "replace").splitlines():
            with suppress(ValueError):  # the first line may be a part of one
                row = json.loads(line)
                if isinstance(row, dict):
                    rows.append(row)
    return rows
