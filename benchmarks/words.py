"""How many of a model's words are non-words, by the words of its training texts.

    python benchmarks/words.py [MODEL_FOLDER] --texts ../shared/corpus/prose-00.txt ../shared/corpus/short-00.txt

The base in the package by default. `--lines FILE` counts in texts that people wrote instead, to compare with.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING

from training.models.base_model import EMBEDDED
from training.speak.torch_engine import TorchSampler
from training.speak.types import Sampling

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")
AT_ONCE = 50


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", default=EMBEDDED, help="a model folder; the base by default")
    parser.add_argument("--texts", type=Path, nargs="+", required=True, help="whose words are words")
    parser.add_argument("--lines", type=Path, help="texts to look at instead of samples, one a line")
    parser.add_argument("--samples", type=int, default=500)
    parser.add_argument("--temperature", type=float, default=1.0)
    args = parser.parse_args()
    known = {word for path in args.texts for word in words(path.read_text(encoding="utf-8"))}
    if args.lines:
        said = args.lines.read_text(encoding="utf-8").splitlines()
    else:
        said = samples(args.folder, args.samples, args.temperature)
    unknown = [[word for word in words(text) if word not in known] for text in said]
    of_words, of_texts = sum(map(len, unknown)), sum(map(bool, unknown))
    total = sum(len(words(text)) for text in said)
    print(
        f"{len(said):,} texts of {total / len(said):.1f} words: {of_words / total:.2%} of the words are none, ", end=""
    )
    print(f"{of_texts / len(said):.1%} of the texts hold one")
    print("such as", ", ".join(sorted(distinct(unknown))[:20]))


def words(text: str) -> list[str]:
    return WORD.findall(text.lower())


def samples(folder: Path, wanted: int, temperature: float) -> list[str]:
    sampler = TorchSampler.open(folder, device="cpu")
    starts = range(0, wanted, AT_ONCE)
    drafts = (sampler.draft("", n=AT_ONCE, seed=seed, sampling=Sampling(temperature=temperature)) for seed in starts)
    return [draft.text for some in drafts for draft in some]


def distinct(lists: Iterable[Sequence[str]]) -> set[str]:
    return {word for each in lists for word in each}


if __name__ == "__main__":
    main()
