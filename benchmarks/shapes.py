"""Which shape, rate, vocabulary and order has the lowest loss for its compute: short runs of `pretrain.py`.

    python benchmarks/shapes.py 4x256 6x192 "rate 6e-3" --corpus ../shared/corpus --work shapes

Each run reads a twelfth of the corpus and takes as many operations as `--steps` steps of the base's own shape,
attention left out. Evaluated on a ninth of heldout-short.txt and a fourteenth of heldout.txt. Default: all runs.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from training.judge.evaluate import bits_per_character
from training.models.base_model import make_model
from training.pretrain.pretrain import CHECKPOINT, prepare, pretrain
from training.pretrain.recipe import PRETRAINING, Pretraining

if TYPE_CHECKING:
    from training.recipe import Shape

TWELFTH, OFFSET = 12, 5  # every twelfth line from the sixth on
HELD_OUT = {"heldout-short": 9, "heldout": 14}  # one line in so many
WARMUP = 0.2  # share of the steps: the recipe's 100 would be most of such a short run
BASE = PRETRAINING.shape


@dataclass(frozen=True)
class Run:
    shape: Shape = BASE
    seed: int = 0
    short_alone: bool = False
    changes: tuple[tuple[str, Any], ...] = ()


def shape(layers: int, width: int) -> Run:
    return Run(replace(BASE, layers=layers, width=width, heads=width // 64))


RUNS = {
    "4x256": Run(),
    "4x256, seed 1": Run(seed=1),  # how much depends on the seed
    **{
        f"{layers}x{width}": shape(layers, width)
        for layers, width in ((2, 384), (3, 320), (6, 192), (6, 256), (8, 192))
    },
    **{f"{size // 1024}k tokens": Run(replace(BASE, vocabulary=size)) for size in (4_096, 16_384)},
    "rate 1.5e-3": Run(changes=(("learning_rate", 1.5e-3),)),
    "rate 6e-3": Run(changes=(("learning_rate", 6e-3),)),
    "cooling 0.6": Run(changes=(("cooling", 0.6),)),
    "short alone": Run(short_alone=True),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="*", help="names of runs")
    parser.add_argument("--corpus", type=Path, default=Path(__file__).parents[2] / "shared" / "corpus")
    parser.add_argument("--work", type=Path, required=True, help="folder for token files")
    parser.add_argument("--steps", type=int, default=120, help="of the base's shape; 120 are half a million tokens")
    args = parser.parse_args()
    if unknown := set(args.runs) - RUNS.keys():
        parser.error(f"unknown run {min(unknown)!r}; choose from: {', '.join(RUNS)}")
    args.work.mkdir(parents=True, exist_ok=True)
    texts = [twelfth(args.corpus, kind, args.work) for kind in ("prose", "short")]
    for name in args.runs or RUNS:
        learn(name, RUNS[name], texts, args)


def twelfth(corpus: Path, kind: str, work: Path) -> Path:
    path = work / f"{kind}.txt"
    if not path.exists():
        files = [
            file.read_text(encoding="utf-8").splitlines(keepends=True) for file in sorted(corpus.glob(f"{kind}-*"))
        ]
        path.write_text("".join(line for lines in files for line in lines[OFFSET::TWELFTH]), encoding="utf-8")
    return path


def learn(name: str, run: Run, texts: list[Path], args: argparse.Namespace) -> None:
    steps = round(args.steps * operations(BASE) / operations(run.shape))
    short = replace(PRETRAINING, shape=run.shape, steps=steps, warmup=round(steps * WARMUP), tokenizer_reads_every=1)
    recipe: Pretraining = replace(short, **dict(run.changes))
    work = args.work / f"{run.shape.vocabulary}"
    tokenizer, files = prepare(texts, work, recipe)
    (work / CHECKPOINT).unlink(missing_ok=True)
    model = make_model(tokenizer, recipe.shape, run.seed)
    began = time.process_time()
    read = files[1:] if run.short_alone else files
    history = list(pretrain(model, read, files[1:], recipe, work=work, seed=run.seed))
    seconds, pieces = time.process_time() - began, sum(step.tokens for step in history)
    weights = sum(weight.numel() for weight in model.parameters())
    columns = [f"{name:16}{weights / 1e6:6.2f} M weights{steps:5} steps{pieces / 1e6:6.2f} M tokens{seconds:6.0f} s"]
    for held_out, every in HELD_OUT.items():
        lines = (args.corpus / f"{held_out}.txt").read_text(encoding="utf-8").splitlines()[::every]
        columns.append(f"{held_out} {bits_per_character(model, tokenizer, lines, context=recipe.shape.context):.3f}")
    print("  ".join(columns), flush=True)


def operations(form: Shape) -> int:
    """Per token, forward and backward."""
    return 6 * (12 * form.layers * form.width**2 + form.vocabulary * form.width)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
