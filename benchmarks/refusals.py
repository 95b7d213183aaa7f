"""The share of a model's unprompted samples that the screen refuses: `python benchmarks/refusals.py [MODEL_FOLDER]`.

The base in the package by default. Links and mentions are refused, as in the default configuration.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from bot.screen import chain
from bot.values import Draft
from training.models.base_model import EMBEDDED
from training.profile.memory import FILE, Memory
from training.speak.torch_engine import TorchSampler
from training.speak.types import Sampling

AT_ONCE = 50


def main() -> None:
    parser = argparse.ArgumentParser(description="The share of a model's samples that the screen refuses, and why.")
    parser.add_argument("folder", type=Path, nargs="?", default=EMBEDDED, help="a model folder; the base by default")
    parser.add_argument("--samples", type=int, default=1_000)
    parser.add_argument("--temperature", type=float, default=1.0)
    args = parser.parse_args()
    why_copied = Memory.open(args.folder).why_copied if (args.folder / FILE).exists() else lambda _: ""
    earlier: set[str] = set()
    screen = chain.build(was_posted=earlier.__contains__, copy_of=why_copied)
    sampler = TorchSampler.open(args.folder, device="cpu")
    reasons: Counter[str] = Counter()
    for seed in range(0, args.samples, AT_ONCE):
        for sample in sampler.draft("", n=AT_ONCE, seed=seed, sampling=Sampling(temperature=args.temperature)):
            reason = screen.why_not(Draft(sample.text, seed=seed, finished=sample.finished))
            reasons[reason.name if reason else "passed"] += 1
            earlier.add(sample.text)
    for name, count in reasons.most_common():
        print(f"{name:20}{count:6}{count / reasons.total():8.1%}")


if __name__ == "__main__":
    main()
