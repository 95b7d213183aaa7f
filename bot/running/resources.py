"""Checks before a round whether disk space and memory are sufficient."""

from __future__ import annotations

import os
import re
from pathlib import Path

MEGABYTE = 1_000_000
# An intent and its outcome must both fit and take less than 0.1 MB; the rest is for the log and for a backup of the
# history, which has 27 MB after a hundred thousand posts. Not a setting: nobody wants to continue with less.
MIN_FREE = 50 * MEGABYTE
PRESSURE = Path("/proc/pressure/memory")  # Linux's own figure; systemd reports memory pressure only from 254 on
HIGH_PRESSURE = 10.0  # per cent of the last ten seconds; systemd's own threshold


def why_not(folder: Path, *, min_free: int = MIN_FREE) -> str | None:
    """Why no round may begin: the disk is full. None if there is space, or if that cannot be determined."""
    try:
        disk = os.statvfs(folder)
    except OSError:
        return None
    free = disk.f_bavail * disk.f_frsize
    if free >= min_free:
        return None
    return (  # without the current figure, whose changes would be logged as new messages
        f"the disk of {folder} is full, or nearly ({min_free // MEGABYTE} MB must be free): free some space; "
        "old models take most of it (training.keep)"
    )


def is_short_of_memory(pressure: Path = PRESSURE) -> bool:
    """Whether processes on this machine keep waiting for memory. False where the kernel does not count it."""
    try:
        match = re.search(r"^some avg10=([0-9.]+)", pressure.read_text(encoding="ascii"), re.MULTILINE)
    except (OSError, UnicodeDecodeError):
        return False
    return match is not None and float(match[1]) >= HIGH_PRESSURE
