"""What replies make of mentions: wishes to be left alone, distress, dictated words, and how long hostile ones take.

    python benchmarks/replies.py [--dev]

The sentences are in tests/replies/: one half was seen while the patterns were written (--dev), the other was not.
"""

from __future__ import annotations

import argparse
import random
import re
import time
from collections import Counter
from pathlib import Path

from bot.replies import dictation
from bot.replies.opt_out import OptOut
from bot.replies.sensitive import DISTRESS, Sensitivity, kind_in
from bot.screen import echoes, harm, privacy
from training.sources import recognise
from training.sources.sample import ARCHIVE

SENTENCES = Path(__file__).parents[1] / "tests" / "replies"
DRAFTS = 24  # of a round
QUESTIONS = (
    "what do you make of the rain?", "Good morning! Did you sleep well?", "tell me about soup",
    "do you like trains?",
    "What is your favourite bell?", "which bench has the best view of the station?",
    "I saw a pigeon at platform 4 today",
    "Why are the trains always late in London?", "how many crumbs does a sparrow eat in a day?", "nice hat",
    "ARE YOU A REAL BIRD", "My clock stopped at 7:15 and nobody noticed", "is the coffee at the station any good?",
    "Happy birthday, little bird", "what would you say to somebody who lost an umbrella?", "sing us a song",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dev", action="store_true", help="the half that the patterns were written with")
    half = "dev" if parser.parse_args().dev else "test"
    print_wishes(half)
    print_sensitive(half)
    print_dictation()
    print_times()


def print_wishes(half: str) -> None:
    opt_out = OptOut()
    counts: Counter[tuple[str, str]] = Counter()
    for label, _, text in rows("wishes", half):
        wish = opt_out.wish_in(text)
        counts[label, "nothing" if wish is None else "clear" if wish.is_clear else "doubtful"] += 1
    print(f"| {half} half: the sentence is | how many | blocks its author | silences the thread | nothing |")
    print("|---|---:|---:|---:|---:|")
    for label in ("clear", "doubtful", "harmless"):
        print_row(label, [counts[label, verdict] for verdict in ("clear", "doubtful", "nothing")])


def print_sensitive(half: str) -> None:
    sensitivity = Sensitivity(lambda text: privacy.why_not(text) or harm.why_not(text, certain=True))
    counts: Counter[tuple[str, str]] = Counter()
    for label, text in rows("sensitive", half):
        reason = sensitivity.why_not(text)
        counts[label, "answered" if reason is None else "shown" if reason.detail in DISTRESS else "silence"] += 1
    print(f"\n| {half} half: the mention has | how many | silence, shown as distress | silence | answered |")
    print("|---|---:|---:|---:|---:|")
    for label in ("distress", "abuse", "private", "harmless"):
        print_row(label, [counts[label, verdict] for verdict in ("shown", "silence", "answered")])


def print_row(label: str, counts: list[int]) -> None:
    total = sum(counts)
    print(f"| {label} | {total} | {' | '.join(f'{count / total:.1%}' for count in counts)} |")


def print_dictation() -> None:
    """The tweets of the sample account stand for drafts: some at random, and those that share most with the mention."""
    texts = [tweet.text for tweet in recognise.read(ARCHIVE).tweets]
    rng = random.Random(1)
    rounds = {
        "at random": [(question, rng.sample(texts, DRAFTS)) for question in QUESTIONS],
        "nearest to the mention": [(question, nearest(question, texts)) for question in QUESTIONS],
    }
    print(f"\n| {DRAFTS} tweets as drafts | rule | refused | of {len(QUESTIONS)} mentions without a draft left |")
    print("|---|---|---:|---:|")
    for kind, drafts in rounds.items():
        for name, rule in (
            ("four words in a row", echoes.why_not),
            ("content words, names, numbers", dictation.why_not),
        ):
            refused = [sum(rule(text, question) is not None for text in texts) for question, texts in drafts]
            share = sum(refused) / DRAFTS / len(QUESTIONS)
            print(f"| {kind} | {name} | {share:.1%} | {refused.count(DRAFTS)} |")


def nearest(question: str, texts: list[str]) -> list[str]:
    words = content(question)
    return sorted(texts, key=lambda text: -len(words & content(text)))[:DRAFTS]


def content(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.casefold())) - dictation.function_words()


def print_times() -> None:
    opt_out = OptOut()
    opt_out.wish_in("hello"), kind_in("hello")
    print("\n| mention made to be slow, letters | " + " | ".join(f"{size:,}" for size in SIZES) + " |")
    print("|---|" + "---:|" * len(SIZES))
    for name, piece in HOSTILE.items():
        times = []
        for size in SIZES:
            text = (piece * (size // len(piece) + 1))[:size]
            began = time.process_time()
            opt_out.wish_in(text), kind_in(text)
            times.append(f"{1000 * (time.process_time() - began):.0f} ms")
        print(f"| {name} | {' | '.join(times)} |")


SIZES = (280, 1_000, 4_000, 25_000)
HOSTILE = {
    "please, please": "please ", "dont you the": "dont you the ", "my dear old": "my dear old ", "one letter": "a",
    "letters apart": "s.t.o.p ", "dots": "stop.", "i want": "i really want to ", "at signs": "@me ",
    "Japanese": "\u3082\u3046", "Korean": "\uadf8\ub9cc", "Arabic": "\u0644\u0627 \u062a",
}  # fmt: skip


def rows(folder: str, half: str) -> list[list[str]]:
    lines = (SENTENCES / folder / f"{half}.tsv").read_text(encoding="utf-8").splitlines()
    return [line.split("\t") for line in lines]


if __name__ == "__main__":
    main()
