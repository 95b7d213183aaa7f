"""Measures whether the score of a draft (bot/rounds/score.py) finds the better one, and which temperature is best.

    python benchmarks/choice.py MODEL_FOLDER [TWEETS] --texts ../shared/corpus/*-0?.txt
    python benchmarks/choice.py MODEL_FOLDER [TWEETS] --texts … --fit        # also fit the weights on one half
    python benchmarks/choice.py MODEL_FOLDER [TWEETS] --texts … --sweep      # temperatures and top_p

MODEL_FOLDER is one that `retrain` made from TWEETS, the sample account by default. Its held-out tweets are cut in two:
the older half gives the person's usual values (and chooses weights), the newer half is scored here.

A good score ranks a tweet of the person above a draft (AUC: the share of such pairs, 0.5 is chance), and chooses from
eight drafts one that is better by measures which the score does not use: `non-words`, the share of texts with a word
that is in neither the tweets nor --texts; `odd pairs`, the share of neighbouring words that are in neither; `detector`,
the AUC of a plain classifier that separates the texts from the person's newer half (0.5: not at all); `distinct`, the
share of different runs of three words; `copied`, the share of texts with eight words in a row of a training tweet.
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
COLUMNS = "".join(f"{name:>10}" for name in ("non-words", "odd pairs", "detector", "distinct", "copied"))
GROUP = 8  # drafts of which one is chosen: voice.candidates
LAST = 20  # posts that a draft should not resemble: posting.LAST
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
    """Measures texts against the words and word pairs of the training tweets and of other texts."""

    def __init__(self, texts: Sequence[str], train: Sequence[str], newer: Sequence[str], files: Sequence[Path]) -> None:
        all_pairs = {pair for text in texts for pair in pairs(text)}
        known_pairs: set[tuple[str, str]] = set()
        known_words: set[str] = set()
        for line in itertools.chain(train, *map(_lines, files)):
            own = words(line)
            known_pairs.update(all_pairs.intersection(itertools.pairwise(own)))
            known_words.update(own)
        self._odd_pairs = all_pairs - known_pairs if files else set()
        self._known_words = known_words if files else None
        self._train, self._newer = train, newer

    def non_words(self, texts: Sequence[str]) -> float:
        if self._known_words is None:
            return float("nan")
        return float(np.mean([any(w[0].isalpha() and w not in self._known_words for w in words(t)) for t in texts]))

    def row(self, texts: Sequence[str], *, real: bool = False) -> str:
        """`real`: these are the person's newer tweets, so the detector compares the training tweets with them."""
        every = [pair for text in texts for pair in pairs(text)]
        odd = sum(pair in self._odd_pairs for pair in every) / max(len(every), 1) if self._known_words else float("nan")
        auc = similarity.detector_auc(self._train if real else texts, self._newer, seed=0)
        distinct = similarity.distinct(texts, 1_000)[2]  # of equally many words in each row
        copied = copying.share_with_run(texts, self._train)
        shown_auc = "" if auc is None else f"{auc:.2f}"
        return f"{self.non_words(texts):10.1%}{odd:10.1%}{shown_auc:>10}{distinct:10.2f}{copied:10.1%}"


def main() -> None:
    measure(_parser().parse_args())


def measure(args: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    texts = corpus.build([recognise.read(args.tweets, args.tweets.stem)])
    train, held_out = [text.text for text in texts.train], [text.text for text in texts.held_out]
    cut = len(held_out) // 2
    sampler = TorchSampler.open(args.folder, device="cpu")
    likelihoods = sampler.log_likelihoods(held_out)
    author = person.describe([*train, *held_out[:cut]], likelihoods[:cut], length=weighted_length)
    author = person.replace(author, vocabulary=vocabulary.Vocabulary.open(args.folder))
    if not len(author.vocabulary):
        raise SystemExit(f"{args.folder} has no {vocabulary.FILE}: retrain it")
    own = [Draft(text, likelihood=likely) for text, likely in zip(held_out, likelihoods, strict=True)]
    real = scored(own, author)
    older, newer = real[:cut], real[cut:]
    print(f"{args.tweets.name}: {len(train):,} training tweets, {len(older)} and {len(newer)} held out")
    if args.sweep:
        sweep(sampler, author, train, newer, args)
    else:
        drafts = scored(draw(sampler, args.drafts, args.temperature, args.top_p), author)
        half = len(drafts) // 2 // GROUP * GROUP
        judge = Judge([one.text for one in (*drafts, *newer)], train, [one.text for one in newer], args.texts)
        if args.fit:
            fit(older, drafts[:half], judge)
        report(newer, drafts[half : 2 * half], judge)


def draw(sampler: TorchSampler, count: int, temperature: float, top_p: float) -> list[Draft]:
    """Only finished drafts: the bot never posts another."""
    drafts = []
    for seed in range(10_000, 10_000 + count, 64):
        samples = sampler.draft("", n=64, seed=seed, sampling=Sampling(temperature=temperature, top_p=top_p))
        ended = (sample for sample in samples if sample.finished)
        drafts += [Draft(sample.text, seed=seed, likelihood=sample.likelihood) for sample in ended]
    return drafts


def scored(drafts: Sequence[Draft], author: Person) -> list[Scored]:
    """Each text is scored as if those before it had been posted."""
    texts = [draft.text for draft in drafts]
    return [
        Scored(draft, score(draft, author, texts[max(0, index - LAST) : index]).parts)
        for index, draft in enumerate(drafts)
    ]


def report(newer: Sequence[Scored], drafts: Sequence[Scored], judge: Judge) -> None:
    """Each part alone, all parts but one, and all together."""
    print(f"{len(drafts)} drafts, one of {GROUP} chosen\n")
    print(f"{'':24}{'AUC':>10}{COLUMNS}")
    print(f"{'the person':24}{'':10}{judge.row([one.text for one in newer], real=True)}")
    print(f"{'all drafts':24}{'':10}{judge.row([one.text for one in drafts])}")
    likeliest = [max(group, key=lambda one: one.draft.likelihood).text for group in groups(drafts)]
    print(f"{'the likeliest of 8':24}{'':10}{judge.row(likeliest)}")
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
    """The weights, in tenths, that rank tweets above drafts and choose few drafts with a non-word."""
    candidates = []
    for tenths in itertools.product(range(7), repeat=len(WEIGHTS)):
        if sum(tenths) != 10:
            continue
        weights = {name: part / 10 for name, part in zip(WEIGHTS, tenths, strict=True)}
        auc = area(older, drafts, weights)
        non_words = judge.non_words([one.text for one in chosen_of(drafts, weights)])
        candidates.append((auc - non_words, auc, non_words, weights))
    print("\nthe best weights by AUC minus the share of chosen texts with a non-word, on the older half:")
    for objective, auc, non_words, weights in sorted(candidates, key=lambda one: -one[0])[:8]:
        parts = ", ".join(f"{name} {weight:.1f}" for name, weight in weights.items())
        print(f"  {objective:.3f} = {auc:.3f} - {non_words:.3f}   {parts}")
    print()


def sweep(
    sampler: TorchSampler, author: Person, train: Sequence[str], newer: Sequence[Scored], args: argparse.Namespace
) -> None:
    drafts_of = {
        (temperature, top_p): scored(draw(sampler, args.drafts, temperature, top_p), author)
        for temperature in args.temperatures
        for top_p in args.top_ps
    }
    tweets = [one.text for one in newer]
    judge = Judge([*tweets, *(one.text for drafts in drafts_of.values() for one in drafts)], train, tweets, args.texts)
    print(f"{args.drafts} drafts at each, one of {GROUP} chosen\n")
    print(f"{'':24}{'score':>10}{COLUMNS}")
    print(f"{'the person':24}{np.mean([one.total(WEIGHTS) for one in newer]):10.3f}{judge.row(tweets, real=True)}")
    for (temperature, top_p), drafts in drafts_of.items():
        for name, some in (("all", drafts), ("chosen", chosen_of(drafts, WEIGHTS))):
            mean = np.mean([one.total(WEIGHTS) for one in some])
            head = f"{temperature:.2f}  top_p {top_p:.2f} {name}"
            print(f"{head:24}{mean:10.3f}{judge.row([one.text for one in some])}")


def _line(
    name: str, weights: Mapping[str, float], newer: Sequence[Scored], drafts: Sequence[Scored], judge: Judge
) -> None:
    best = [one.text for one in chosen_of(drafts, weights)]
    print(f"{name:24}{area(newer, drafts, weights):10.3f}{judge.row(best)}", flush=True)


def area(some: Sequence[Scored], others: Sequence[Scored], weights: Mapping[str, float]) -> float:
    """The share of pairs in which the first of the two scores higher; a tie is half of one."""
    ours = np.array([one.total(weights) for one in some])[:, None]
    theirs = np.array([one.total(weights) for one in others])
    return float((ours > theirs + 1e-12).mean() + (np.abs(ours - theirs) <= 1e-12).mean() / 2)


def groups(drafts: Sequence[Scored]) -> list[Sequence[Scored]]:
    return [drafts[start : start + GROUP] for start in range(0, len(drafts) - GROUP + 1, GROUP)]


def chosen_of(drafts: Sequence[Scored], weights: Mapping[str, float]) -> list[Scored]:
    return [max(group, key=lambda one: (one.total(weights), one.draft.likelihood)) for group in groups(drafts)]


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8") as file:
        yield from file


def pairs(text: str) -> list[tuple[str, str]]:
    return list(itertools.pairwise(words(text)))


def words(text: str) -> list[str]:
    """Punctuation marks are words too: a pair of a word and a full stop can be odd."""
    return WORD.findall(text.lower())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Measures the score of drafts and the temperature.")
    parser.add_argument("folder", type=Path, help="a model folder that `retrain` made from these tweets")
    parser.add_argument("tweets", type=Path, nargs="?", default=SAMPLE, help="whatever `mynah import` reads")
    parser.add_argument("--texts", type=Path, nargs="+", default=[], help="text files whose words are not non-words")
    parser.add_argument("--drafts", type=int, default=1_024)
    parser.add_argument("--temperature", type=float, default=0.8)
    parser.add_argument("--top-p", type=float, default=0.95)
    parser.add_argument("--fit", action="store_true", help="also fit the weights on the older half")
    parser.add_argument("--sweep", action="store_true", help="compare temperatures and top_p instead")
    parser.add_argument("--temperatures", type=float, nargs="+", default=TEMPERATURES)
    parser.add_argument("--top-ps", type=float, nargs="+", default=TOP_P)
    return parser


if __name__ == "__main__":
    main()
