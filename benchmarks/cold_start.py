"""Start-up times of the command line and of the packages it must not load: `python benchmarks/cold_start.py`.

Whole processes, in turn (A B C A B C …), so that a machine that drifts drifts for all; medians, and ratios to Python.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MYNAH = str(Path(sys.executable).parent / "mynah")
COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "mynah --help": [MYNAH, "--help"],
    "mynah config --check": [MYNAH, "config", "--check"],
    "mynah history": [MYNAH, "history"],
    "import torch": [sys.executable, "-c", "import torch"],
    "import transformers' GPT-2": [sys.executable, "-c", "from transformers import GPT2LMHeadModel"],
    "import tweepy": [sys.executable, "-c", "import tweepy"],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    times_of: dict[str, list[float]] = {name: [] for name in COMMANDS}
    with tempfile.TemporaryDirectory() as state:
        for number in range(rounds + 1):  # the first round warms the disk's cache
            for name, command in COMMANDS.items():
                began = time.perf_counter()
                subprocess.run(command, check=True, capture_output=True, env={"MYNAH_STATE": state, "HOME": state})
                if number:
                    times_of[name].append(time.perf_counter() - began)
    baseline = statistics.median(times_of["python -c pass"])
    print(f"{'command':36}{'median':>10}{'min':>10}{'max':>10}{'x python':>10}   ({rounds} rounds)")
    for name, times in times_of.items():
        median = statistics.median(times)
        print(f"{name:36}{median:9.3f}s{min(times):9.3f}s{max(times):9.3f}s{median / baseline:9.1f}x")


if __name__ == "__main__":
    main()
