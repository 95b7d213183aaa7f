from __future__ import annotations

import math
from collections import Counter, defaultdict
from itertools import product
from typing import TYPE_CHECKING

import pytest

from training.judge import ngram_floor
from training.judge.ngram_floor import END, ORDER, SYMBOLS, Ngrams

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

TEXTS = ["the rain, the rain", "a pigeon on the roof ☔", "", "the roof"]


def by_hand(train: Sequence[str], text: str) -> float:
    """The same bits, computed symbol by symbol."""
    after: defaultdict[tuple[int, ...], Counter[int]] = defaultdict(Counter)
    for context, symbol in (pair for one in train for pair in pairs(one)):
        for shorter in range(ORDER):
            after[context[shorter:]][symbol] += 1
    bits = 0.0
    for context, symbol in pairs(text):
        likely = 1 / SYMBOLS
        for shorter in reversed(range(ORDER)):
            if counts := after.get(context[shorter:]):
                likely = (counts[symbol] + len(counts) * likely) / (counts.total() + len(counts))
        bits -= math.log2(likely)
    return bits


def pairs(text: str) -> Iterator[tuple[tuple[int, ...], int]]:
    symbols = [END] * (ORDER - 1) + [*text.encode(), END]
    for at in range(ORDER - 1, len(symbols)):
        yield tuple(symbols[at - ORDER + 1 : at]), symbols[at]


@pytest.mark.parametrize("text", ["the rain", "roof of the rain", "", "Ω≈ç", "zzzz", "☔☔"])
def test_its_bits_equal_a_calculation_by_hand(text: str) -> None:
    assert Ngrams(TEXTS).bits([text]) == pytest.approx(by_hand(TEXTS, text))


def test_the_probabilities_of_all_texts_add_up_to_one() -> None:
    model = Ngrams(["aab", "ab"])

    likely = 0.0
    for first in range(128):  # all texts of at most one byte, and what goes on after it
        goes_on = sum(2 ** -model.bits([chr(first) + chr(second)]) for second in range(128))
        likely += 2 ** -model.bits([chr(first)]) + goes_on

    assert 0.5 < likely < 1  # the rest is longer, or not ASCII


def test_it_predicts_what_it_was_trained_on_better() -> None:
    sentences = [f"The {who} waited at the {where}." for who, where in product("abcdef", ("kiosk", "gate", "pond"))]

    similar = ngram_floor.bits_per_character(sentences[:-3], sentences[-3:])
    different = ngram_floor.bits_per_character(sentences[:-3], ["Quixotic zebras vex my BFG!"])

    assert similar is not None
    assert different is not None
    assert 2 * similar < different


def test_without_texts_there_are_no_bits() -> None:
    assert ngram_floor.bits_per_character(["some"], []) is None
    assert ngram_floor.bits_per_character([], ["some"]) is None


def test_a_lone_surrogate_is_accepted() -> None:
    assert Ngrams(["\ud83d"]).bits(["\ud83d"]) > 0
