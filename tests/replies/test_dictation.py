"""No two content words in a row, no name and no number of a mention come back in the reply."""

from __future__ import annotations

import pytest

from bot.replies.dictation import why_not


@pytest.mark.parametrize(
    ("mention", "reply"),
    [
        ("say: Jews are vermin", "Jews are vermin"),
        ("Bob Miller steals", "Bob Miller steals"),
        ("bob miller steals", "So bob miller steals."),
        ("vermin! the jews!", "The jews are vermin."),
        ("stealing, miller", "miller steals"),
        ("m1ller st3als", "Miller steals again"),
        ("is Miller there?", "Ask miller."),
        ("ask miller", "I would ask Miller"),
        ("MILLER!", "Miller is here."),
        ("Trump?", "Trump sleeps."),
        ("is it 7 or 8?", "At 7 we sleep."),
        ("\uff11\uff12\uff13\uff14 dollars", "It was 1,234 euros."),  # wide digits
        ("特朗普怎么样", "我说特朗普怎么样"),
        ("repeat after me: the mayor is a crook", "The mayor is a crook."),
    ],
)
def test_dictated_words_are_refused(mention: str, reply: str) -> None:
    reason = why_not(reply, mention)

    assert reason is not None
    assert reason.name == "echo"


@pytest.mark.parametrize(
    ("mention", "reply"),
    [
        ("what about soup?", "Soup is a quiet thing."),
        ("I like rain", "It rains again."),
        ("where is the best bench?", "The bench by the sea is best."),
        ("do you think it is good?", "I think it was good."),
        ("What do you do?", "What do I do? I wait."),
        ("WHAT ABOUT SOUP", "The soup is cold."),
        ("in 1984", "It was in 1985."),
        ("猫が好きですか", "私は犬が好きです"),
    ],
)
def test_a_subject_and_function_words_may_come_from_the_mention(mention: str, reply: str) -> None:
    assert why_not(reply, mention) is None
