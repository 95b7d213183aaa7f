from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import Any

import pytest

from tests.training.reports import GOOD
from training.judge.gate import Gate, why_not

WORST = replace(
    GOOD,
    bits_per_character=1.98,
    copied=1.0,
    exact=1.0,
    unfinished=1.0,
    told_apart=1.0,
    distinct=(0.0, 0.0, 0.0),
    likeness=0.0,
)


@pytest.mark.parametrize(
    ("worse", "why"),
    [
        pytest.param({"bits_per_character": 1.96, "current_bits": None}, "no better than its base", id="base"),
        pytest.param(
            {"bits_per_character": 1.95, "current_bits": None}, "no better than its base", id="as good as base"
        ),
        pytest.param(
            {"bits_per_character": 1.56},
            "worse than the current model: 1.560 .*, the current model 1.520",
            id="current",
        ),
        pytest.param({"bits_per_character": math.nan}, "bits per character are nan, which is not a number", id="nan"),
        pytest.param({"copied": 0.1}, "It copies: 10.0% .* the author's own rate is 2.0%", id="copies"),
        pytest.param({"copied": 0.08, "copied_author": None}, "own rate is 0.0%", id="copies, author unknown"),
        pytest.param({"exact": 0.051}, "It quotes: 5.1%", id="quotes"),
        pytest.param({"unfinished": 0.21}, "It runs on: 21.0%", id="endless"),
        pytest.param({"distinct": (0.01, 0.02, 0.03)}, "It repeats itself: 0.03", id="stuck"),
        pytest.param(
            {"likeness": 0.04}, "It does not sound like the author: .* 0.04; .* 0.1 is the least", id="strange"
        ),
        pytest.param({"told_apart": 0.999}, "It babbles: .* 0.999; 0.99 is allowed", id="babble"),
    ],
)
def test_each_fault_is_one_sentence(worse: dict[str, Any], why: str) -> None:
    reasons = why_not(replace(GOOD, **worse), Gate())

    assert len(reasons) == 1
    assert re.search(why, reasons[0])


@pytest.mark.parametrize(
    "as_good",
    [
        pytest.param({}, id="good"),
        pytest.param({"current_bits": None}, id="the first"),
        pytest.param({"base_bits": None}, id="from nothing"),
        pytest.param({"bits_per_character": 1.55}, id="a little worse than the current one"),
        pytest.param({"copied": 0.25, "copied_author": 0.206}, id="its author repeats themselves"),
        pytest.param(
            {"bits_per_character": None, "copied_author": None, "told_apart": None, "likeness": None},
            id="nothing held out",
        ),
        pytest.param({"copied": 0.08, "samples": 4, "drafts": 32}, id="too few drafts to tell"),
        pytest.param({"overlong": 1.0, "length_distance": 200.0}, id="long, which the screen refuses"),
    ],
)
def test_what_is_good_enough_passes(as_good: dict[str, Any]) -> None:
    assert why_not(replace(GOOD, **as_good), Gate()) == []


def test_all_faults_are_named_together() -> None:
    bad = replace(WORST, bits_per_character=3.0)

    assert len(why_not(bad, Gate())) == 8


def test_a_gate_can_be_opened() -> None:
    open_wide = Gate(
        beat_base=False,
        bits_over_current=1,
        copied_over_author=1,
        exact_most=1,
        unfinished_most=1,
        distinct_least=0,
        told_apart_most=1,
        likeness_least=0,
    )

    assert why_not(WORST, open_wide) == []
