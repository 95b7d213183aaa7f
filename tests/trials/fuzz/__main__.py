"""Coverage-guided fuzzing of all input from outside: `make fuzz MINUTES=10`, with MINUTES for each kind of input.

Each kind starts with valid documents from the tests' own builders and mutates their bytes and structure with atheris,
which must be installed. Only our own errors are allowed; any other input is kept in a file, and `python -m
tests.trials.fuzz --again FILE` shows it, without atheris. The exit code is 1 if anything was found.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

from tests.trials.fuzz.kinds import error_message
from tests.trials.fuzz.targets import TARGETS

ROOT = Path(__file__).parents[3]
GRACE = 120.0  # seconds for start and end, besides those asked for


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.trials.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="minutes for each kind of input")
    parser.add_argument("--only", choices=TARGETS, action="append", help="only this kind of input; may be repeated")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=Path(".fuzz"), help="folder for the inputs that were kept")
    parser.add_argument("--again", type=Path, metavar="FILE", help="run this single input and show the result")
    args = parser.parse_args()
    if args.again:
        return again(args.again)
    if importlib.util.find_spec("atheris") is None:
        sys.exit(f"tests.trials.fuzz: atheris is not installed: {sys.executable} -m pip install {requirement()!r}")
    kinds = args.only or list(TARGETS)
    findings = [path for kind in kinds for path in fuzz(kind, args.folder / kind, args.minutes * 60, args.seed)]
    for path in findings:
        print(f"to run it again: python -m tests.trials.fuzz --again {path}")
    return int(bool(findings))


def requirement() -> str:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]
    return str(groups["fuzz"][0])


def fuzz(kind: str, folder: Path, seconds: float, seed: int) -> list[Path]:
    """Starts afresh, so that the same seed gives the same start; earlier findings stay."""
    shutil.rmtree(folder / "corpus", ignore_errors=True)
    shutil.rmtree(folder / "work", ignore_errors=True)
    before = set((folder / "found").glob("*"))
    command = [
        sys.executable,
        "-m",
        "tests.trials.fuzz.engine",
        kind,
        str(folder.absolute()),
        str(int(seconds)),
        str(seed),
    ]
    began = time.monotonic()
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as log:
        try:
            code = subprocess.run(
                command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT, timeout=seconds + GRACE, check=False,
                env={name: value for name, value in os.environ.items() if not name.startswith("MYNAH_")},
            ).returncode  # fmt: skip
        except subprocess.TimeoutExpired:
            code = -1
        log.seek(0)
        text = log.read()
    took = time.monotonic() - began
    findings = sorted(set((folder / "found").glob("*")) - before)
    runs = re.findall(r"stat::number_of_executed_units:\s+(\d+)", text)
    reached = re.findall(r"cov: (\d+)", text)
    print(
        f"{kind:14} {took:6.0f} s  {int(runs[-1]) if runs else 0:>10,} inputs  "
        f"{int(reached[-1]) if reached else 0:>7,} branches  {len(findings)} findings",
        flush=True,
    )
    for line in text.splitlines():
        if line.startswith("FOUND"):
            print(f"  {line}")
    if code and not findings:
        sys.exit(f"tests.trials.fuzz: {kind} ended with {code}:\n{text[-3000:]}")
    return findings


def again(path: Path) -> int:
    kind = path.name.partition("-")[0]
    if kind not in TARGETS:
        sys.exit(f"tests.trials.fuzz: {path.name} does not begin with a kind of input: {', '.join(TARGETS)}")
    with tempfile.TemporaryDirectory() as folder:
        target = TARGETS[kind](Path(folder))
        try:
            message = error_message(target, path.read_bytes())
        finally:
            target.close()
    print(f"refused: {message}" if message else "accepted")
    return 0


if __name__ == "__main__":
    sys.exit(main())
