from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from training.errors import ModelError
from training.memory import FILE, MAGIC, Memory, fingerprint, memorise, normalise

if TYPE_CHECKING:
    from pathlib import Path

TWEETS = ("The night train was late again.", "Ⓒrumbs!", "?!", "straße")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "memory.bin"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("The night train was late again.", id="the same"),
        pytest.param("the NIGHT train was late again", id="case and end"),
        pytest.param(' "The  night\ntrain was late again!!" ', id="spaces and quotes"),
        pytest.param("The night train was late again\u200b", id="invisible end"),
        pytest.param("\uff54he night train was late again", id="wide letter"),
        pytest.param("STRASSE", id="sharp s"),
        pytest.param("crumbs", id="circled letter"),
        pytest.param("?!", id="only punctuation"),
    ],
)
def test_a_copy_of_a_tweet_is_recognised_however_it_is_dressed(path: Path, text: str) -> None:
    path.write_bytes(memorise(TWEETS))

    assert Memory.open(path.parent).said(text)


@pytest.mark.parametrize("text", ["The night train was late", "again", "...", ""])
def test_another_text_is_not_taken_for_a_copy(path: Path, text: str) -> None:
    path.write_bytes(memorise(TWEETS))

    assert not Memory.open(path.parent).said(text)


def test_a_tweet_said_twice_is_kept_once(path: Path) -> None:
    path.write_bytes(memorise(["Hello.", "hello", "bye"]))

    assert len(Memory.open(path.parent)) == 2


def test_a_model_without_tweets_remembers_nothing(path: Path) -> None:
    path.write_bytes(memorise([]))

    assert not Memory.open(path.parent).said("anything")


def test_every_one_of_many_tweets_is_found_again(path: Path) -> None:
    tweets = [f"Train number {number} has left." for number in range(2_000)]
    path.write_bytes(memorise(tweets))

    memory = Memory.open(path.parent)

    assert [tweet for tweet in tweets if not memory.said(tweet)] == []


def test_the_file_holds_no_text(path: Path) -> None:
    path.write_bytes(memorise(TWEETS))

    assert b"train" not in path.read_bytes()


def test_a_section_that_this_program_does_not_know_is_ignored(path: Path) -> None:
    offset = 16 + 2 * 24
    path.write_bytes(
        struct.pack("<8sII", MAGIC, 1, 2)
        + struct.pack("<8sQQ", b"runs", offset, 1)
        + struct.pack("<8sQQ", b"tweets", offset + 8, 1)
        + struct.pack("<QQ", 7, fingerprint("hello"))
    )

    assert Memory.open(path.parent).said("Hello!")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"MYN", id="cut in its first word"),
        pytest.param(bytes(64), id="all zero"),
        pytest.param(memorise(TWEETS)[:20], id="cut in the table"),
        pytest.param(memorise(TWEETS)[:-3], id="cut in the hashes"),
        pytest.param(MAGIC + struct.pack("<II", 2, 0), id="a newer version"),
        pytest.param(MAGIC + struct.pack("<II", 1, 0), id="without tweets"),
    ],
)
def test_a_damaged_memory_is_refused_in_one_sentence(path: Path, content: bytes) -> None:
    path.write_bytes(content)

    with pytest.raises(ModelError, match=r"memory\.bin is not a readable memory"):
        Memory.open(path.parent)


def test_a_missing_memory_is_refused(path: Path) -> None:
    with pytest.raises(ModelError, match=r"memory\.bin"):
        Memory.open(path.parent)


def test_normalising_twice_changes_nothing() -> None:
    once = normalise("  ﬁne, ϓΪ! Ünïcode…")

    assert normalise(once) == once


def test_what_another_memory_holds_is_remembered_too(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(memorise(["good morning", "good night"]))
    earlier = Memory.open(tmp_path)
    (tmp_path / "again").mkdir()

    (tmp_path / "again" / FILE).write_bytes(memorise(["good night", "goodbye"], also=earlier))

    both = Memory.open(tmp_path / "again")
    assert len(both) == 3
    assert all(map(both.said, ["good morning", "good night", "goodbye"]))
