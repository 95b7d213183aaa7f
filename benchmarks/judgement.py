"""What the judgement of a model costs, and whether its figures say what they should.

    python benchmarks/judgement.py MODEL_FOLDER                                # by the sample account
    python benchmarks/judgement.py MODEL_FOLDER ../shared/data/corpora/538-twitter-ratio/BarackObama.csv

The second table has answers that are known beforehand: a person is not told from herself (0.5), shuffled letters
always are (1.0); the untouched base must come out worse than the model.
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
    parser = argparse.ArgumentParser(description="Seconds and sanity of the judgement.")
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
    drafts = _timed("saying them", lambda: speak(model, tokenizer, texts.tags, count=args.samples, seed=0))
    said = [draft.text for draft in drafts]
    _timed("bits of the held-out tweets", lambda: bits_of(model, tokenizer, texts.held_out, context=context))
    _timed("the n-gram floor", lambda: ngram_floor.bits_per_character(train, held_out))
    _timed("copied runs", lambda: copying.share_with_run(said, train))
    _timed("copied whole", lambda: copying.share_exact(said, train))
    _timed("distinct", lambda: similarity.distinct(said, similarity.count_words(train)))
    _timed("detector AUC", lambda: similarity.detector_auc(said, held_out, seed=0))
    given: dict[str, Any] = {"context": context, "seed": 0}
    report = _timed(
        "all but the saying, and the author's own figures",
        lambda: evaluate(model, tokenizer, texts, drafts=drafts, **given),
    )

    chance = random.Random(0)
    shuffled = ["".join(chance.sample(text, len(text))) for text in train]
    base, spelling = base_model.load_base(
        loaded.manifest.base_model, texts=train, shape=recipe_for("tiny").shape, seed=0
    )
    untouched = [draft.text for draft in speak(base, spelling, {}, count=args.samples, seed=0)]
    print(f"\n{'told apart':48}{'chance':>10}")
    for name, some, others in (
        ("every other learnt tweet from the rest", train[::2], train[1::2]),
        ("learnt tweets from held-out ones", train, held_out),
        ("the model from held-out ones", said, held_out),
        ("the untouched base from held-out ones", untouched, held_out),
        ("shuffled letters from held-out ones", shuffled, held_out),
    ):
        told = similarity.detector_auc(some, others, seed=0)
        print(f"{name:48}{'' if told is None else format(told, '10.3f')}")

    print()
    for row in explained(report):
        print(f"{row.figure:32}{row.value:20}{row.beside}")


def _timed(name: str, part: Callable[[], Any]) -> Any:
    began, worked = time.perf_counter(), time.process_time()
    answer = part()
    seconds, work = time.perf_counter() - began, time.process_time() - worked
    print(f"{name:48}{seconds:10.2f}{work:14.2f}", flush=True)
    return answer


if __name__ == "__main__":
    main()
