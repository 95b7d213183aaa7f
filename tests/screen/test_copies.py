from __future__ import annotations

from bot.screen import copies
from bot.tweets import Reason


def test_a_copy_of_a_training_tweet_is_refused() -> None:
    trained_on = {"A warm crumb on platform four."}

    assert copies.why_not("A warm crumb on platform four.", trained_on.__contains__) == Reason("copied")
    assert copies.why_not("A cold crumb on platform four.", trained_on.__contains__) is None


def test_the_voice_gets_the_text_as_it_is() -> None:
    trained_on = {" A  Crumb "}

    assert copies.why_not(" A  Crumb ", trained_on.__contains__) == Reason("copied")
    assert copies.why_not("a crumb", trained_on.__contains__) is None
