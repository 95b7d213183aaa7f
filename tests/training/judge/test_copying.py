from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from training.judge.copying import share_exact, share_with_run, words
from training.profile import memory

if TYPE_CHECKING:
    from pathlib import Path

TRAIN = (
    "The night train was late again and nobody minded, not even the pigeons.",
    "Good morning to everyone.",
    "I said it once: we are sorry to announce it https://t.co/abc the whole announcement.",
)


@pytest.mark.parametrize(
    ("text", "is_copy"),
    [
        pytest.param("the NIGHT train — was late: again and nobody cared", True, id="eight words in another dress"),
        pytest.param("The night train was late again and somebody cared", False, id="seven words"),
        pytest.param(
            "The night train was late again, said a pigeon, and nobody minded", False, id="with an interruption"
        ),
        pytest.param("we are sorry to announce it the whole announcement", True, id="across a link"),
        pytest.param("we are sorry to announce it www.example.org/x the show", False, id="a link is no word"),
        pytest.param("Good morning to everyone.", False, id="a whole tweet that is short"),
        pytest.param("again and nobody minded, not even the pigeons. I", True, id="at the end"),
        pytest.param("", False, id="nothing"),
    ],
)
def test_eight_words_in_a_row_are_a_copy(text: str, is_copy: bool) -> None:
    assert share_with_run([text], TRAIN) == is_copy


@pytest.mark.parametrize(
    ("train", "text", "is_copy"),
    [
        pytest.param(
            "今日は駅で大きな鳩に道を聞かれた", "昨日、今日は駅で大きな鳩に道を聞かれたと", True, id="all of it"
        ),
        pytest.param("今日は駅で大きな鳩に道を聞かれた", "今日は駅で大きな鳩に空を聞かれた", False, id="a letter else"),
        pytest.param("ความลับของนกพิราบที่สถานีรถไฟในเมือง", "นี่คือความลับของนกพิราบที่สถานีรถไฟในเมือง", True, id="Thai"),
        pytest.param("ความลับของนกพิราบที่สถานีรถไฟในเมือง", "ความลับของนกพิราบที่บ้าน", False, id="half of it"),
    ],
)
def test_scripts_without_spaces_are_counted_by_letters_as_the_screen_does(
    train: str, text: str, *, is_copy: bool, tmp_path: Path
) -> None:
    assert share_with_run([text], [train]) == is_copy

    (tmp_path / memory.FILE).write_bytes(memory.memorise([train]))
    assert ("in a row" in memory.Memory.open(tmp_path).why_copied(text)) is is_copy


def test_a_persons_habits_are_copies_here_but_not_in_the_screen(tmp_path: Path) -> None:
    slogan = "we are sorry to announce it and all the rest"
    train = [f"{slogan} {rest}" for rest in ("of the night train", "about pigeons", "says my aunt on platform four")]
    (tmp_path / memory.FILE).write_bytes(memory.memorise(train))
    text = f"A heron said: {slogan}, my dear!"

    assert memory.Memory.open(tmp_path).why_copied(text) == ""
    assert share_with_run([text], train) == 1


def test_a_run_counts_once_for_each_text_that_holds_it() -> None:
    assert share_with_run([TRAIN[0], "Something else altogether.", TRAIN[0].upper(), ""], TRAIN) == 0.5


def test_a_run_across_two_training_tweets_does_not_count() -> None:
    assert (
        share_with_run(["one two three four five six seven eight"], ["one two three four", "five six seven eight"]) == 0
    )


@pytest.mark.parametrize(
    ("text", "exact"),
    [("good  morning to everyone", 1), ("GOOD MORNING TO EVERYONE!!", 1), ("Good morning to everyone here.", 0)],
)
def test_a_repeated_tweet_is_exact_up_to_case_spaces_and_surrounding_text(text: str, exact: float) -> None:
    assert share_exact([text], TRAIN) == exact


def test_the_share_of_no_texts_is_zero() -> None:
    assert share_with_run([], TRAIN) == share_exact([], TRAIN) == share_exact(["x"], []) == 0


def test_words_keep_their_apostrophes_and_scripts() -> None:
    assert words("It's café-time — 7.42! \uff48\uff49 日本") == ["it's", "café", "time", "7", "42", "hi", "日本"]
