"""Checks voice likeness where it is known: 1 for a person's own tweets, 0 for other people's.

    python benchmarks/likeness.py ../shared/data/corpora/*/*.csv

Each row is a person, each column whose texts are measured. The person's newest tweets are cut in two: the first half
stands for 1, the second is measured (the diagonal), as are 100 draws of sixteen and of 32 texts from it. The other
columns are other people's tweets, the person's own with the words of each in random order, and the same in lower case.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from training.corpus import corpus
from training.judge.likeness import Scale
from training.sources import recognise

if TYPE_CHECKING:
    from collections.abc import Sequence

SAMPLE = Path(__file__).parents[1] / "training" / "sources" / "sample" / "stationmynah.zip"
SIZES = (16, 32)
OTHERS = 278  # texts of another person at most: as many as were held out of the accounts in ../shared


def main() -> None:
    parser = argparse.ArgumentParser(description="Checks voice likeness against tweets whose author is known.")
    parser.add_argument("tweets", type=Path, nargs="*", help="whatever `mynah import` reads, one person each")
    parser.add_argument("--draws", type=int, default=100)
    args = parser.parse_args()
    table([SAMPLE, *args.tweets], draws=args.draws)


def table(files: Sequence[Path], *, draws: int) -> None:
    built = {path.stem: corpus.build([recognise.read(path, path.stem)]) for path in files}
    train = {name: [text.text for text in texts.train] for name, texts in built.items()}
    held_out = {name: [text.text for text in texts.held_out] for name, texts in built.items()}
    columns = "".join(f"{name[:11]:>12}" for name in (*built, "shuffled", "lower case"))
    print(f"{'':16}{columns}{''.join(f'{size:>12} own' for size in SIZES)}")
    for name in built:
        half = len(held_out[name]) // 2
        older, newer = held_out[name][:half], held_out[name][half:]
        scale, rng = Scale(train[name], older), random.Random(0)
        measured = [newer if other == name else held_out[other][-OTHERS:] for other in built]
        measured += [
            [" ".join(rng.sample(text.split(), len(text.split()))) for text in newer],
            list(map(_lower, newer)),
        ]
        figures = "".join(f"{_shown(scale.of(texts)):>12}" for texts in measured)
        spreads = ""
        for size in SIZES:
            values = [scale.of(rng.sample(newer, min(size, half))) for _ in range(draws)]
            low, high = np.quantile([value for value in values if value is not None], (0.1, 0.9))
            spreads += f"{low:8.2f} to {high:.2f}"
        print(f"{name[:15]:16}{figures}{spreads}", flush=True)


def _lower(text: str) -> str:
    return text.lower().rstrip(".!")


def _shown(value: float | None) -> str:
    return "none" if value is None else f"{value:.2f}"


if __name__ == "__main__":
    main()
