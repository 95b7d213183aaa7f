"""What the screen's checks for harm and privacy find, and what they refuse wrongly.

    python benchmarks/screen.py [--data ../shared/data] [--most 1500]

Labelled sets that cannot be distributed are read from --data; none of their text is printed. Of a longer set, --most
texts are drawn. better-profanity and alt-profanity-check are compared with where they are installed.
"""

from __future__ import annotations

import argparse
import csv
import importlib
import json
import random
import statistics
import sys
import time
import tomllib
import unicodedata
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from bot.screen import harm, privacy, toxicity
from training.rules import huggingtweets
from training.sources import recognise

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Detector = Callable[[str], bool]

CORPORA = {  # the first two fitted the threshold of the statistical layer
    "538-twitter-ratio/BarackObama.csv": None,
    "world-leaders-got3/jeremycorbyn.csv": "jeremycorbyn",
    "538-twitter-ratio/realDonaldTrump.csv": None,
    "world-leaders-got3/ScottMorrisonMP.csv": "scottmorrisonmp",
}
DAVIDSON = {"0": "hate", "1": "offensive", "2": "neither"}
SENTENCES = Path(__file__).parent / "sentences"
PROOF = 1  # the half of our own sentences that nothing was tuned on: every second line, from the second
TEXT = "A pigeon asked me the way, and I sent it to the ticket office on platform four, where nobody minded at all."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--most", type=int, default=1_500, help="texts of a set")
    args = parser.parse_args()
    detectors = layers() | others(args.data / "text-hazards")
    print(f"| texts | how many | {' | '.join(detectors)} |\n|---|---:|{'---:|' * len(detectors)}")
    for name, texts in (*labelled(args.data, args.most), *own_sentences()):
        shares = [sum(map(found, texts)) / max(1, len(texts)) for found in detectors.values()]
        print(f"| {name} | {len(texts):,} | {' | '.join(f'{share:.1%}' for share in shares)} |", flush=True)
    print("\n| private data in a synthetic set | spans | found |\n|---|---:|---:|")
    for kind, (spans, hits) in sorted(spans_found(args.data).items()):
        print(f"| {kind} | {spans} | {hits} |")
    print_disguises()
    print(
        f"\na tweet of {len(TEXT)} characters: harm {cost(harm.why_not):.2f} ms, privacy {cost(privacy.why_not):.2f} ms"
    )


def layers() -> dict[str, Detector]:
    return {
        "lists": lambda text: any(harm.listed_in(plain(text), ())),
        "shapes": lambda text: any(harm.sentences_in(plain(text))),
        "model": lambda text: toxicity.why_not(harm.excused().sub(" ", plain(text))) is not None,
        "all: drafts": lambda text: harm.why_not(text) is not None,
        "all: training": lambda text: harm.why_not(text, certain=True) is not None,
    }


def plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


def others(hazards: Path) -> dict[str, Detector]:
    """Other filters, where they are installed, and the English list of LDNOOBW as plain words."""
    phrases = {line.strip() for line in (hazards / "ldnoobw" / "en.txt").read_text(encoding="utf-8").splitlines()}
    longest = max(len(phrase.split()) for phrase in phrases)

    def is_listed(text: str) -> bool:
        words = "".join(c if c.isalnum() or c == "-" else " " for c in text.lower()).split()
        runs = (words[start : start + n] for n in range(1, longest + 1) for start in range(len(words) - n + 1))
        return any(" ".join(run) in phrases for run in runs)

    detectors: dict[str, Detector] = {"LDNOOBW": is_listed}
    try:
        from better_profanity import profanity
    except ModuleNotFoundError:
        print("better-profanity is not installed, so it is not compared with\n")
    else:
        detectors["better-profanity"] = profanity.contains_profanity
    try:
        from profanity_check import predict
    except ModuleNotFoundError:
        print("alt-profanity-check is not installed, so it is not compared with\n")
    else:
        detectors["alt-profanity-check"] = lambda text: bool(predict([text])[0])
    return detectors


def labelled(data: Path, most: int) -> Iterator[tuple[str, list[str]]]:
    def drawn(texts: list[str]) -> list[str]:
        return random.Random(0).sample(texts, most) if len(texts) > most else texts

    with (data / "text-hazards" / "davidson" / "labeled_data.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for label, name in DAVIDSON.items():
        yield f"davidson: {name}", drawn([row["tweet"] for row in rows if row["class"] == label])
    for kind in ("hate", "neutral"):
        files = (data / "text-hazards" / "toxigen" / "demonstrations").glob(f"*/{kind}*.txt")
        lines = [line for file in files for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
        yield f"toxigen: {kind}", drawn(lines)
    for corpus, author in CORPORA.items():
        tweets = recognise.read(data / "corpora" / corpus, author).tweets
        verdicts = map(huggingtweets.judge, tweets)
        yield f"tweets: {Path(corpus).stem}", drawn([verdict.text for verdict in verdicts if not verdict.rule])


def own_sentences() -> Iterator[tuple[str, list[str]]]:
    document = tomllib.loads((SENTENCES / "harmful.toml").read_text(encoding="utf-8"))
    people, person = document.pop("people"), document.pop("person")
    for kind, sentences in document.items():
        filled = {
            sentence.replace("{people}", several).replace("{person}", one)
            for sentence in sentences[PROOF::2]
            for several, one in zip(people, person, strict=True)
        }
        yield f"own: {kind}", sorted(filled)
    lines = [line for line in (SENTENCES / "innocent.txt").read_text(encoding="utf-8").splitlines() if line[:2] != "# "]
    yield "own: innocent", lines[PROOF::2]


def spans_found(data: Path) -> dict[str, tuple[int, int]]:
    file = data / "text-hazards" / "pii" / "presidio-generated_small.json"
    spans: Counter[str] = Counter()
    hits: Counter[str] = Counter()
    for case in json.loads(file.read_text(encoding="utf-8")):
        refused = privacy.why_not(case["full_text"]) is not None
        for span in case["spans"]:
            spans[span["entity_type"]] += 1
            hits[span["entity_type"]] += refused
    return {kind: (count, hits[kind]) for kind, count in spans.items()}


def print_disguises() -> None:
    sys.path.append(str(Path(__file__).parents[1]))
    disguises = importlib.import_module("benchmarks.disguises")
    for title, forms in (("that people write", disguises.WRITTEN), ("that hardly anybody writes", disguises.RARE)):
        total = len(forms) * len(disguises.WORDS)
        missed = {
            name: gone
            for name, disguise in forms.items()
            if (
                gone := [
                    word for word in disguises.WORDS if harm.why_not(f"a {disguise(word)} it is", toxic=False) is None
                ]
            )
        }
        hits = total - sum(map(len, missed.values()))
        print(f"\n{len(forms)} disguises {title}, {len(disguises.WORDS)} words: {hits / total:.1%} found")
        for name, words in missed.items():
            print(f"  {name}: {len(words)} missed")


def cost(check: Callable[[str], object]) -> float:
    """The median, in milliseconds of processor time."""
    times = []
    for _ in range(200):
        began = time.process_time()
        check(TEXT)
        times.append(time.process_time() - began)
    return statistics.median(times) * 1e3


if __name__ == "__main__":
    main()
