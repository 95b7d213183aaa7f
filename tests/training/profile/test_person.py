"""What a model folder says of a person: habits in numbers, beginnings that many tweets share, and no tweet."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.training.retraining import TEXTS, archive, run, small
from training.corpus.corpus import Choices
from training.errors import ModelError
from training.models import model_dir
from training.profile import person, vocabulary
from training.profile.person import Person, describe, openers, quantiles
from training.profile.vocabulary import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

NUMBERS = ("one", "two", "three", "four", "five", "six")


def said(begin: str, *, times: int = 5) -> list[str]:
    return [f"{begin} {number} crumbs fell down." for number in NUMBERS[:times]]


def test_a_beginning_that_many_tweets_share_is_learnt_with_how_many_do() -> None:
    assert openers([*said("my dream is", times=6), *said("lost property: a")]) == {
        "my dream is": 6,
        "lost property: a": 5,
    }


def test_a_tweet_counts_for_the_longest_beginning_only() -> None:
    assert openers([*said("my dream is", times=6), *said("my whole life"), *said("my")[:4]]) == {
        "my dream is": 6,
        "my whole life": 5,
    }


def test_what_four_tweets_share_is_no_habit() -> None:
    assert openers(said("my dream is", times=4)) == {}


def test_of_many_tweets_more_must_share_it() -> None:
    others = [f"{word}ly {word}" for word in (f"w{number}" for number in range(2_000))]

    assert openers([*said("my dream is"), *others]) == {}


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
def test_nobody_and_no_link_is_in_a_beginning(begin: str) -> None:
    assert openers(said(begin, times=6)) == {}


def test_a_name_is_what_is_never_written_small() -> None:
    inside = [f"today {number} platform and Umberly met" for number in NUMBERS]

    found = openers([*said("Platform two"), *said("Umberly was late"), *inside])

    assert "Platform two" in found
    assert not any("Umberly" in opener for opener in found)


def test_a_name_ends_the_beginning_before_it() -> None:
    assert openers(said("I saw Umberly", times=6)) == {"I saw": 6}


def test_a_whole_tweet_is_no_beginning() -> None:
    assert openers(["so it is"] * 9) == {"so it": 9}


def test_what_must_not_be_said_is_no_beginning() -> None:
    refusing = describe(said("dear crumbs,"), [], unspeakable=lambda text: "crumbs" if "crumbs" in text else None)

    assert refusing.openers == {}


def test_lengths_are_counted_as_the_one_who_asks_counts() -> None:
    found = describe([f"{'x' * count} y z" for count in range(1, 101)], [], length=lambda text: 2 * len(text))

    assert found.lengths == pytest.approx((19.9, 59.5, 109, 158.5, 198.1), abs=2)


@pytest.mark.parametrize(
    ("values", "found"),
    [([], ()), ([3], (3,) * 5), ([0, 100], (5, 25, 50, 75, 95)), (range(101), (5, 25, 50, 75, 95))],
    ids=["none", "one", "two", "many"],
)
def test_quantiles_stand_between_their_neighbours(values: Sequence[float], found: tuple[float, ...]) -> None:
    assert quantiles(values) == pytest.approx(found)


def test_too_few_tweets_say_nothing_of_how_likely_they_are() -> None:
    assert describe(said("so"), [-1.0] * 9).likelihoods == ()
    assert describe(said("so"), [-1.0] * 10).likelihoods == (-1.0,) * 5


@pytest.mark.parametrize(
    ("text", "ends"),
    [("So it is.", True), ('"So it is!"', True), ("そうです。", True), ("so it is", False), ("So it is. :)", True)],
)
def test_an_end_is_known_in_any_script(text: str, ends: bool) -> None:
    assert person.is_stopped(text) is ends


def test_a_person_reads_back_as_written(tmp_path: Path) -> None:
    found = describe([*said("my dream is"), "So it is"], [-3.0, -2.0] * 8)
    (tmp_path / person.FILE).write_bytes(found.to_json())

    back = Person.open(tmp_path)

    assert (back.openers, back.lengths, back.likelihoods, back.stopped) == (
        found.openers,
        found.lengths,
        found.likelihoods,
        found.stopped,
    )
    assert back.stopped == pytest.approx(5 / 6, abs=0.001)


def test_the_file_holds_no_words_but_the_beginnings() -> None:
    said_json = json.loads(describe([*said("my dream is"), "a secret that is told once."], [-3.0] * 12).to_json())

    words = [value for value in json.dumps(said_json).replace('"', " ").split() if value.isalpha()]
    assert set(words) <= {"openers", "lengths", "likelihoods", "stopped", "my", "dream", "is"}


def test_of_an_older_folder_nothing_is_known(model_folder: Path) -> None:
    old = Person.open(model_folder)

    assert (old.openers, old.lengths, old.likelihoods, old.stopped) == ({}, (), (), None)
    assert old.unknown_words("fimble floth") == []
    assert old.ends("so it is") == 1


def test_what_newer_programs_add_is_passed_over() -> None:
    assert Person.from_json(b'{"stopped": 0.5, "mood": "fine"}').stopped == 0.5


@pytest.mark.parametrize(
    "damage",
    [b"", b"[]", b'{"openers": 3}', b'{"lengths": [1, 2]}', b'{"lengths": [5, 4, 3, 2, 1]}', b'{"stopped": "often"}'],
)
def test_a_damaged_file_is_one_sentence(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / person.FILE).write_bytes(damage)

    with pytest.raises(ModelError, match=r"person\.json does not say how a person writes .*: train the model again"):
        Person.open(tmp_path)


def test_words_of_the_tweets_and_of_the_tokenizer_are_no_strangers(tmp_path: Path, model_folder: Path) -> None:
    tokenizer = model_dir.load(model_folder, device="cpu").tokenizer
    data = vocabulary.collect(["A flumph of pigeons, don't you know"], tokenizer)
    (tmp_path / vocabulary.FILE).write_bytes(data)

    known = Vocabulary.open(tmp_path)

    assert known.unknown_words("FLUMPH! Pigeon's? It isn't a gribble.") == ["pigeon", "it", "isn", "gribble"]
    assert len(known) == len(data) // 4
    assert b"flumph" not in data


def test_handles_hashtags_numbers_and_unspaced_scripts_are_not_looked_at() -> None:
    known = Vocabulary([vocabulary.fingerprint("word")])

    assert known.unknown_words("word @gribble #gribble 7.42 42 雨がふる") == []
    assert known.unknown_words("gribble") == ["gribble"]


def test_a_cut_list_of_words_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / vocabulary.FILE).write_bytes(struct.pack("<I", 1) + b"x")

    with pytest.raises(ModelError, match=r"words\.bin is not a list of words"):
        Vocabulary.open(tmp_path)


def test_a_retraining_leaves_the_person_in_the_folder(tmp_path: Path) -> None:
    """What is vouched for, of all authors, and likely by the model that has been made."""
    archives = [
        archive(author, [f"{begin} {text[:-1]}" for text in TEXTS])
        for author, begin in (("magpie", "my dream is"), ("rook", "note to the"))
    ]
    wanted = replace(small(tmp_path / "models"), choices=Choices(tags=True))

    version = run(wanted, *archives).version

    assert version is not None
    found, files = Person.open(version), model_dir.check(version).files
    assert {person.FILE, vocabulary.FILE} < files.keys()
    assert set(found.openers) == {"my dream is", "note to the"}
    assert found.stopped == 0
    assert len(found.likelihoods) == len(found.lengths) == 5
    assert all(-12 < likely < 0 for likely in found.likelihoods)
    assert found.unknown_words("My dream, the fimble piano.") == ["fimble"]
