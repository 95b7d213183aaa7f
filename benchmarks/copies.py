"""The checks for copies and repeats: their speed, their size, and how often they refuse a person's own tweets.

    python benchmarks/copies.py index [--tweets 100000]       # the copy index compared with simpler ways
    python benchmarks/copies.py history [--rows 1000000] [--keep FILE] # the index of the history; takes minutes to fill
    python benchmarks/copies.py people [--data ../shared/data] # people's newest tweets, and a model's drafts

An invented tweet has 4 to 35 words of 20,000, as frequent as in English. No text of a person is printed.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

from bot.history import near_duplicates
from bot.history.store import Store
from training.corpus import corpus
from training.judge import copying
from training.profile import memory, memory_key
from training.profile.language import Language, learn
from training.profile.memory import Memory, memorise
from training.sources import recognise

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

WORDS = 20_000
SYLLABLES = [f"{consonant}{vowel}" for consonant in "bcdfglmnprst" for vowel in "aeiou"]
QUESTIONS = 400
PEOPLE = {
    "538-twitter-ratio/BarackObama.csv": None,
    "538-twitter-ratio/realDonaldTrump.csv": None,
    "world-leaders-got3/jeremycorbyn.csv": "jeremycorbyn",
    "world-leaders-got3/ScottMorrisonMP.csv": "scottmorrisonmp",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("index", "history", "people"))
    parser.add_argument("--tweets", type=int, nargs="+", default=[3_000, 30_000, 100_000])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--keep", type=Path, help="file of the history; an existing one is used again")
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--model", type=Path, help="a model folder whose drafts are checked too")
    parser.add_argument(
        "--habit", type=int, default=memory.HABIT, help="number of different tweets that make a run a habit"
    )
    args = parser.parse_args()
    match args.what:
        case "index":
            index(args.tweets)
        case "history":
            history(args.rows, args.keep)
        case _:
            people(args.data, args.model, args.habit)


def index(sizes: Sequence[int]) -> None:
    print("| tweets | way | a draft | on disk or in memory |\n|---:|---|---:|---:|")
    for tweet_count in sizes:
        tweets, drafts = list(invented(tweet_count, seed=1)), list(invented(QUESTIONS, seed=2))
        with tempfile.TemporaryDirectory() as state:
            folder = Path(state) / "models" / "version"
            folder.mkdir(parents=True)
            for name, key in (("", memory_key.make(folder.parent)), (", hashes without a key", b"")):
                path = folder / memory.FILE
                path.write_bytes(memorise(tweets, key=key))
                each = micros(Memory.open(folder).why_copied, drafts)
                row(tweet_count, f"`Memory.why_copied`{name}", each, path.stat().st_size)
        plain_ways(tweet_count, tweets, drafts)


def plain_ways(tweet_count: int, tweets: Sequence[str], drafts: Sequence[str]) -> None:
    tuples = {run for tweet in tweets for run in runs(tweet)}
    size_in_memory = sys.getsizeof(tuples) + sum(map(sys.getsizeof, tuples))
    row(
        tweet_count,
        "a set of tuples of 8 words",
        micros(lambda text: not tuples.isdisjoint(runs(text)), drafts),
        size_in_memory,
    )
    hashes = set(map(hash, tuples))
    size_in_memory = sys.getsizeof(hashes) + sum(map(sys.getsizeof, hashes))
    row(
        tweet_count,
        "a set of their hashes",
        micros(lambda text: not hashes.isdisjoint(map(hash, runs(text))), drafts),
        size_in_memory,
    )
    whole = "\n".join(" ".join(copying.words(tweet)) for tweet in tweets)
    micros_each = micros(lambda text: any(" ".join(run) in whole for run in runs(text)), drafts[:20])
    row(tweet_count, "substring search for each run", micros_each, len(whole))


def history(rows: int, keep: Path | None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = keep or Path(folder) / "history.db"
        with Store.open(path) as store:
            if not store.rows("SELECT 1 FROM post LIMIT 1"):
                began = time.perf_counter()
                fill(store, rows)
                print(f"made in {time.perf_counter() - began:,.0f} s")
            rows = store.rows("SELECT count(*) AS n FROM post")[0]["n"]
            size = ""
            if has_dbstat(store):
                dbstat = store.rows("SELECT sum(pgsize) AS size FROM dbstat WHERE name = 'nearness'")
                size = f", {dbstat[0]['size'] / 1e6:,.0f} MB of them the index"
            print(f"{rows:,} posts: {path.stat().st_size / 1e6:,.0f} MB{size}\n")
            print("| a text that is | near | median | 99 of 100 | worst |\n|---|---:|---:|---:|---:|")
            step = max(1, rows // QUESTIONS)
            texts = [
                dbstat["text"] for dbstat in store.rows("SELECT text FROM post WHERE id % ? = 7 % ?", [step, step])
            ]
            ask(store, "unlike anything", list(invented(QUESTIONS, seed=3)))
            ask(store, "of the 30 commonest words", list(invented(QUESTIONS, seed=4, words=30)))
            ask(store, "one word changed", [changed(text) for text in texts])


def ask(store: Store, name: str, drafts: Sequence[str]) -> None:
    """In processor time: the file is cached after the first queries, as a bot's is after its first day."""
    times, repeats = [], 0
    for draft in drafts:
        start = time.process_time()
        repeats += bool(
            store.said(draft, dry=False)
            or near_duplicates.refused(store, draft, dry=False)
            or near_duplicates.said(store, draft, dry=False)
        )
        times.append((time.process_time() - start) * 1e3)
    times.sort()
    figures = statistics.median(times), times[int(len(times) * 0.99)], times[-1]
    print(
        f"| {name} | {repeats / len(drafts):.1%} | " + " | ".join(f"{ms:.2f} ms" for ms in figures) + " |", flush=True
    )


def people(data: Path, model: Path | None, habit: int) -> None:
    print("| whose newest tenth | tweets | copies, every run counted | copies, habits excepted | foreign |")
    print("|---|---:|---:|---:|---:|")
    for name, author in PEOPLE.items():
        texts = corpus.build([recognise.read(data / "corpora" / name, author)])
        train, newest = [text.text for text in texts.train], [text.text for text in texts.held_out]
        refused = [share(newest, memory_of(train, least).why_copied) for least in (sys.maxsize, habit)]
        profile = language_of(train)
        foreign = share(newest, profile.why_foreign) if profile else "-"
        print(f"| {Path(name).stem} | {len(newest):,} | {' | '.join(refused)} | {foreign} |", flush=True)
    if model:
        from training.speak.torch_engine import TorchSampler

        own, profile = Memory.open(model), Language.open(model)
        sampler = TorchSampler.open(model, device="cpu")
        drafts = [sample.text for seed in range(8) for sample in sampler.draft("", n=64, seed=seed) if sample.finished]
        print(f"\n{len(drafts)} drafts of {model.name}: {share(drafts, own.why_copied)} copies", end="")
        print(f", {share(drafts, profile.why_foreign)} foreign" if profile else "")


def invented(count: int, *, seed: int, words: int = WORDS) -> Iterator[str]:
    """`words`: the number of words to choose from, the commonest first."""
    letters = random.Random(0)
    vocabulary = ["".join(letters.choices(SYLLABLES, k=letters.randint(1, 4))) for _ in range(words)]
    cum_weights = list(accumulate(1 / rank for rank in range(1, words + 1)))
    rng = random.Random(seed)
    for _ in range(count):
        yield " ".join(rng.choices(vocabulary, cum_weights=cum_weights, k=rng.randint(4, 35)))


def changed(text: str) -> str:
    words = text.split()
    words[len(words) // 2] = "umbrella"
    return " ".join(words)


def runs(text: str) -> list[tuple[str, ...]]:
    words = copying.words(text)
    return [tuple(words[at : at + 8]) for at in range(len(words) - 7)]


def memory_of(tweets: Sequence[str], habit: int) -> Memory:
    before, memory.HABIT = memory.HABIT, habit
    try:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / memory.FILE).write_bytes(memorise(tweets))
            return Memory.open(Path(folder))
    finally:
        memory.HABIT = before


def language_of(tweets: Sequence[str]) -> Language | None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "language.bin").write_bytes(learn(tweets) or b"")
        return Language.open(Path(folder))


def fill(store: Store, rows: int) -> None:
    """As the triggers would, but sorted by key, which fills the table fastest."""
    for trigger in ("post_is_compared", "post_begins"):
        store.write(f"DROP TRIGGER {trigger}", {})
    store.write("PRAGMA temp_store = FILE", {})
    store.write("CREATE TEMP TABLE unsorted (key INTEGER, source INTEGER)", {})
    connection = store._db.conn  # noqa: SLF001  only here are millions of rows written at once
    texts = enumerate(invented(rows, seed=1), start=1)
    with store.atomic(), ProcessPoolExecutor(os.cpu_count()) as pool:
        post = (
            "INSERT INTO post (id, kind, dry, state, text, norm, length, prompt, seed, likelihood, model, created_at,"
        )
        post += " changed_at) VALUES (?1, 'post', 0, 'drafted', ?2, ?1, 0, '', 0, 0, 'm', '', '')"
        for chunk in batched(texts, 20_000):
            connection.executemany(post, chunk)
            keys_of_texts = pool.map(keys, [text for _, text in chunk], chunksize=1_000)
            pairs = (
                (key, number)
                for (number, _), keys_of_text in zip(chunk, keys_of_texts, strict=True)
                for key in keys_of_text
            )
            connection.executemany("INSERT INTO unsorted VALUES (?, ?)", pairs)
        store.write("INSERT OR IGNORE INTO nearness SELECT key, source FROM unsorted ORDER BY key, source", {})
        store.write("DROP TABLE unsorted", {})


def keys(text: str) -> list[int]:
    return near_duplicates.keys(text, dry=False)


def batched(items: Iterator[tuple[int, str]], size: int) -> Iterator[list[tuple[int, str]]]:
    from itertools import islice

    while chunk := list(islice(items, size)):
        yield chunk


def has_dbstat(store: Store) -> bool:
    return any(row["compile_options"] == "ENABLE_DBSTAT_VTAB" for row in store.rows("PRAGMA compile_options"))


def micros(check: Callable[[str], object], drafts: Sequence[str]) -> float:
    """Processor time per draft: the median of seven rounds over all drafts."""
    rounds = []
    for _ in range(7):
        began = time.process_time()
        for draft in drafts:
            check(draft)
        rounds.append((time.process_time() - began) / len(drafts) * 1e6)
    return statistics.median(rounds)


def row(size: int, way: str, micros_each: float, stored: int) -> None:
    print(f"| {size:,} | {way} | {micros_each:,.1f} µs | {stored / 1e6:.1f} MB |", flush=True)


def share(texts: Sequence[str], why: Callable[[str], str]) -> str:
    return f"{sum(why(text) != '' for text in texts) / max(1, len(texts)):.1%}"


if __name__ == "__main__":
    main()
