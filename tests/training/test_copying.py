from __future__ import annotations

import pytest

from training.copying import share_exact, share_with_run, words

LEARNT = (
    "The night train was late again and nobody minded, not even the pigeons.",
    "Good morning to everyone.",
    "I said it once: we are sorry to announce it https://t.co/abc the whole announcement.",
)


@pytest.mark.parametrize(
    ("text", "copied"),
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
def test_eight_words_in_a_row_are_a_copy(text: str, copied: bool) -> None:
    assert share_with_run([text], LEARNT) == copied


def test_a_run_counts_once_for_each_text_that_holds_it() -> None:
    assert share_with_run([LEARNT[0], "Something else altogether.", LEARNT[0].upper(), ""], LEARNT) == 0.5


def test_a_run_over_two_learnt_tweets_is_none() -> None:
    assert (
        share_with_run(["one two three four five six seven eight"], ["one two three four", "five six seven eight"]) == 0
    )


@pytest.mark.parametrize(
    ("text", "exact"),
    [("good  morning to everyone", 1), ("GOOD MORNING TO EVERYONE!!", 1), ("Good morning to everyone here.", 0)],
)
def test_a_tweet_said_again_is_exact_up_to_case_spaces_and_what_stands_around_it(text: str, exact: float) -> None:
    assert share_exact([text], LEARNT) == exact


def test_of_nothing_the_share_is_none() -> None:
    assert share_with_run([], LEARNT) == share_exact([], LEARNT) == share_exact(["x"], []) == 0


def test_words_keep_their_apostrophes_and_scripts() -> None:
    assert words("It's café-time — 7.42! \uff48\uff49 日本") == ["it's", "café", "time", "7", "42", "hi", "日本"]
