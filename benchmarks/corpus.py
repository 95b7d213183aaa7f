"""What both sets of rules drop, how fast, and how many training texts mention somebody: on files, or invented tweets.

    python benchmarks/corpus.py                                   # 100,000 invented tweets
    python benchmarks/corpus.py ../shared/data/corpora/*/*.csv    # real ones; only counts are printed

An invented tweet has 4 to 35 words of 20,000, as frequent as in English; every tenth repeats another with one word
changed.
"""

from __future__ import annotations

import argparse
import random
import time
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path

from training.corpus import corpus
from training.rules import mentions
from training.sources import recognise
from training.sources.archive import Archive
from training.sources.tweets import Tweet

WORDS = 20_000
SYLLABLES = [f"{consonant}{vowel}" for consonant in "bcdfglmnprst" for vowel in "aeiou"]
START = datetime(2020, 1, 1, tzinfo=UTC)


def main() -> None:
    parser = argparse.ArgumentParser(description="What the rules drop, and how fast.")
    parser.add_argument("tweets", type=Path, nargs="*", help="whatever `retrain` reads; invented ones by default")
    parser.add_argument("--invent", type=int, default=100_000, metavar="N", help="number of invented tweets")
    args = parser.parse_args()
    archives = [recognise.read(path, path.stem.lower()) for path in args.tweets] or [_invented(args.invent)]
    for archive in archives:
        for choices in (corpus.Choices("huggingtweets"), corpus.Choices("mynah")):
            began = time.process_time()
            filtered = corpus.filter_tweets(archive.author, archive.tweets, choices)
            seconds = time.process_time() - began
            print(_row(choices.rules, filtered, seconds), flush=True)


def _row(rules: str, filtered: corpus.FilterResult, seconds: float) -> str:
    funnel = filtered.funnel
    dropped = ", ".join(f"{rule} {count:,}" for rule, count in funnel.dropped.items())
    mentioning = sum(mentions.MENTION.search(kept.text) is not None for kept in filtered.kept)
    speed = f"{funnel.downloaded / seconds:,.0f} tweets/s"
    share = mentioning / max(1, funnel.kept)
    kept = f"{funnel.downloaded:8,} downloaded{funnel.kept:8,} kept, {share:6.1%} with a mention"
    return f"{funnel.author:16}{rules:15}{kept}  {speed:>17}  {dropped}"


def _invented(count: int) -> Archive:
    rng = random.Random(1)
    words = ["".join(rng.choices(SYLLABLES, k=rng.randint(1, 4))) for _ in range(WORDS)]
    cum_weights = list(accumulate(1 / rank for rank in range(1, WORDS + 1)))
    texts: list[str] = []
    for number in range(count):
        if number % 10 == 9:
            words_of_text = rng.choice(texts).removesuffix(" https://t.co/abc").split()
            words_of_text[rng.randrange(len(words_of_text))] = rng.choice(words)
        else:
            words_of_text = rng.choices(words, cum_weights=cum_weights, k=rng.randint(4, 35))
        texts.append(" ".join([*words_of_text, "https://t.co/abc"][: len(words_of_text) + (number % 3 == 0)]))
    times = (START + timedelta(minutes=number) for number in range(count))
    tweets = [Tweet(str(at.timestamp()), "invented", text, at) for text, at in zip(texts, times, strict=True)]
    return Archive("invented", "Invented", tuple(tweets))


if __name__ == "__main__":
    main()
