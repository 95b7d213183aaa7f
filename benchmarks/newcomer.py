"""From nothing to a first post of one's own, as a newcomer does it: `make newcomer` writes docs/newcomer.md.

The wheel of this tree is all that the newcomer has: an empty home, an empty environment, no cache, no variables. Each
command is run as it is printed, and its output is shown without the lines of pip.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "training/sources/sample/stationmynah.zip"
ARCHIVE = "twitter-2026-11-20.zip"
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
TORCH = next(line for line in (ROOT / "requirements.lock").read_text().splitlines() if line.startswith("torch=="))
MOST_LINES = 24
HEAD = """\
# From nothing to a first post

Written by `make newcomer` on {date}: each command in turn, in an empty home without configuration, caches or
variables, with nothing but the wheel ({wheel}). The person is the invented @stationmynah, whose archive has the form of
X's. The machine has {cores} cores without a GPU and much other work (a load of {load:.0f} at the start), so read the
times as the most that they take. The last column is what a command adds to the disk. Packages came from a mirror in the
same network, torch from the machine's own disk.

"""


class Newcomer:
    def __init__(self, home: Path) -> None:
        self.home = home
        self.rows: list[tuple[str, float, int]] = []
        self.texts: list[str] = []
        # What this machine needs to reach its package index is no part of what a newcomer sets.
        kept = {name: os.environ[name] for name in os.environ if name.startswith(("PIP_", "SSL_", "XDG_CONFIG_DIRS"))}
        self.environment = kept | {"HOME": str(home), "COLUMNS": "100"}
        python = Path(sys.executable).resolve().parent  # the python3 that this runs with
        self.environment |= {"PATH": f"{home}/mynah/bin:{python}:/usr/bin:/bin"}
        self.environment |= {"LC_ALL": "C.UTF-8", "PIP_NO_CACHE_DIR": "1"}

    def __call__(self, command: str, why: str, *, extra: str = "", quiet: bool = False) -> None:
        """`extra`: what is added to the command here and not shown."""
        before, began = disk(self.home), time.monotonic()
        process = subprocess.run(
            ["bash", "-c", command + extra],
            cwd=self.home,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        seconds, added = time.monotonic() - began, disk(self.home) - before
        output = (process.stdout + process.stderr).replace(str(self.home), "~")
        if process.returncode:
            sys.exit(f"{command}: exit {process.returncode}\n{output}")
        self.rows.append((command, seconds, added))
        shown = "" if quiet else shortened(output)
        self.texts.append(f"**{why}**\n\n```console\n$ {command}\n{shown}```\n")
        print(f"{seconds:7.1f} s  {command}", file=sys.stderr)

    def document(self, head: str) -> str:
        table = ["| command | time | on the disk |", "|---|---|---|"]
        table += [f"| `{command}` | {duration(seconds)} | {size(added)} |" for command, seconds, added in self.rows]
        table.append(f"| together | {duration(sum(row[1] for row in self.rows))} | {size(disk(self.home))} |")
        return head + "\n".join(table) + "\n\n" + "\n".join(self.texts)


def disk(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def size(number: int) -> str:
    return f"{number / 1e6:,.1f} MB"


def duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def shortened(output: str) -> str:
    """Without what only a terminal shows well, and at most a page."""
    lines = [line.rstrip() for line in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", output).splitlines()]
    if len(lines) > MOST_LINES:
        lines = [*lines[: MOST_LINES // 2], "…", *lines[-MOST_LINES // 2 :]]
    return "".join(f"{line}\n" for line in lines)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="newcomer-") as folder:
        home = Path(folder)
        subprocess.run(
            [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder],
            cwd=ROOT,
            check=True,
            capture_output=True,
        )
        (wheel,) = home.glob("*.whl")
        shutil.copyfile(SAMPLE, home / ARCHIVE)
        load = os.getloadavg()[0]
        newcomer = Newcomer(home)
        newcomer("python3 -m venv mynah", "An environment of its own.", quiet=True)
        torch = f"mynah/bin/pip install torch --index-url {CPU_INDEX}"
        hidden = f" '{TORCH}' --no-deps --retries 1 --timeout 30"
        newcomer(torch, "torch without what only GPUs need.", extra=hidden, quiet=True)
        install = f"mynah/bin/pip install './{wheel.name}[speak,train]'"
        newcomer(install, "The program.", extra=f" -c {ROOT / 'requirements.lock'}", quiet=True)
        newcomer(f"mynah init --bot crow --archive {ARCHIVE}", "A configuration, and the person's tweets.")
        newcomer("mynah library", "What a model would learn from.")
        newcomer("mynah retrain", "A model.")
        newcomer("mynah doctor", "Is anything missing?")
        newcomer("mynah run --once", "The first post: a dry run, so nothing leaves the machine.")
        date = datetime.now(UTC).date()
        head = HEAD.format(
            date=date, wheel=f"{version('mynah-bot')}, {size(wheel.stat().st_size)}", cores=os.cpu_count(), load=load
        )
        print(newcomer.document(head), end="")


if __name__ == "__main__":
    main()
