"""Held-out loss after our training and after the reference recipe, and how soon ours is as good.

    python benchmarks/training_quality.py                      # the sample account, the base in the package
    python benchmarks/training_quality.py ../shared/data/corpora/538-twitter-ratio/*.csv
    python benchmarks/training_quality.py --model smollm2      # its LoRA against all weights by the reference recipe
    python benchmarks/training_quality.py --model 124m --tokens 20000    # GPT-2's shape, random weights, few tokens

Both are trained on the same texts and evaluated on the same newest tenth: each tweet alone, from its start, its end
included. A block has 1024 tokens, as GPT-2's, or as many as the model reads: 256 for the base in the package.
Seconds are of the training alone, ours with its evaluations on the held-out tweets but without the further ones that
find when it is as good; core-seconds are processor time, which a busy machine changes less.
"""

from __future__ import annotations

import argparse
import math
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import reference
import torch
from reference import Reference
from training_speed import MODELS, SAMPLE, load, machine

from training.corpus import corpus
from training.learn import batches
from training.learn.finetune import finetune, total_loss
from training.models import base_model
from training.recipe import recipe_for
from training.sources import recognise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from training.learn.batches import Row
    from training.recipe import Recipe

EVALUATIONS = 80  # on the held-out tweets at most, until the reference's loss is reached
BATCH_TOKENS = 4_096  # of a batch in an evaluation


@dataclass
class Learner:
    """A model, its training texts, and the held-out tweets that it is evaluated on."""

    model: Any
    tokenizer: Any
    texts: Sequence[str]
    rows: Sequence[Row]
    held_out: Sequence[Row]
    characters: int  # of the held-out tweets
    tokens: int  # to train on at most; 0: as many as the recipe says

    def nats(self) -> float:
        """Nats per held-out token."""
        nats, tokens = total_loss(self.model, self.held_out, BATCH_TOKENS)
        return nats / tokens

    def bits(self, nats: float) -> float:
        """Bits per held-out character."""
        return nats * sum(len(row) - 1 for row in self.held_out) / math.log(2) / self.characters


@dataclass(frozen=True, slots=True)
class Time:
    seconds: float
    core_seconds: float

    @classmethod
    def now(cls) -> Time:
        return cls(time.perf_counter(), time.process_time())

    def since(self, began: Time) -> Time:
        return Time(self.seconds - began.seconds, self.core_seconds - began.core_seconds)

    def __add__(self, more: Time) -> Time:
        return Time(self.seconds + more.seconds, self.core_seconds + more.core_seconds)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The figures of a training; nats are per held-out token."""

    nats: float
    tokens: int
    spent: Time
    as_good: Time | None = None  # when the goal was reached


def main() -> None:
    args = _parser().parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    print(machine(args.device))
    for path in args.tweets or [SAMPLE]:
        compare(path, args)


def compare(path: Path, args: argparse.Namespace) -> None:
    """Three trainings from the same weights, each a line of the table."""
    texts = corpus.build([recognise.read(path, path.stem)], corpus.Choices(rules=args.rules))
    train, held_out = ([text.text for text in part] for part in (texts.train, texts.held_out))
    print(f"\n{path.name}: {len(train):,} training tweets, {len(held_out):,} held out ({args.rules}), {args.model}")
    print(f"{'':46}{'bits/char':>10}{'nats':>8}{'tokens':>12}{'seconds':>9}{'core-s':>9}{'as good after':>24}")

    def learner() -> Learner:
        return _learner(args, train, held_out)

    untouched = learner()
    _row("untouched", untouched, Outcome(untouched.nats(), 0, Time(0.0, 0.0)))
    theirs = learn_by_reference(learner(), seed=args.seed)
    _row("reference recipe, Trainer", untouched, theirs)
    recipe = _ours(args)
    for name, variant in {
        "mynah, the reference's passes and rate": _like_the_reference(recipe, untouched),
        "mynah": recipe,
    }.items():
        _row(name, untouched, learn_by_mynah(learner(), variant, seed=args.seed, goal=theirs.nats), theirs)


def learn_by_reference(learner: Learner, *, seed: int) -> Outcome:
    recipe = Reference(block=min(Reference().block, base_model.context_of(learner.model)))
    rows = reference.blocks(learner.tokenizer, learner.texts, block=recipe.block, seed=seed)
    if learner.tokens:
        rows = rows[: max(1, learner.tokens // recipe.block)]
    began = Time.now()
    reference.train(learner.model, rows, recipe, seed=seed)
    spent = Time.now().since(began)
    return Outcome(learner.nats(), len(rows) * (recipe.block - 1), spent)


def learn_by_mynah(learner: Learner, recipe: Recipe, *, seed: int, goal: float) -> Outcome:
    """As `retrain` does; the clock is stopped while the model is compared with the goal."""
    if learner.tokens:
        recipe = replace(recipe, epochs=1e9, max_steps=max(1, learner.tokens // recipe.batch_tokens))
    tokens, spent, as_good, began = 0, Time(0.0, 0.0), None, Time.now()
    for step in finetune(learner.model, learner.rows, learner.held_out, recipe, seed=seed):
        spent += Time.now().since(began)
        tokens += step.tokens
        if not as_good and step.number % max(1, step.of // EVALUATIONS) == 0 and learner.nats() <= goal:
            as_good = spent
        began = Time.now()
    spent += Time.now().since(began)
    return Outcome(learner.nats(), tokens, spent, as_good)


def _learner(args: argparse.Namespace, train: Sequence[str], held_out: Sequence[str]) -> Learner:
    model, tokenizer = load(args.model, train)
    context = min(recipe_for(args.model).shape.context, base_model.context_of(model))
    rows, others = (batches.encode(tokenizer, part, context) for part in (train, held_out))
    return Learner(model.to(args.device), tokenizer, train, rows, others, sum(map(len, held_out)), args.tokens)


def _ours(args: argparse.Namespace) -> Recipe:
    """The recipe of the package with the changes of `--set`."""
    recipe = recipe_for(args.model)
    recipe = replace(recipe, threads=args.threads or recipe.threads)
    kinds = {"batch_tokens": int, "max_steps": int, "looks": int, "threads": int, "negatives": int}
    changes = (change.partition("=")[::2] for change in args.set)
    return replace(recipe, **{name: kinds.get(name, float)(value) for name, value in changes})  # type: ignore[arg-type]


def _like_the_reference(recipe: Recipe, learner: Learner) -> Recipe:
    """Equal tokens, steps and rate: the difference left is the loop, and whole tweets instead of blocks."""
    return replace(
        recipe,
        batch_tokens=base_model.context_of(learner.model),
        epochs=reference.PASSES,
        max_steps=10**6,
        learning_rate=reference.LEARNING_RATE,
        dropout=reference.DROPOUT,
        warmup=0.0,
        floor=0.0,
        weight_decay=0.0,
        betas=(0.9, 0.999),
        keep_best=False,
    )


def _row(name: str, learner: Learner, outcome: Outcome, theirs: Outcome | None = None) -> None:
    print(
        f"{name:46}{learner.bits(outcome.nats):10.3f}{outcome.nats:8.3f}{outcome.tokens:12,}"
        f"{outcome.spent.seconds:9.1f}{outcome.spent.core_seconds:9.1f}{_as_good(outcome, theirs):>24}",
        flush=True,
    )


def _as_good(outcome: Outcome, theirs: Outcome | None) -> str:
    """When the reference's last loss was reached, and how much sooner by both clocks."""
    if theirs is None:
        return ""
    when, whole = outcome.as_good, theirs.spent
    if when is None:
        return "never"
    return f"{when.seconds:.1f} s: {whole.seconds / when.seconds:.1f}x, {whole.core_seconds / when.core_seconds:.1f}x"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Held-out tweets after our training and the reference recipe's.")
    parser.add_argument("tweets", type=Path, nargs="*", help="whatever `mynah import` reads; else the sample account")
    parser.add_argument("--model", choices=MODELS, default="tiny", help="a base, or random weights")
    parser.add_argument(
        "--rules", choices=("huggingtweets", "mynah"), default="huggingtweets", help="the rules that filter the tweets"
    )
    parser.add_argument("--tokens", type=int, default=0, help="training tokens at most; 0: the passes of the recipes")
    parser.add_argument("--set", nargs="+", default=[], metavar="NAME=NUMBER", help="change our recipe")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=0, help="0: the default of torch, and of our recipe")
    parser.add_argument("--device", default="cpu")
    return parser


if __name__ == "__main__":
    main()
