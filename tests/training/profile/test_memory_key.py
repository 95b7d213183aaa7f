"""The hashes of a model folder say nothing without the key, and with it the same as before."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from training.errors import MemoryLocked, ModelError
from training.profile import memory, memory_key, vocabulary
from training.profile.grams import keys, spell
from training.profile.memory import Memory, memorise
from training.profile.memory_key import UNKEYED, Hashes
from training.profile.vocabulary import Vocabulary

if TYPE_CHECKING:
    from pathlib import Path

TWEETS = (
    "We left the violin on the night train and the conductor played it all the way to the sea.",
    "Nobody carries two umbrellas for fun, except my aunt.",
    "Ask @pigeonpost about the ticket office, it closes at noon.",
    "\u99c5\u306e\u5348\u524d\u4e94\u6642\u306e\u9418\u304c\u9cf4\u308b\u3068\u9ce9\u304c\u98db\u3076",
    *(f"Good morning to all of you, this is day {number} here." for number in range(5)),
)
TEXTS = (
    *TWEETS,
    "I left the violin on the night train and the conductor played it all day.",
    "Nobody carries two umbrellas for fun, said the clock.",
    "pigeonpost knows.",
    "Good morning to all of you, this is new.",
    "Something else altogether, with words of its own.",
)


@pytest.fixture
def version(tmp_path: Path) -> Path:
    folder = tmp_path / "models" / "20261120T120000Z-0000"
    folder.mkdir(parents=True)
    return folder


class Tokenizer:
    def get_vocab(self) -> dict[str, int]:
        return {}

    def batch_decode(self, *_: object, **__: object) -> list[str]:
        return []


def save(version: Path, key: bytes, *tweets: str, also: Memory | None = None) -> None:
    (version / memory.FILE).write_bytes(memorise(tweets, key=key, also=also))
    (version / vocabulary.FILE).write_bytes(vocabulary.collect(tweets, Tokenizer(), key=key))


def test_with_the_key_the_answers_are_those_of_an_index_without_one(version: Path) -> None:
    save(version, b"", *TWEETS)
    before, known = Memory.open(version), Vocabulary.open(version)
    expected = [(before.said(text), before.why_copied(text), known.unknown_words(text)) for text in TEXTS]

    save(version, memory_key.make(version.parent), *TWEETS)

    now, known = Memory.open(version), Vocabulary.open(version)
    assert [(now.said(text), now.why_copied(text), known.unknown_words(text)) for text in TEXTS] == expected


def test_a_continued_training_keeps_what_the_earlier_one_knew(version: Path) -> None:
    key = memory_key.make(version.parent)
    save(version, key, *TWEETS[:2])

    save(version, key, *TWEETS[2:], also=Memory.open(version))

    both = Memory.open(version)
    assert len(both) == len(TWEETS)
    assert "words in a row" in both.why_copied(TEXTS[len(TWEETS)])
    assert "of the 9 words of a tweet" in both.why_copied(TEXTS[len(TWEETS) + 1])


def test_a_continued_training_of_an_open_index_keeps_it_open(version: Path) -> None:
    save(version, b"", TWEETS[0])

    (version / memory.FILE).write_bytes(memorise(TWEETS[1:], also=Memory.open(version), key=b"k" * 32))

    both = Memory.open(version)
    assert all(map(both.said, TWEETS))
    assert both.hashes.key == b""


def test_nobody_without_the_key_can_test_a_gram_a_word_or_a_tweet(version: Path) -> None:
    key = memory_key.make(version.parent)
    save(version, key, *TWEETS)
    index = Memory.open(version)
    spelt = spell(TWEETS[0])
    words = (version / vocabulary.FILE).read_bytes()

    for hashes, is_known in ((Hashes(key), True), (UNKEYED, False), (Hashes(b"x" * 32), False)):
        grams = index.runs.find(keys(spelt, hash_of=hashes.short))
        assert (len(grams) == len(spelt) - 4) is is_known
        assert bool(grams) is is_known
        assert (hashes.tweet(TWEETS[0]) in index) is is_known
        assert (hashes.word("pigeonpost") in index.handles) is is_known
        assert (hashes.word("umbrellas").to_bytes(4, "little") in words) is is_known


def test_the_numbers_of_the_tweets_are_not_in_their_order(version: Path) -> None:
    tweets = [" ".join(["word"] * length) + "." for length in range(1, 100)]
    save(version, memory_key.make(version.parent), *tweets)

    lengths = list(Memory.open(version).runs.lengths)

    assert sorted(lengths) == list(range(1, 100))
    assert lengths != sorted(lengths)


def test_without_its_key_a_memory_is_locked_and_the_words_are_unknown(version: Path) -> None:
    save(version, memory_key.make(version.parent), *TWEETS)
    path = version.parent.parent / memory_key.FILE

    for content in (None, os.urandom(32)):
        path.unlink()
        if content:
            path.write_bytes(content)
        with pytest.raises(MemoryLocked, match=r"belongs to another memory\.key"):
            Memory.open(version)
        assert len(Vocabulary.open(version)) == 0
        path.touch()


def test_the_key_is_made_once_and_private(version: Path) -> None:
    first, second = memory_key.make(version.parent), memory_key.make(version.parent)

    path = version.parent.parent / memory_key.FILE
    assert first == second == path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(version.parent.iterdir()) == [version]


@pytest.mark.parametrize("content", [b"", b"short"])
def test_a_damaged_key_is_one_sentence(version: Path, content: bytes) -> None:
    (version.parent.parent / memory_key.FILE).write_bytes(content)

    with pytest.raises(ModelError, match="is not a key"):
        memory_key.make(version.parent)
