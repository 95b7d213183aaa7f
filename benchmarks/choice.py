"""Measures whether the choice among drafts (bot/rounds/score.py) chooses what is most like the person.

    python benchmarks/choice.py MODEL_FOLDER[=TWEETS] …             # a table for each: all drafts, and the chosen
    python benchmarks/choice.py MODEL_FOLDER[=TWEETS] … --fit       # also the best weights for all of these together

MODEL_FOLDER is one that `mynah retrain` made from TWEETS, the sample account by default. `texts.json` ({"train": [],
"held_out": []}) and `drafts.json`, which `--save` writes, are used where they are in it. The held-out tweets are cut in
two: the older half gives the person's usual values, the newer half is what texts are compared with. The discriminator
is fitted to one half of the drafts and chooses from the other, and the other way round.

`likeness` is voice likeness (1 the person, 0 others); `AUC` tells the texts from the newer tweets (0.5 not at all; in
the person's row, the training tweets); `short` is the share below the person's 10th percentile of length; then the
shares with a non-word, cut off, with a repeated clause, and with eight words in a row of a training tweet; `distinct`
is the share of different runs of three words.
"""

from __future__ import annotations

import argparse
import itertools
import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from bot.rounds.score import WEIGHTS, score
from bot.screen import chain
from bot.text.length import weighted_length
from bot.values import Draft
from training.corpus import corpus
from training.judge import copying, similarity
from training.judge.likeness import Scale
from training.profile import discriminator, person
from training.profile.discriminator import Discriminator
from training.profile.memory import Memory
from training.profile.person import FLAWS
from training.profile.vocabulary import Vocabulary
from training.sources import recognise
from training.sources.sample import ARCHIVE
from training.speak.torch_engine import TorchSampler
from training.speak.types import Sampling

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from training.profile.person import Person

COLUMNS = ("likeness", "AUC", "short", "non-word", "cut off", "repeats", "copied", "distinct")
GROUP = 16  # drafts of which one is chosen: voice.candidates
LAST = 20  # posts that a draft should not resemble: posting.LAST
SHORT = 0.1
GOLDEN = 0.6180339887498949  # turns of length, evenly spread in any order
WEIGHT_CHOICES = ((1, 2, 3), (2, 3, 4), (1, 2), (0, 1), (2, 3), (0, 1))  # tenths, in the order of WEIGHTS
MOST_SHORT = 0.15  # of the chosen, for --fit


class Figures(NamedTuple):
    likeness: float
    auc: float
    short: float
    flaws: tuple[float, ...]
    copied: float
    distinct: float

    def row(self) -> str:
        shares = "".join(f"{share:9.1%}" for share in (self.short, *self.flaws, self.copied))
        return f"{self.likeness:9.2f}{self.auc:9.2f}{shares}{self.distinct:9.2f}"


@dataclass
class Account:
    """One person: tweets, drafts that pass the screen, and a judge of texts."""

    name: str
    train: Sequence[str]
    held_out: Sequence[str]
    author: Person
    groups: Sequence[Sequence[Draft]]  # of eight drafts, those that pass the screen
    judges: Sequence[Discriminator]  # of each group, fitted to the half that it is not in
    scale: Scale = field(init=False)

    def __post_init__(self) -> None:
        self.newer = self.held_out[len(self.held_out) // 2 :]
        self.scale = Scale(self.train, self.newer)
        self.shortest = float(np.quantile(list(map(weighted_length, self.train)), SHORT))
        # without the parts that depend on what was chosen before
        self._parts = [
            [dict(score(draft, replace(self.author, discriminator=judge), (), turn).parts) for draft in group]
            for group, judge, turn in zip(self.groups, self.judges, self._turns(), strict=True)
        ]

    def chosen(self, weights: Mapping[str, float]) -> list[str]:
        posts: list[str] = []
        for group, parts, turn in zip(self.groups, self._parts, self._turns(), strict=True):
            totals = []
            for draft, own in zip(group, parts, strict=True):
                fresh = {"fresh": score(draft, None, posts[-LAST:], turn).parts["fresh"]} if posts else {}
                totals.append(sum(weight * (own | fresh)[name] for name, weight in weights.items()))
            posts.append(group[int(np.argmax(totals))].text)
        return posts

    def judged(self, texts: Sequence[str], *, own: bool = False) -> Figures:
        auc = similarity.detector_auc(self.train if own else texts, self.newer, seed=0)
        flaws = [self.author.flaws(text) for text in texts]
        return Figures(
            likeness=_number(self.scale.of(texts)),
            auc=_number(auc),
            short=float(np.mean([weighted_length(text) < self.shortest for text in texts])),
            flaws=tuple(float(np.mean([flaw in some for some in flaws])) for flaw in FLAWS),
            copied=copying.share_with_run(texts, self.train),
            distinct=similarity.distinct(texts, 1_000)[2],
        )

    def _turns(self) -> list[float]:
        return [(0.5 + number * GOLDEN) % 1 for number in range(len(self.groups))]


def main() -> None:
    measure(_parser().parse_args())


def measure(args: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    accounts = [account(one, args) for one in args.models]
    for one in accounts:
        report(one)
    if args.fit:
        fit(accounts)


def account(model: str, args: argparse.Namespace) -> Account:
    folder, _, tweets = model.partition("=")
    train, held_out = texts_of(Path(folder), Path(tweets) if tweets else ARCHIVE)
    sampler = TorchSampler.open(Path(folder), device="cpu")
    older = held_out[: len(held_out) // 2]
    drafts = drafts_of(Path(folder), sampler, args)
    weakest = [draft.weakest for draft in drafts if draft.weakest is not None]
    author = person.describe([*train, *older], weakest, length=weighted_length)
    author = replace(author, vocabulary=Vocabulary.open(Path(folder)))
    if not len(author.vocabulary):
        raise SystemExit(f"{folder} has no list of words: retrain it")
    memory = Memory.open(Path(folder))
    screen = chain.build(was_posted=lambda _: False, copy_of=memory.why_copied)
    half = len(drafts) // (2 * GROUP) * GROUP
    judges = [judge(train, part) for part in (drafts[half:], drafts[:half])]
    groups, their_judges = [], []
    for start in range(0, 2 * half, GROUP):
        passed = [draft for draft in drafts[start : start + GROUP] if not screen.why_not(draft)]
        if passed:
            groups.append(passed)
            their_judges.append(judges[start >= half])
    return Account(Path(folder).name, train, held_out, author, groups, their_judges)


def judge(train: Sequence[str], drafts: Sequence[Draft]) -> Discriminator:
    data = discriminator.fit(train, [draft.text for draft in drafts if draft.finished])
    return Discriminator.from_bytes(data) if data else Discriminator()


def texts_of(folder: Path, tweets: Path) -> tuple[list[str], list[str]]:
    if (folder / "texts.json").exists():
        texts = json.loads((folder / "texts.json").read_text(encoding="utf-8"))
        return texts["train"], texts["held_out"]
    built = corpus.build([recognise.read(tweets, tweets.stem)])
    return [text.text for text in built.train], [text.text for text in built.held_out]


def drafts_of(folder: Path, sampler: TorchSampler, args: argparse.Namespace) -> list[Draft]:
    path = folder / "drafts.json"
    if path.exists():
        saved = json.loads(path.read_text(encoding="utf-8"))
    else:
        sampling = Sampling(args.temperature, args.top_p)
        seeds = range(10_000, 10_000 + args.drafts, 64)
        samples = [sample for seed in seeds for sample in sampler.draft("", n=64, seed=seed, sampling=sampling)]
        saved = [asdict(one) for one in samples]
        if args.save:
            path.write_text(json.dumps(saved), encoding="utf-8")
    return [Draft(**one, seed=number) for number, one in enumerate(saved)]


def report(one: Account) -> None:
    passed = [draft for group in one.groups for draft in group]
    print(f"\n{one.name}: {len(one.train):,} training tweets, {len(one.newer)} newer, {len(passed)} drafts pass")
    print(f"{'':24}{''.join(f'{name:>9}' for name in COLUMNS)}")
    print(f"{'the newer tweets':24}{one.judged(one.newer, own=True).row()}")
    print(f"{'all drafts that pass':24}{one.judged([draft.text for draft in passed]).row()}")
    likeliest = [max(group, key=lambda draft: draft.likelihood).text for group in one.groups]
    print(f"{'the likeliest of 16':24}{one.judged(likeliest).row()}")
    print(f"{'the chosen':24}{one.judged(one.chosen(WEIGHTS)).row()}", flush=True)
    for name in WEIGHTS:
        alone = one.judged(one.chosen({name: 1.0})).row()
        print(f"{f'by {name} alone':24}{alone}", flush=True)
    for name in WEIGHTS:
        rest = {other: weight for other, weight in WEIGHTS.items() if other != name}
        print(f"{f'without {name}':24}{one.judged(one.chosen(rest)).row()}", flush=True)


def fit(accounts: Sequence[Account]) -> None:
    """The weights, in tenths, with the best mean over the accounts."""
    candidates = []
    for tenths in itertools.product(*WEIGHT_CHOICES):
        if sum(tenths) != 10:
            continue
        weights = {name: part / 10 for name, part in zip(WEIGHTS, tenths, strict=True)}
        figures = [one.judged(one.chosen(weights)) for one in accounts]
        candidates.append((float(np.mean([objective(some) for some in figures])), weights, figures))
    print("\nlikeness - AUC - flaws - what is short beyond 15 %, the mean of the accounts:")
    for value, weights, figures in sorted(candidates, key=lambda one: -one[0])[:8]:
        parts = ", ".join(f"{name} {weight:.1f}" for name, weight in weights.items())
        shown = "  ".join(f"{some.likeness:.2f} {some.auc:.2f} {some.short:.0%}" for some in figures)
        print(f"  {value:6.3f}   {parts}   {shown}")


def objective(figures: Figures) -> float:
    return figures.likeness - figures.auc - sum(figures.flaws) - 2 * max(0.0, figures.short - MOST_SHORT)


def _number(value: float | None) -> float:
    return float("nan") if value is None else value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Measures the choice among drafts.")
    parser.add_argument("models", nargs="+", metavar="MODEL_FOLDER[=TWEETS]")
    parser.add_argument("--drafts", type=int, default=512)
    parser.add_argument("--temperature", type=float, default=0.7)
    parser.add_argument("--top-p", type=float, default=0.95)
    parser.add_argument("--save", action="store_true", help="write the drafts to drafts.json in the folder")
    parser.add_argument("--fit", action="store_true", help="also search for weights")
    return parser


if __name__ == "__main__":
    main()
