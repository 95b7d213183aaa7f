"""Reads the lines of a small text file that somebody wrote by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

COMMENT = "#"  # at the beginning of a line


def read(path: Path, max_bytes: int) -> list[str]:
    """The lines without comments and empty ones. Raises ValueError with a message that continues after the path."""
    try:
        if not path.is_file():  # reading a pipe would block, and reading /dev/zero would never end
            raise ValueError("is not a file")
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
    except OSError as error:
        raise ValueError(f"cannot be read ({error.strerror})") from error
    if len(data) > max_bytes:
        raise ValueError(f"is larger than {max_bytes:,} bytes")
    try:
        lines = data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError("is not UTF-8 text") from error
    return [line.strip() for line in lines if line.strip() and not line.startswith(COMMENT)]
