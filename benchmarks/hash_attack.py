"""How many tweets come back out of the hashes of a model folder, with and without the key.

    python benchmarks/hash_attack.py STATE [--drafts 4000]    # its current model was trained on the sample account

The attacker has the model folder: its hashes, its tokenizer's words, and the model itself, whose drafts are a first
guess. A run of five words of a draft that the index knows is extended word by word, as long as the hashes say that the
tweet goes on like that. A tweet is whole when as many words are found as the index says that it has.

For comparison, the same tweets are put into an index without a key, as it was before.

The second table is about the discriminator: how often the weight of a word of the tweets is higher than that of a word
that is in no tweet (AUC), among the words that the attacker knows.
"""

from __future__ import annotations

import argparse
import struct
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transformers import AutoTokenizer

from training.corpus import corpus
from training.models import registry
from training.profile import discriminator, memory, vocabulary
from training.profile.discriminator import FEATURES
from training.profile.grams import WORDS, keys, spell
from training.profile.memory import OF_ALL, Memory, memorise
from training.profile.memory_key import UNKEYED, Hashes
from training.sources import recognise
from training.sources.sample import ARCHIVE
from training.speak import engines
from training.speak.types import Sampling

if TYPE_CHECKING:
    from collections.abc import Sequence

LONGEST = 60  # words of a tweet


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("state", type=Path)
    parser.add_argument("--drafts", type=int, default=4_000)
    args = parser.parse_args()
    version = registry.find(args.state / "models", registry.CURRENT)
    texts = [text.text for text in corpus.build([recognise.read(ARCHIVE)]).train]
    _, sampler = engines.open_sampler(version, engine="torch", device="cpu", threads=0)
    drafts = [
        sample.text
        for seed in range(args.drafts // 100)
        for sample in sampler.draft("", n=100, seed=seed, sampling=Sampling(1.0, 0.95, 80))
    ]
    tokenizer = AutoTokenizer.from_pretrained(version, local_files_only=True)
    words = {word for draft in drafts for word in spell(draft)} | set(tokenizer_words(tokenizer))
    print(f"{len(texts):,} training tweets, {len(drafts):,} drafts, {len(words):,} words\n")
    print("| index | the attacker has | known words | runs of drafts found | whole tweets | seconds |")
    print("|---|---|---:|---:|---:|---:|")
    keyed = Memory.open(version)
    row("with a key", "the folder", keyed, UNKEYED, (version / vocabulary.FILE).read_bytes(), words, drafts)
    key = keyed.hashes
    row("with a key", "the folder and the key", keyed, key, (version / vocabulary.FILE).read_bytes(), words, drafts)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / memory.FILE).write_bytes(memorise(texts))
        bare = Memory.open(Path(folder))
        hashes = vocabulary.collect(texts, tokenizer)
        row("without", "the folder", bare, UNKEYED, hashes, words, drafts)
    used = {word for text in texts for word in vocabulary.split(text)}
    file, bare_file = (version / discriminator.FILE).read_bytes(), discriminator.fit(texts, drafts) or b""
    print("\n| discriminator | the attacker has | AUC |\n|---|---|---:|")
    print(f"| with a key | the folder | {word_auc(file, UNKEYED, words, used):.3f} |")
    print(f"| with a key | the folder and the key | {word_auc(file, key, words, used):.3f} |")
    print(f"| without | the folder | {word_auc(bare_file, UNKEYED, words, used):.3f} |")


def word_auc(file: bytes, hashes: Hashes, words: set[str], used: set[str]) -> float:
    weights = struct.unpack(f"<{FEATURES}e", file[-2 * FEATURES :])
    scores = {word: weights[hashes.short(f"\0{word}".encode()) % FEATURES] for word in sorted(words)}
    ranks = {word: rank for rank, word in enumerate(sorted(scores, key=scores.__getitem__))}
    own = [rank for word, rank in ranks.items() if word in used]
    others = len(ranks) - len(own)
    return (sum(own) - len(own) * (len(own) - 1) / 2) / (len(own) * others)


def tokenizer_words(tokenizer: Any) -> list[str]:
    return [word for token in tokenizer.get_vocab() for word in spell(token.lstrip("".join(vocabulary.BEGINS)))]


def row(
    name: str, has: str, index: Memory, hashes: Hashes, known: bytes, words: set[str], drafts: Sequence[str]
) -> None:
    began = time.perf_counter()
    likely = [word for word in words if hashes.word(word).to_bytes(4, "little") in known]
    seeds, whole = attack(index, hashes, likely or sorted(words), drafts)
    took = time.perf_counter() - began
    print(f"| {name} | {has} | {len(likely):,} | {seeds:,} | {whole:,} of {len(index.runs.lengths):,} | {took:.0f} |")


def attack(index: Memory, hashes: Hashes, words: Sequence[str], drafts: Sequence[str]) -> tuple[int, int]:
    """The number of tweets of which a draft has a run, and of those that came back whole."""
    tweets: defaultdict[int, set[int]] = defaultdict(set)  # the stored 31 bits of a gram -> the tweets that have it
    for bits, tweet in index.runs:
        tweets[bits].add(tweet)

    def has(run: Sequence[str], tweet: int) -> bool:
        return not {tweet, OF_ALL}.isdisjoint(tweets.get(hashes.short(" ".join(run).encode()) >> 1, ()))

    seeds: dict[int, list[str]] = {}
    for draft in drafts:
        spelt = spell(draft)
        for start, key in enumerate(keys(spelt, hash_of=hashes.short)):
            for tweet in tweets.get(key >> 1, ()):
                seeds.setdefault(tweet, spelt[start : start + WORDS])
    seeds.pop(OF_ALL, None)
    whole = 0
    for tweet, run in seeds.items():
        length = index.runs.lengths[tweet]
        while len(run) < min(length, LONGEST) and (
            after := next((word for word in words if has([*run[1 - WORDS :], word], tweet)), None)
        ):
            run.append(after)
        while len(run) < min(length, LONGEST) and (
            before := next((word for word in words if has([word, *run[: WORDS - 1]], tweet)), None)
        ):
            run.insert(0, before)
        whole += len(run) >= length
    return len(seeds), whole


if __name__ == "__main__":
    main()
