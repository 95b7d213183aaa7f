from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.screen import form
from training.rules import mynah
from training.rules.verdict import Verdict
from training.sources.tweets import Tweet


def judge(text: str) -> Verdict:
    return mynah.judge(Tweet("1", "magpie", text), newlines=False, replies=True)


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("There are still tickets at https://t.co/abc", "There are still tickets"),
        ("All of it is here, or at https://t.co/abc", "All of it is here"),
        ("It is late again. I saw the https://t.co/abc", "It is late again."),
        ("It is late again. I saw a rook,", "It is late again."),
        ("It is late again. I saw a rook -", "It is late again."),
        ("It is late again. But...", "It is late again."),
        ("...and so it goes. It is late again.", "It is late again."),
        ("…It is late again.", "It is late again."),
        ("(1/4) It is late again.", "It is late again."),
        ("It is late again. 1/4", "It is late again."),
        ("It is late again [2/4]", "It is late again"),
        ("What are you looking at", "What are you looking at"),
        ("It rained so much again :(", "It rained so much again :("),
        ("It rained so much again =-(", "It rained so much again =-("),
        ("I ate 3/4 of the crumbs on 7/7", "I ate 3/4 of the crumbs on 7/7"),
        ("I like it so much...", "I like it so much..."),
    ],
)
def test_only_whole_sentences_are_kept(text: str, whole: str) -> None:
    assert judge(text) == Verdict(whole)


@pytest.mark.parametrize("text", ["I saw a rook and", "I saw a rook,", "...and then he flew away", "I saw a rook ("])
def test_a_text_without_a_whole_sentence_is_a_fragment(text: str) -> None:
    assert judge(text).rule == "fragment"


PIECES = st.sampled_from(["Caw.", "caw", "the", "and", ",", ":", "(", "-", "…", "1/4", "(2/4)", "https://t.co/a", "&"])


@given(st.lists(PIECES, max_size=12).map(" ".join))
def test_no_kept_text_ends_as_the_screen_calls_unfinished(text: str) -> None:
    verdict = judge(text)

    assert verdict.rule or form.unfinished(verdict.text) is None
