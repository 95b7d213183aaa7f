"""The prompts: a rotation that is the same after every restart, and a file of topics that never stops the bot."""

from __future__ import annotations

import os
from collections import Counter
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.history import refusals
from bot.history.store import Store
from bot.rounds import prompts
from bot.rounds.prompts import Topics, kinds, tries
from bot.values import Draft, Reason, Slot
from tests.fakes import NOON

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

EQUAL_WEIGHTS = [f"Begin {number}" for number in range(6)]
ONLY_PROMPTS = {"none": 0.0, "openers": 0.0, "topics": 0.0}


def slot(number: int) -> Slot:
    return Slot(f"slot {number}", NOON + timedelta(hours=number))


def sequence_of(
    rounds: int, of_kind: Mapping[str, Mapping[str, float]], shares: Mapping[str, float], *, start: Sequence[str] = ()
) -> list[str]:
    """The prompts of rounds that each succeed at the first try, the oldest first."""
    sequence = list(start)
    for number in range(rounds):
        [(prompt, _)] = tries(slot(number), of_kind, shares, sequence[::-1], count=1)
        sequence.append(prompt)
    return sequence


def test_no_prompt_is_repeated_before_all_others_were_used() -> None:
    sequence = sequence_of(60, kinds(EQUAL_WEIGHTS, {}, []), ONLY_PROMPTS)

    for start in range(len(sequence) - len(EQUAL_WEIGHTS) + 1):
        assert len(set(sequence[start : start + len(EQUAL_WEIGHTS)])) == len(EQUAL_WEIGHTS)


def test_the_rotation_continues_after_a_restart() -> None:
    sequence = sequence_of(20, kinds(EQUAL_WEIGHTS, {}, []), ONLY_PROMPTS)

    [(after, _)] = tries(slot(12), kinds(EQUAL_WEIGHTS, {}, []), ONLY_PROMPTS, sequence[:12][::-1], count=1)

    assert after == sequence[12]


def test_the_same_slot_and_history_give_the_same_prompts_and_seeds() -> None:
    of_kind = kinds(EQUAL_WEIGHTS, {"The": 5, "I have": 2}, ["The rain today"])

    attempts = [list(tries(slot(7), of_kind, {}, EQUAL_WEIGHTS[:3], count=3)) for _ in range(2)]

    assert attempts[0] == attempts[1]
    assert len({seed for _, seed in attempts[0]}) == 3


def test_a_prompt_with_twice_the_weight_is_used_twice_as_often() -> None:
    weights = dict.fromkeys(EQUAL_WEIGHTS, 1.0) | {"Often": 2.0}

    counts = Counter(sequence_of(800, kinds(weights, {}, []), ONLY_PROMPTS))

    assert counts["Often"] / counts[EQUAL_WEIGHTS[0]] == pytest.approx(2, rel=0.15)


def test_a_prompt_listed_twice_has_weight_two() -> None:
    assert kinds(["a", "b", "a"], {}, [])["prompts"] == kinds({"a": 2, "b": 1}, {}, [])["prompts"]


@given(
    own=st.lists(st.sampled_from("abcd"), min_size=1),
    openers=st.dictionaries(st.sampled_from("cdef"), st.integers(1, 9)),
    topics=st.lists(st.sampled_from("fgh")),
)
def test_only_the_empty_prompt_is_used_twice_in_a_row(
    own: list[str], openers: dict[str, float], topics: list[str]
) -> None:
    sequence = sequence_of(30, kinds(own, openers, topics), {})

    assert not [prompt for prompt, after in pairwise(sequence) if prompt and prompt == after]


def test_each_kind_has_its_share() -> None:
    of_kind = kinds(EQUAL_WEIGHTS, {f"Own {number}": 1 for number in range(6)}, ["Rain", "Snow", "Fog"])
    shares = {"none": 2.0, "prompts": 1.0, "openers": 3.0, "topics": 0.0}

    counts = Counter(prompt.split(" ")[0] for prompt in sequence_of(1_200, of_kind, shares))

    assert counts["Own"] / counts["Begin"] == pytest.approx(3, rel=0.2)
    assert counts[""] / counts["Begin"] == pytest.approx(2, rel=0.2)
    assert counts["Rain"] == counts["Snow"] == 0


def test_each_try_of_a_round_has_a_different_prompt_while_there_are_others() -> None:
    of_kind = kinds(["One", "Two"], {}, [])

    attempts = [prompt for prompt, _ in tries(slot(1), of_kind, {}, [], count=5)]

    assert set(attempts[:3]) == {"", "One", "Two"}
    assert len(attempts) == 5


def test_a_kind_without_prompts_is_left_out() -> None:
    assert set(sequence_of(20, kinds(["One", "Two"], {}, []), {"none": 0.0, "topics": 9.0})) == {"One", "Two"}


def test_without_any_configured_prompt_the_model_starts_freely() -> None:
    shares = dict.fromkeys(("none", "prompts", "openers"), 0.0)

    assert [prompt for prompt, _ in tries(slot(1), kinds(["One"], {}, []), shares, [], count=2)] == ["", ""]


def test_a_prompt_of_two_kinds_counts_once() -> None:
    of_kind = kinds(["My dream is", "Rain"], {"My dream is": 8, "The": 3}, ["Rain"])

    assert of_kind == {"none": {"": 1}, "prompts": {"My dream is": 1}, "openers": {"The": 3}, "topics": {"Rain": 1}}


def test_recent_prompts_include_those_of_refused_drafts(tmp_path: Path) -> None:
    with Store.open(tmp_path / "history.db") as store:
        for number, prompt in enumerate(["One", "", "Two"]):
            at = NOON + timedelta(hours=number)
            store.add_draft(
                Draft(f"{prompt} {number}", prompt),
                slot=slot(number), norm=str(number), length=1, dry=True, model="m", at=at,
            )  # fmt: skip
        rows = [(Draft("no", "Three"), Reason("empty")), (Draft("nor this", "Three"), Reason("empty"))]
        refusals.add(store, rows, slot=slot(9), dry=True, model="m", at=NOON + timedelta(hours=9))

        assert prompts.recent(store, dry=True) == ["Three", "Two", "", "One"]
        assert prompts.recent(store, dry=False) == []


class Warnings:
    def __init__(self) -> None:
        self.messages: list[str] = []

    def __call__(self, message: str) -> None:
        self.messages.append(message)


def test_topics_are_read_again_for_each_round(tmp_path: Path) -> None:
    path, warnings = tmp_path / "topics.txt", Warnings()
    topics = Topics(path, warnings)
    path.write_text("# of this week\n\n  The rain today \nThe rain today\nA snail\n", encoding="utf-8-sig")
    before = topics()
    path.write_text("The snow\n", encoding="utf-8")

    assert set(before) == {"The rain today", "A snail"}
    assert topics() == ("The snow",)
    assert warnings.messages == []


def _pipe(path: Path) -> None:
    os.mkfifo(path)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        pytest.param(lambda path: None, "is not a file", id="missing"),
        pytest.param(lambda path: path.mkdir(), "is not a file", id="folder"),
        pytest.param(_pipe, "is not a file", id="pipe"),
        pytest.param(lambda path: path.write_bytes(b"\xff\xfe\x00"), "not UTF-8", id="not text"),
        pytest.param(lambda path: path.write_text("Rain\n" * 30_000), "larger", id="huge"),
        pytest.param(lambda path: path.symlink_to(path), "is not a file", id="a link to itself"),
    ],
)
def test_an_unreadable_topics_file_gives_no_topics_and_one_warning(tmp_path: Path, make: object, message: str) -> None:
    path, warnings = tmp_path / "topics.txt", Warnings()
    make(path)  # type: ignore[operator]
    topics = Topics(path, warnings)

    assert [topics(), topics()] == [(), ()]
    [warning] = warnings.messages
    assert message in warning
    assert str(path) in warning


def test_a_topic_that_is_too_long_is_skipped(tmp_path: Path) -> None:
    path, warnings = tmp_path / "topics.txt", Warnings()
    path.write_text(f"Rain\n{'雨' * 50}\nSnow\n", encoding="utf-8")

    assert Topics(path, warnings)() == ("Rain", "Snow")
    assert "120 bytes" in warnings.messages[0]


def test_a_topics_file_that_fails_again_is_reported_again(tmp_path: Path) -> None:
    path, warnings = tmp_path / "topics.txt", Warnings()
    topics = Topics(path, warnings)
    topics()
    path.write_text("Rain\n")
    topics()
    path.unlink()
    topics()

    assert len(warnings.messages) == 2
