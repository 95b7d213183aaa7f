"""A disk that is full, for real: what a test writes while it lasts fails as it does there."""

from __future__ import annotations

import resource
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def files_up_to(size: int) -> Iterator[None]:
    """No file grows beyond `size` bytes: the system says EFBIG, as it says ENOSPC where a disk is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def small_disk(place: Path, size: int) -> Iterator[str]:
    """A disk of so many bytes at `place`, in memory; gives why there is none, where one may not be made."""
    place.mkdir(exist_ok=True)
    asked = ["mount", "-t", "tmpfs", "-o", f"size={size}", "mynah-test", str(place)]
    try:
        made = subprocess.run(asked, check=False, capture_output=True, text=True)
    except OSError as error:
        yield str(error)
        return
    if made.returncode:
        yield made.stderr.strip() or "mount failed"
        return
    try:
        yield ""
    finally:
        subprocess.run(["umount", str(place)], check=True)
