"""Whether the score of a draft (bot/rounds/score.py) finds the better one, and at which temperature to draft.

    python benchmarks/choice.py MODEL_FOLDER [TWEETS] --texts ../shared/corpus/*-0?.txt
    python benchmarks/choice.py MODEL_FOLDER [TWEETS] --texts … --fit        # which weights one half would choose
    python benchmarks/choice.py MODEL_FOLDER [TWEETS] --texts … --sweep      # temperatures and top_p

MODEL_FOLDER is one that `retrain` made from TWEETS, the sample account by default. Its held-out tweets are cut in two:
the older half tells how the person writes (and chooses weights), the newer half is what is scored here.

A good score puts a tweet of the person above a draft (AUC: the share of such pairs, 0.5 is a coin's), and of eight
drafts takes one that judges who do not know the score prefer: `none` is the share of texts with a word that is in
neither the tweets nor --texts, `odd` that of the pairs of neighbouring words that are in neither, `told` how easily
a plain classifier tells the texts from the person's newer half (0.5: not at all), `threes` the share of different
runs of three words, `copied` the share of texts with eight words in a row of a learnt tweet.
"""

from __future__ import annotations

import argparse
import itertools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from bot.rounds.score import WEIGHTS, score
from bot.text.length import weighted_length
from bot.values import Draft
from training.corpus import corpus
from training.judge import copying, similarity
from training.profile import person, vocabulary
from training.sources import recognise
from training.speak.torch_engine import TorchSampler
from training.speak.types import Sampling

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from training.profile.person import Person

SAMPLE = Path(__file__).parents[1] / "training" / "sources" / "sample" / "stationmynah.zip"
GROUP = 8  # drafts of which one is chosen: voice.candidates
LAST = 20  # texts before it that a text should not sound like: posting.LAST
TEMPERATURES = (0.6, 0.7, 0.8, 0.9, 1.0, 1.1)
TOP_P = (0.9, 0.95, 1.0)
WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)*|\d+|[.,;:!?]")


@dataclass(frozen=True)
class Scored:
    """A text, and each part of its score."""

    draft: Draft
    parts: Mapping[str, float]

    @property
    def text(self) -> str:
        return self.draft.text

    def total(self, weights: Mapping[str, float]) -> float:
        return sum(weight * self.parts[name] for name, weight in weights.items()) / sum(weights.values())


class Judge:
    """Knows which words and which pairs of them there are, as far as it was asked to look for them."""

    def __init__(
        self, texts: Sequence[str], learnt: Sequence[str], newer: Sequence[str], files: Sequence[Path]
    ) -> None:
        wanted = {pair for text in texts for pair in pairs(text)}
        found: set[tuple[str, str]] = set()
        known: set[str] = set()
        for line in itertools.chain(learnt, *map(_lines, files)):
            own = words(line)
            found.update(wanted.intersection(itertools.pairwise(own)))
            known.update(own)
        self._odd = wanted - found if files else set()
        self._known = known if files else None
        self._learnt, self._newer = learnt, newer

    def none(self, texts: Sequence[str]) -> float:
        if self._known is None:
            return float("nan")
        return float(np.mean([any(w[0].isalpha() and w not in self._known for w in words(t)) for t in texts]))

    def row(self, texts: Sequence[str], *, real: bool = False) -> str:
        """`real`: these are the person's, and it is the learnt tweets that are told from them."""
        every = [pair for text in texts for pair in pairs(text)]
        odd = sum(pair in self._odd for pair in every) / max(len(every), 1) if self._known else float("nan")
        told = similarity.detector_auc(self._learnt if real else texts, self._newer, seed=0)
        threes = similarity.distinct(texts, 1_000)[2]  # of as many words everywhere
        copied = copying.share_with_run(texts, self._learnt)
        shown = "" if told is None else f"{told:.2f}"
        return f"{self.none(texts):8.1%}{odd:8.1%}{shown:>8}{threes:8.2f}{copied:8.1%}"


def main() -> None:
    measure(_parser().parse_args())


def measure(args: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    texts = corpus.build([recognise.read(args.tweets, args.tweets.stem)])
    learnt, held_out = [text.text for text in texts.train], [text.text for text in texts.held_out]
    cut = len(held_out) // 2
    sampler = TorchSampler.open(args.folder, device="cpu")
    likelihoods = sampler.log_likelihoods(held_out)
    who = person.describe([*learnt, *held_out[:cut]], likelihoods[:cut], length=weighted_length)
    who = person.replace(who, vocabulary=vocabulary.Vocabulary.open(args.folder))
    if not len(who.vocabulary):
        raise SystemExit(f"{args.folder} has no {vocabulary.FILE}: it is of before there was one")
    own = [Draft(text, likelihood=likely) for text, likely in zip(held_out, likelihoods, strict=True)]
    real = scored(own, who)
    older, newer = real[:cut], real[cut:]
    print(f"{args.tweets.name}: {len(learnt):,} training tweets, {len(older)} and {len(newer)} held out")
    if args.sweep:
        sweep(sampler, who, learnt, newer, args)
    else:
        drafts = scored(draw(sampler, args.drafts, args.temperature, args.top_p), who)
        half = len(drafts) // 2 // GROUP * GROUP
        judge = Judge([one.text for one in (*drafts, *newer)], learnt, [one.text for one in newer], args.texts)
        if args.fit:
            fit(older, drafts[:half], judge)
        report(newer, drafts[half : 2 * half], judge)


def draw(sampler: TorchSampler, count: int, temperature: float, top_p: float) -> list[Draft]:
    """Those that found an end: the others never go out."""
    drafts = []
    for seed in range(10_000, 10_000 + count, 64):
        samples = sampler.draft("", n=64, seed=seed, sampling=Sampling(temperature=temperature, top_p=top_p))
        ended = (sample for sample in samples if sample.finished)
        drafts += [Draft(sample.text, seed=seed, likelihood=sample.likelihood) for sample in ended]
    return drafts


def scored(drafts: Sequence[Draft], who: Person) -> list[Scored]:
    """Each after those that stand before it."""
    texts = [draft.text for draft in drafts]
    return [
        Scored(draft, score(draft, who, texts[max(0, place - LAST) : place]).parts)
        for place, draft in enumerate(drafts)
    ]


def report(newer: Sequence[Scored], drafts: Sequence[Scored], judge: Judge) -> None:
    """Each part alone, all but it, and all together."""
    print(f"{len(drafts)} drafts, one of {GROUP} chosen\n")
    print(f"{'':24}{'AUC':>8}{'none':>8}{'odd':>8}{'told':>8}{'threes':>8}{'copied':>8}")
    print(f"{'the person':24}{'':8}{judge.row([one.text for one in newer], real=True)}")
    print(f"{'all drafts':24}{'':8}{judge.row([one.text for one in drafts])}")
    likeliest = [max(group, key=lambda one: one.draft.likelihood).text for group in groups(drafts)]
    print(f"{'the likeliest of 8':24}{'':8}{judge.row(likeliest)}")
    for name in WEIGHTS:
        _line(f"by {name} alone", {name: 1.0}, newer, drafts, judge)
    for name in WEIGHTS:
        rest = {other: weight for other, weight in WEIGHTS.items() if other != name}
        _line(f"without {name}", rest, newer, drafts, judge)
    _line("together", WEIGHTS, newer, drafts, judge)
    best = [max(one.total(WEIGHTS) for one in group) for group in groups(drafts)]
    every = [one.total(WEIGHTS) for one in drafts]
    tweets = [one.total(WEIGHTS) for one in newer]
    print(f"\nmean score: a draft {np.mean(every):.3f}, the chosen {np.mean(best):.3f}, a tweet {np.mean(tweets):.3f}")


def fit(older: Sequence[Scored], drafts: Sequence[Scored], judge: Judge) -> None:
    """The weights, in tenths, that put tweets above drafts and keep words that are none away from the chosen."""
    tried = []
    for tenths in itertools.product(range(7), repeat=len(WEIGHTS)):
        if sum(tenths) != 10:
            continue
        weights = {name: part / 10 for name, part in zip(WEIGHTS, tenths, strict=True)}
        right = area(older, drafts, weights)
        none = judge.none([one.text for one in chosen(drafts, weights)])
        tried.append((right - none, right, none, weights))
    print("\nthe best weights by AUC less the share of chosen texts with a word that is none, on the older half:")
    for worth, right, none, weights in sorted(tried, key=lambda one: -one[0])[:8]:
        named = ", ".join(f"{name} {weight:.1f}" for name, weight in weights.items())
        print(f"  {worth:.3f} = {right:.3f} - {none:.3f}   {named}")
    print()


def sweep(
    sampler: TorchSampler, who: Person, learnt: Sequence[str], newer: Sequence[Scored], args: argparse.Namespace
) -> None:
    drawn = {
        (temperature, top_p): scored(draw(sampler, args.drafts, temperature, top_p), who)
        for temperature in args.temperatures
        for top_p in args.top_ps
    }
    tweets = [one.text for one in newer]
    judge = Judge([*tweets, *(one.text for drafts in drawn.values() for one in drafts)], learnt, tweets, args.texts)
    print(f"{args.drafts} drafts at each, one of {GROUP} chosen\n")
    print(f"{'':24}{'score':>8}{'none':>8}{'odd':>8}{'told':>8}{'threes':>8}{'copied':>8}")
    print(f"{'the person':24}{np.mean([one.total(WEIGHTS) for one in newer]):8.3f}{judge.row(tweets, real=True)}")
    for (temperature, top_p), drafts in drawn.items():
        for name, some in (("all", drafts), ("chosen", chosen(drafts, WEIGHTS))):
            mean = np.mean([one.total(WEIGHTS) for one in some])
            head = f"{temperature:.2f}  top_p {top_p:.2f} {name}"
            print(f"{head:24}{mean:8.3f}{judge.row([one.text for one in some])}")


def _line(
    name: str, weights: Mapping[str, float], newer: Sequence[Scored], drafts: Sequence[Scored], judge: Judge
) -> None:
    best = [one.text for one in chosen(drafts, weights)]
    print(f"{name:24}{area(newer, drafts, weights):8.3f}{judge.row(best)}", flush=True)


def area(some: Sequence[Scored], others: Sequence[Scored], weights: Mapping[str, float]) -> float:
    """The share of pairs in which the first of the two scores higher; a tie is half of one."""
    ours = np.array([one.total(weights) for one in some])[:, None]
    theirs = np.array([one.total(weights) for one in others])
    return float((ours > theirs + 1e-12).mean() + (np.abs(ours - theirs) <= 1e-12).mean() / 2)


def groups(drafts: Sequence[Scored]) -> list[Sequence[Scored]]:
    return [drafts[start : start + GROUP] for start in range(0, len(drafts) - GROUP + 1, GROUP)]


def chosen(drafts: Sequence[Scored], weights: Mapping[str, float]) -> list[Scored]:
    return [max(group, key=lambda one: (one.total(weights), one.draft.likelihood)) for group in groups(drafts)]


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8") as file:
        yield from file


def pairs(text: str) -> list[tuple[str, str]]:
    return list(itertools.pairwise(words(text)))


def words(text: str) -> list[str]:
    """Marks are words here: what stands before a full stop tells too."""
    return WORD.findall(text.lower())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="What the score of a draft is worth, and the temperature.")
    parser.add_argument("folder", type=Path, help="a model folder that `retrain` made from these tweets")
    parser.add_argument("tweets", type=Path, nargs="?", default=SAMPLE, help="whatever `mynah import` reads")
    parser.add_argument("--texts", type=Path, nargs="+", default=[], help="files whose words are words")
    parser.add_argument("--drafts", type=int, default=1_024)
    parser.add_argument("--temperature", type=float, default=0.8)
    parser.add_argument("--top-p", type=float, default=0.95)
    parser.add_argument("--fit", action="store_true", help="choose weights on the older half, too")
    parser.add_argument("--sweep", action="store_true", help="temperatures and top_p instead")
    parser.add_argument("--temperatures", type=float, nargs="+", default=TEMPERATURES)
    parser.add_argument("--top-ps", type=float, nargs="+", default=TOP_P)
    return parser


if __name__ == "__main__":
    main()
