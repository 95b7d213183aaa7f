"""The cost of evaluating a model, and a check of its figures.

    python benchmarks/judgement.py MODEL_FOLDER                                # on the sample account
    python benchmarks/judgement.py MODEL_FOLDER ../shared/data/corpora/538-twitter-ratio/BarackObama.csv

The second table checks the detector where the AUC is known: 0.5 for two halves of one person's tweets, 1.0 for shuffled
letters; the untouched base must be further from the person than the model.
"""

from __future__ import annotations

import argparse
import random
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from training.corpus import corpus
from training.judge import copying, ngram_floor, similarity
from training.judge.evaluate import SAMPLES, bits_of, evaluate, speak
from training.judge.report import explained
from training.models import base_model, model_dir
from training.recipe import recipe_for
from training.sources import recognise

if TYPE_CHECKING:
    from collections.abc import Callable

SAMPLE = Path(__file__).parents[1] / "training" / "sources" / "sample" / "stationmynah.zip"


def main() -> None:
    parser = argparse.ArgumentParser(description="Seconds and sanity of the evaluation.")
    parser.add_argument("model", type=Path, help="a model folder that `retrain` made from these tweets")
    parser.add_argument("tweets", type=Path, nargs="?", default=SAMPLE, help="whatever `retrain` reads")
    parser.add_argument("--samples", type=int, default=SAMPLES)
    args = parser.parse_args()
    torch.set_num_threads(1)
    texts = corpus.build([recognise.read(args.tweets, args.tweets.stem)])
    train, held_out = [text.text for text in texts.train], [text.text for text in texts.held_out]
    print(f"{args.tweets.name}: {len(train):,} training tweets, {len(held_out):,} held out, {args.samples} samples\n")
    print(f"{'':48}{'seconds':>10}{'of one core':>14}")
    loaded = model_dir.load(args.model, device="cpu")
    model, tokenizer = loaded.model, loaded.tokenizer
    context = min(recipe_for(loaded.manifest.base_model).shape.context, base_model.context_of(model))
    drafts = _timed("sampling", lambda: speak(model, tokenizer, texts.tags, count=args.samples, seed=0))
    samples = [draft.text for draft in drafts]
    _timed("bits of the held-out tweets", lambda: bits_of(model, tokenizer, texts.held_out, context=context))
    _timed("the n-gram floor", lambda: ngram_floor.bits_per_character(train, held_out))
    _timed("copied runs", lambda: copying.share_with_run(samples, train))
    _timed("copied whole", lambda: copying.share_exact(samples, train))
    _timed("distinct", lambda: similarity.distinct(samples, similarity.count_words(train)))
    _timed("detector AUC", lambda: similarity.detector_auc(samples, held_out, seed=0))
    options: dict[str, Any] = {"context": context, "seed": 0}
    report = _timed(
        "the whole evaluation without sampling",
        lambda: evaluate(model, tokenizer, texts, drafts=drafts, **options),
    )

    rng = random.Random(0)
    shuffled = ["".join(rng.sample(text, len(text))) for text in train]
    base, base_tokenizer = base_model.load_base(
        loaded.manifest.base_model, texts=train, shape=recipe_for("tiny").shape, seed=0
    )
    untouched = [draft.text for draft in speak(base, base_tokenizer, {}, count=args.samples, seed=0)]
    print(f"\n{'detector':48}{'AUC':>10}")
    for name, some, rest in (
        ("half of the training tweets from the other half", train[::2], train[1::2]),
        ("training tweets from held-out ones", train, held_out),
        ("the model from held-out ones", samples, held_out),
        ("the untouched base from held-out ones", untouched, held_out),
        ("shuffled letters from held-out ones", shuffled, held_out),
    ):
        auc = similarity.detector_auc(some, rest, seed=0)
        print(f"{name:48}{'' if auc is None else format(auc, '10.3f')}")

    print()
    for row in explained(report):
        print(f"{row.figure:32}{row.value:20}{row.beside}")


def _timed(name: str, step: Callable[[], Any]) -> Any:
    began, worked = time.perf_counter(), time.process_time()
    result = step()
    seconds, work = time.perf_counter() - began, time.process_time() - worked
    print(f"{name:48}{seconds:10.2f}{work:14.2f}", flush=True)
    return result


if __name__ == "__main__":
    main()
