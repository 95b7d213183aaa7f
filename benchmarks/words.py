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
    parser.add_argument("--texts", type=Path, nargs="+", required=True, help="texts whose words are not non-words")
    parser.add_argument("--lines", type=Path, help="texts to count in instead of samples, one a line")
    parser.add_argument("--samples", type=int, default=500)
    parser.add_argument("--temperature", type=float, default=1.0)
    args = parser.parse_args()
    vocabulary = {word for path in args.texts for word in words(path.read_text(encoding="utf-8"))}
    if args.lines:
        texts = args.lines.read_text(encoding="utf-8").splitlines()
    else:
        texts = samples(args.folder, args.samples, args.temperature)
    unknown = [[word for word in words(text) if word not in vocabulary] for text in texts]
    of_words, of_texts = sum(map(len, unknown)), sum(map(bool, unknown))
    total = sum(len(words(text)) for text in texts)
    print(
        f"{len(texts):,} texts of {total / len(texts):.1f} words: {of_words / total:.2%} of the words are non-words, ",
        end="",
    )
    print(f"{of_texts / len(texts):.1%} of the texts have one")
    print("such as", ", ".join(sorted(distinct(unknown))[:20]))


def words(text: str) -> list[str]:
    return WORD.findall(text.lower())


def samples(folder: Path, count: int, temperature: float) -> list[str]:
    sampler = TorchSampler.open(folder, device="cpu")
    starts = range(0, count, AT_ONCE)
    drafts = (sampler.draft("", n=AT_ONCE, seed=seed, sampling=Sampling(temperature=temperature)) for seed in starts)
    return [draft.text for batch in drafts for draft in batch]


def distinct(lists: Iterable[Sequence[str]]) -> set[str]:
    return {word for each in lists for word in each}


if __name__ == "__main__":
    main()
