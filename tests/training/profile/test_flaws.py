from __future__ import annotations

import pytest

from training.profile.flaws import is_cut_off, repeats_clause


@pytest.mark.parametrize(
    "text", ["I know that the", "We will win and", "Rain, rain,", "He said (", "It is -", 'She said "']
)
def test_a_text_that_must_go_on_is_cut_off(text: str) -> None:
    assert is_cut_off(text)


@pytest.mark.parametrize(
    "text",
    ["", "Good night.", "good night", "Who is it for", "Not my the. Yours!", '"Rain."', "Wait...", "Yes \U0001f600"],
)
def test_a_text_that_may_end_is_not(text: str) -> None:
    assert not is_cut_off(text)


@pytest.mark.parametrize(
    "text",
    [
        "The train is late. The train is late.",
        "We are here, they said, we are here",
        "the old man and the sea the old man and the",
    ],
)
def test_a_clause_or_run_that_comes_twice_is_found(text: str) -> None:
    assert repeats_clause(text)


@pytest.mark.parametrize(
    "text", ["", "No, no, no.", "The train is late. The train is never early.", "Thank you! Thank you!"]
)
def test_short_repetitions_are_a_way_of_speaking(text: str) -> None:
    assert not repeats_clause(text)
