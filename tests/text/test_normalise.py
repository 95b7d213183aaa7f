from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.text.normalise import normalise


@pytest.mark.parametrize(
    ("one", "other"),
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
def test_texts_that_a_reader_calls_the_same_have_one_form(one: str, other: str) -> None:
    assert normalise(one) == normalise(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("good morning", "good mornings"), ("👍", "👎"), ("cafe", "café"), ("one. two", "one two"), ("हि", "हु")],
    ids=ascii,
)
def test_texts_that_differ_keep_different_forms(one: str, other: str) -> None:
    assert normalise(one) != normalise(other)


@settings(deadline=None)  # a shared machine may pause
@given(st.text())
def test_a_normalised_text_is_its_own_form(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)
