from __future__ import annotations

from bot.screen import copies
from bot.values import Reason


def copied(text: str) -> str:
    return "the whole of a tweet" if text == " A  Crumb " else ""


def test_a_copy_of_a_training_tweet_is_refused_and_told_what_it_copies() -> None:
    assert copies.why_not(" A  Crumb ", copied) == Reason("copied", "the whole of a tweet")


def test_the_voice_gets_the_text_as_it_is() -> None:
    assert copies.why_not("a crumb", copied) is None


def test_a_text_that_is_not_in_the_persons_language_is_refused() -> None:
    assert copies.foreign("Bonjour", lambda text: f"not {text}") == Reason("language", "not Bonjour")
    assert copies.foreign("Hello", lambda _: "") is None
