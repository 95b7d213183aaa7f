from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.screen import form
from bot.text import length
from bot.text.length import weighted_length
from bot.values import Reason

CASES = Path(__file__).parents[2] / ".." / "shared" / "data" / "twitter-text" / "validate.yml"
# The first group has the weights of version 2; for a text that is in both, the second, with version 3, counts.
GROUPS = (
    "WeightedTweetsCounterTest",
    "WeightedTweetsWithDiscountedEmojiCounterTest",
    "UnicodeDirectionalMarkerCounterTest",
)
NONCHARACTERS = "\ufffe\uffff\ufeff"


def conformance_cases() -> list[Any]:
    if not CASES.exists():
        return [pytest.param(None, marks=pytest.mark.skip(reason="twitter-text's cases are not on this machine"))]
    groups = yaml.load(CASES.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)["tests"]
    by_text = {case["text"]: case for group in GROUPS for case in groups[group]}
    return [pytest.param(case, id=case["description"]) for case in by_text.values()]


@pytest.mark.parametrize("case", conformance_cases())
def test_the_length_is_the_same_as_on_x(case: dict[str, Any]) -> None:
    weighted = weighted_length(case["text"])

    assert weighted == case["expected"]["weightedLength"]
    assert weighted * 1000 // length.LIMIT == case["expected"]["permillage"]


@pytest.mark.parametrize("case", conformance_cases())
def test_a_text_that_is_invalid_on_x_is_refused(case: dict[str, Any]) -> None:
    noncharacter = form.control_character(case["text"]) if set(case["text"]) & set(NONCHARACTERS) else None

    assert (length.why_not(case["text"]) is None and noncharacter is None) == case["expected"]["valid"]


@pytest.mark.parametrize(
    ("text", "weight"),
    [
        ("", 0),
        ("plain", 5),
        ("e\u0301", 1),
        ("日本", 4),
        ("😀", 2),
        ("❤️", 2),
        ("👩🏽‍🚀", 2),
        ("🇪🇹", 2),
        ("🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f", 2),
        ("1️⃣", 2),
        ("©", 1),
        ("see example.com, friends", 4 + 23 + 9),
        ("https://example.com/" + "a" * 200, 23),
    ],
)
def test_letters_emoji_and_links_have_their_own_weights(text: str, weight: int) -> None:
    assert weighted_length(text) == weight


def test_the_limit_is_280() -> None:
    assert length.why_not("a" * 280) is None
    assert length.why_not("a" * 281) == Reason("too_long", "281 of 280")


@settings(deadline=None)  # a shared machine may pause
@given(st.text(), st.text())
def test_a_line_break_between_two_texts_counts_one(first: str, second: str) -> None:
    assert weighted_length(f"{first}\n{second}") == weighted_length(first) + 1 + weighted_length(second)
