"""The lines of a small file that somebody wrote by hand. It knows nothing of what they mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

REMARK = "#"  # a line that begins with it


def read(path: Path, most: int) -> list[str]:
    """Those that say something, without remarks. ValueError, in words that go on from the path: it is none of these."""
    try:
        if not path.is_file():  # a pipe would keep us waiting, and /dev/zero has no end
            raise ValueError("is no file")
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        raise ValueError(f"cannot be read ({error.strerror})") from error
    if len(data) > most:
        raise ValueError(f"is larger than {most:,} bytes")
    try:
        lines = data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError("is not UTF-8 text") from error
    return [line.strip() for line in lines if line.strip() and not line.startswith(REMARK)]
