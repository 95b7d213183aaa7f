from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.text.normalise import normalise


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Good morning", "good morning"),
        ("good morning", " good\n\nmorning "),
        ("good morning", "good morning!!! 🐦"),
        ("good morning", "\uff47\uff4f\uff4f\uff44 morning"),
        ("caf\u00e9", "cafe\u0301"),
        ("STRASSE", "straße"),
        ("👍🏽", "👍🏽"),
    ],
    ids=ascii,
)
def test_texts_that_read_the_same_have_the_same_form(first: str, second: str) -> None:
    assert normalise(first) == normalise(second)


@pytest.mark.parametrize(
    ("first", "second"),
    [("good morning", "good mornings"), ("👍", "👎"), ("cafe", "café"), ("one. two", "one two"), ("हि", "हु")],
    ids=ascii,
)
def test_texts_that_differ_keep_different_forms(first: str, second: str) -> None:
    assert normalise(first) != normalise(second)


@settings(deadline=None)  # a shared machine may pause
@given(st.text())
def test_normalising_twice_changes_nothing(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)
