"""How well the base in the package predicts tweets, before and after fine-tuning, compared with other methods.

    python benchmarks/base_model.py                      # the sample account
    python benchmarks/base_model.py ../shared/data/corpora/538-twitter-ratio/BarackObama.csv
    python benchmarks/base_model.py --lines heldout.txt  # evaluate the untouched base on texts, one a line

Bits per character of the held-out tweets, the newest tenth; every method is trained on the other nine tenths.
"""

from __future__ import annotations

import argparse
import gzip
import lzma
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from training.corpus import corpus
from training.judge import ngram_floor
from training.judge.evaluate import bits_per_character
from training.learn import batches
from training.learn.finetune import finetune
from training.models import base_model
from training.recipe import recipe_for
from training.sources import recognise

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from training.recipe import Recipe

SAMPLE = Path(__file__).parents[1] / "training" / "sources" / "sample" / "stationmynah.zip"
SCRATCH_EPOCHS = 12  # more gain 0.015 on the sample account and nothing on larger ones (LOG: 2026-11-21)


class Split(NamedTuple):
    train: list[str]
    held_out: list[str]


def main() -> None:
    parser = argparse.ArgumentParser(description="Bits per character of held-out tweets.")
    parser.add_argument("tweets", type=Path, nargs="*", help="whatever `retrain` reads; the sample account by default")
    parser.add_argument("--lines", type=Path, nargs="+", default=[], help="evaluate the untouched base on these lines")
    parser.add_argument(
        "--rows", default="", help="only the rows whose names contain this: fine-tuned, nothing, xz ..."
    )
    parser.add_argument("--threads", type=int, default=0, help="0: the default of torch")
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    for path in args.lines:
        _judge_lines(path)
    if args.tweets or not args.lines:
        for path in args.tweets or [SAMPLE]:
            _compare(path, args.rows)


def _judge_lines(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    print(f"{path.name}: {len(lines):,} lines, base {_base_bits(lines):.3f} bits per character")


def _compare(path: Path, name_part: str) -> None:
    built = corpus.build([recognise.read(path, path.stem)])
    texts = Split([text.text for text in built.train], [text.text for text in built.held_out])
    characters = sum(map(len, texts.train))
    print(
        f"\n{path.name}: {len(texts.train):,} training tweets ({characters:,} characters), "
        f"{len(texts.held_out):,} held out"
    )
    print(f"{'':44}{'bits/char':>10}{'seconds':>10}")
    rows: dict[str, Callable[[], float]] = {
        "base, untouched": lambda: _base_bits(texts.held_out),
        "base, fine-tuned": lambda: _finetuned_bits(texts, recipe_for("tiny")),
        "same architecture from nothing, best epoch": lambda: _from_nothing_bits(texts),
        f"byte {ngram_floor.ORDER}-grams, Witten-Bell": lambda: ngram_floor.bits_per_character(
            texts.train, texts.held_out
        ),
        "xz": lambda: _packed_bits(texts, lambda data: lzma.compress(data, preset=9 | lzma.PRESET_EXTREME)),
        "gzip": lambda: _packed_bits(texts, lambda data: gzip.compress(data, 9, mtime=0)),
    }
    for name, measure in rows.items():
        if name_part in name:
            began = time.perf_counter()
            bits = measure()
            print(f"{name:44}{bits:10.3f}{time.perf_counter() - began:10.1f}", flush=True)


def _base_bits(texts: Sequence[str]) -> float:
    recipe = recipe_for("tiny")
    model, tokenizer = base_model.load_base("tiny", texts=(), shape=recipe.shape, seed=0)
    return bits_per_character(model, tokenizer, texts, context=base_model.context_of(model))


def _finetuned_bits(texts: Split, recipe: Recipe) -> float:
    model, tokenizer = base_model.load_base("tiny", texts=texts.train, shape=recipe.shape, seed=0)
    return _learn_and_judge(model, tokenizer, texts, recipe)


def _from_nothing_bits(texts: Split) -> float:
    """The base's shape and tokenizer with random weights; the best of many evaluations on the held-out tweets."""
    base, tokenizer = base_model.load_base("tiny", texts=(), shape=recipe_for("tiny").shape, seed=0)
    torch.manual_seed(0)
    model = type(base)(base.config)
    recipe = replace(
        recipe_for("tiny"),
        epochs=SCRATCH_EPOCHS,
        looks=SCRATCH_EPOCHS,
        max_steps=10**9,
        learning_rate=1e-3,
        warmup=0.05,
        dropout=0.1,
        keep_best=True,
        negatives=1,  # every token is scored in every step, as in pretraining
    )
    return _learn_and_judge(model, tokenizer, texts, recipe)


def _learn_and_judge(model: Any, tokenizer: Any, texts: Split, recipe: Recipe) -> float:
    context = min(recipe.shape.context, base_model.context_of(model))
    train, held_out = (batches.encode(tokenizer, part, context) for part in (texts.train, texts.held_out))
    for _ in finetune(model, train, held_out, recipe, seed=0):
        pass
    return bits_per_character(model, tokenizer, texts.held_out, context=context)


def _packed_bits(texts: Split, pack: Any) -> float:
    """What the held-out tweets add to the compressed size of the others."""
    before = "\n".join([*texts.train, ""]).encode()
    after = before + "\n".join([*texts.held_out, ""]).encode()
    return (len(pack(after)) - len(pack(before))) * 8 / sum(map(len, texts.held_out))


if __name__ == "__main__":
    main()
