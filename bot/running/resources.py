"""How much room there is on the disk and in memory, asked before a round. It knows no files, and frees nothing."""

from __future__ import annotations

import os
import re
from pathlib import Path

MEGABYTE = 1_000_000
# An intent and its outcome take less than a tenth of one, and must both fit; the rest is for the log and for a copy of
# the history, which has 27 MB after a hundred thousand posts. No setting: with less nobody wants to go on.
LEAST = 50 * MEGABYTE
WAITS = Path("/proc/pressure/memory")  # as Linux counts it; systemd would tell us, but only from 254 on
SHORT = 10.0  # per cent of the last ten seconds; at as much systemd warns those that ask it


def why_not(folder: Path, *, least: int = LEAST) -> str | None:
    """Why nothing is begun that has to be written down; None if there is room, or nobody can tell."""
    try:
        disk = os.statvfs(folder)
    except OSError:
        return None
    free = disk.f_bavail * disk.f_frsize
    if free >= least:
        return None
    return (  # without the figure, so that it is said once, and not at every change of it
        f"the disk of {folder} is full, or nearly ({least // MEGABYTE} MB must be free): free some; "
        "old models are the largest (training.keep)"
    )


def is_short_of_memory(waits: Path = WAITS) -> bool:
    """Whether what runs on this machine keeps waiting for memory; no, where nobody counts that."""
    try:
        found = re.search(r"^some avg10=([0-9.]+)", waits.read_text(encoding="ascii"), re.MULTILINE)
    except (OSError, UnicodeDecodeError):
        return False
    return found is not None and float(found[1]) >= SHORT
