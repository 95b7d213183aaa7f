"""What the screen's checks for harm and privacy find, and what they refuse wrongly.

    python benchmarks/screen.py [--data ../shared/data]

Labelled sets that cannot be distributed are read from --data; none of their text is printed.
"""

from __future__ import annotations

import argparse
import csv
import importlib
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from bot.screen import harm, privacy
from bot.values import Reason
from training.rules import huggingtweets
from training.sources import recognise

Check = Callable[[str], Reason | None]
CORPORA = {
    "538-twitter-ratio/BarackObama.csv": None,
    "538-twitter-ratio/realDonaldTrump.csv": None,
    "world-leaders-got3/jeremycorbyn.csv": "jeremycorbyn",
    "world-leaders-got3/ScottMorrisonMP.csv": "scottmorrisonmp",
}
DAVIDSON = {"0": "hate", "1": "offensive", "2": "neither"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    data: Path = parser.parse_args().data
    print("| texts | how many | refused for harm | refused for privacy |\n|---|---:|---:|---:|")
    for name, texts in labelled(data):
        rows = list(texts)
        print(f"| {name} | {len(rows):,} | {share(rows, harm.why_not)} | {share(rows, privacy.why_not)} |")
    print("\n| private data in a synthetic set | spans | found |\n|---|---:|---:|")
    for kind, (spans, hits) in sorted(spans_found(data).items()):
        print(f"| {kind} | {spans} | {hits} |")
    print("\n| disguise | listed words of four letters or more | found |\n|---|---:|---:|")
    for disguise, (words, hits) in disguised().items():
        print(f"| {disguise} | {words} | {hits / words:.1%} |")
    text = "A pigeon asked me the way, and I sent it to the ticket office on platform four, where nobody minded at all."
    print(f"\na tweet of {len(text)} characters: harm {cost(harm.why_not, text):.2f} ms, ", end="")
    print(f"privacy {cost(privacy.why_not, text):.2f} ms")


def labelled(data: Path) -> Iterator[tuple[str, Iterable[str]]]:
    with (data / "text-hazards" / "davidson" / "labeled_data.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for label, name in DAVIDSON.items():
        yield f"davidson: {name}", [row["tweet"] for row in rows if row["class"] == label]
    for kind in ("hate", "neutral"):
        files = (data / "text-hazards" / "toxigen" / "demonstrations").glob(f"*/{kind}*.txt")
        lines = [line for file in files for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
        yield f"toxigen: {kind}", lines
    for corpus, author in CORPORA.items():
        tweets = recognise.read(data / "corpora" / corpus, author).tweets
        verdicts = map(huggingtweets.judge, tweets)
        yield f"tweets: {Path(corpus).stem}", [verdict.text for verdict in verdicts if not verdict.rule]


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


def disguised() -> dict[str, tuple[int, int]]:
    """The disguises of the tests, and as the last row their innocent sentences."""
    sys.path.append(str(Path(__file__).parents[1]))
    tests = importlib.import_module("tests.screen.test_harm")
    hits = {
        name: (len(tests.LISTED), sum(bool(harm.why_not(f"what a {disguise(word)} it was")) for word in tests.LISTED))
        for name, disguise in tests.DISGUISES.items()
    }
    innocent = tests.INNOCENT
    return hits | {"innocent sentences": (len(innocent), sum(bool(harm.why_not(text)) for text in innocent))}


def share(texts: list[str], check: Check) -> str:
    return f"{sum(check(text) is not None for text in texts) / max(1, len(texts)):.2%}"


def cost(check: Check, text: str) -> float:
    times = []
    for _ in range(200):
        began = time.perf_counter()
        check(text)
        times.append(time.perf_counter() - began)
    return sorted(times)[100] * 1e3


if __name__ == "__main__":
    main()
