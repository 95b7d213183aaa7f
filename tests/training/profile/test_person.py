"""The description of a person in a model folder: numbers and shared openers, but no tweet."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.training.retraining.runs import TEXTS, archive, run, small
from training.corpus.corpus import Choices
from training.errors import ModelError
from training.models import model_dir
from training.profile import person, vocabulary
from training.profile.memory_key import UNKEYED
from training.profile.person import Person, describe, openers, quantiles
from training.profile.vocabulary import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

NUMBERS = ("one", "two", "three", "four", "five", "six")


def starting(begin: str, *, times: int = 5) -> list[str]:
    return [f"{begin} {number} crumbs fell down." for number in NUMBERS[:times]]


def test_an_opener_that_many_tweets_share_is_kept_with_its_count() -> None:
    assert openers([*starting("my dream is", times=6), *starting("lost property: a")]) == {
        "my dream is": 6,
        "lost property: a": 5,
    }


def test_a_tweet_counts_for_its_longest_opener_only() -> None:
    assert openers([*starting("my dream is", times=6), *starting("my whole life"), *starting("my")[:4]]) == {
        "my dream is": 6,
        "my whole life": 5,
    }


def test_an_opener_of_four_tweets_is_too_rare() -> None:
    assert openers(starting("my dream is", times=4)) == {}


def test_among_many_tweets_more_must_share_an_opener() -> None:
    others = [f"{word}ly {word}" for word in (f"w{number}" for number in range(2_000))]

    assert openers([*starting("my dream is"), *others]) == {}


@pytest.mark.parametrize(
    "begin",
    [
        "@rook is late and",
        "#monday morning and so",
        "https://example.org shows that",
        "example.org shows that",
        "Osric is late and",
        "4 of us are",
        "🚀 goes up and",
        "雨が降っているのでとてもさびしいときもありますよ が",
    ],
)
def test_an_opener_holds_no_handle_and_no_link(begin: str) -> None:
    assert openers(starting(begin, times=6)) == {}


def test_a_word_never_written_in_lower_case_is_a_name() -> None:
    inside = [f"today {number} platform and Umberly met" for number in NUMBERS]

    described = openers([*starting("Platform two"), *starting("Umberly was late"), *inside])

    assert "Platform two" in described
    assert not any("Umberly" in opener for opener in described)


def test_a_name_ends_the_opener_before_it() -> None:
    assert openers(starting("I saw Umberly", times=6)) == {"I saw": 6}


def test_a_whole_tweet_is_not_an_opener() -> None:
    assert openers(["so it is"] * 9) == {"so it": 9}


def test_an_opener_that_the_screen_refuses_is_left_out() -> None:
    refusing = describe(starting("dear crumbs,"), [], unspeakable=lambda text: "crumbs" if "crumbs" in text else None)

    assert refusing.openers == {}


def test_lengths_are_counted_by_the_callers_function() -> None:
    described = describe([f"{'x' * count} y z" for count in range(1, 101)], [], length=lambda text: 2 * len(text))

    assert described.lengths == pytest.approx((19.9, 59.5, 109, 158.5, 198.1), abs=2)


@pytest.mark.parametrize(
    ("values", "described"),
    [([], ()), ([3], (3,) * 5), ([0, 100], (5, 25, 50, 75, 95)), (range(101), (5, 25, 50, 75, 95))],
    ids=["none", "one", "two", "many"],
)
def test_quantiles_are_interpolated(values: Sequence[float], described: tuple[float, ...]) -> None:
    assert quantiles(values) == pytest.approx(described)


def test_too_few_drafts_have_no_quantiles() -> None:
    assert describe(starting("so"), [-1.0] * 9).weakest == ()
    assert describe(starting("so"), [-1.0] * 10).weakest == (-1.0,) * 5


@pytest.mark.parametrize(
    ("text", "ends"),
    [("So it is.", True), ('"So it is!"', True), ("そうです。", True), ("so it is", False), ("So it is. :)", True)],
)
def test_an_end_is_known_in_any_script(text: str, ends: bool) -> None:
    assert person.is_stopped(text) is ends


def test_a_person_reads_back_as_written(tmp_path: Path) -> None:
    described = describe([*starting("my dream is"), "So it is"], [-3.0, -2.0] * 8)
    (tmp_path / person.FILE).write_bytes(described.to_json())

    back = Person.open(tmp_path)

    assert (back.openers, back.lengths, back.weakest, back.stopped) == (
        described.openers,
        described.lengths,
        described.weakest,
        described.stopped,
    )
    assert back.stopped == pytest.approx(5 / 6, abs=0.001)


def test_the_file_holds_no_words_but_the_openers() -> None:
    values = json.loads(describe([*starting("my dream is"), "a secret that is told once."], [-3.0] * 12).to_json())

    words = [value for value in json.dumps(values).replace('"', " ").split() if value.isalpha()]
    assert set(words) <= {"openers", "lengths", "weakest", "stopped", "my", "dream", "is"}


def test_an_older_folder_has_no_values(model_folder: Path) -> None:
    old = Person.open(model_folder)

    assert (old.openers, old.lengths, old.weakest, old.stopped) == ({}, (), (), None)
    assert old.unknown_words("fimble floth") == []
    assert old.ends("so it is") == 1


def test_keys_of_newer_programs_are_ignored() -> None:
    assert Person.from_json(b'{"stopped": 0.5, "mood": "fine"}').stopped == 0.5


@pytest.mark.parametrize(
    "damage",
    [b"", b"[]", b'{"openers": 3}', b'{"lengths": [1, 2]}', b'{"lengths": [5, 4, 3, 2, 1]}', b'{"stopped": "often"}'],
)
def test_a_damaged_file_is_one_error_message(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / person.FILE).write_bytes(damage)

    with pytest.raises(ModelError, match=r"person\.json does not say how a person writes .*: train the model again"):
        Person.open(tmp_path)


def test_words_of_the_tweets_and_of_the_tokenizer_are_known(tmp_path: Path, model_folder: Path) -> None:
    tokenizer = model_dir.load(model_folder, device="cpu").tokenizer
    data = vocabulary.collect(["A flumph of pigeons, don't you know"], tokenizer)
    (tmp_path / vocabulary.FILE).write_bytes(data)

    known = Vocabulary.open(tmp_path)

    assert known.unknown_words("FLUMPH! Pigeon's? It isn't a gribble.") == ["pigeon", "it", "isn", "gribble"]
    assert len(known) == len(data) // 4
    assert b"flumph" not in data


def test_handles_hashtags_numbers_and_unspaced_scripts_are_skipped() -> None:
    known = Vocabulary([UNKEYED.word("word")])

    assert known.unknown_words("word @gribble #gribble 7.42 42 雨がふる") == []
    assert known.unknown_words("gribble") == ["gribble"]


def test_a_cut_list_of_words_is_one_error_message(tmp_path: Path) -> None:
    (tmp_path / vocabulary.FILE).write_bytes(struct.pack("<I", 1) + b"x")

    with pytest.raises(ModelError, match=r"words\.bin is not a list of words"):
        Vocabulary.open(tmp_path)


def test_a_retraining_leaves_the_person_in_the_folder(tmp_path: Path) -> None:
    """Listed in the manifest, about all authors, with the quantiles of its drafts."""
    archives = [
        archive(author, [f"{begin} {text[:-1]}" for text in TEXTS])
        for author, begin in (("magpie", "my dream is"), ("rook", "note to the"))
    ]
    job = replace(small(tmp_path / "models"), choices=Choices(tags=True), samples=12)

    version = run(job, *archives).version

    assert version is not None
    described, files = Person.open(version), model_dir.check(version).files
    assert {person.FILE, vocabulary.FILE} < files.keys()
    assert set(described.openers) == {"my dream is", "note to the"}
    assert described.stopped == 0
    assert len(described.weakest) == len(described.lengths) == 5
    assert all(-15 < likely < 0 for likely in described.weakest)
    assert described.unknown_words("My dream, the fimble piano.") == ["fimble"]
