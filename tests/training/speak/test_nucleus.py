"""Compared with a choice that sorts the whole vocabulary, and with the probabilities of the softmax."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.speak.nucleus import choose, log_likelihood


def softmax(row: Any, temperature: float = 1.0) -> Any:
    mass = np.exp((row.astype(np.float64) - row.max()) / temperature)
    return mass / mass.sum()


def nucleus(row: Any, temperature: float, top_p: float) -> set[int]:
    """By sorting all of it: the likeliest tokens, until together they have `top_p`."""
    mass = softmax(row, temperature)
    order = np.argsort(-mass, kind="stable")
    before = mass[order].cumsum() - mass[order]
    return set(order[before < top_p - 1e-6].tolist())


# Of two that are alike to the last digit single precision may take either first; these are a 64th apart at least.
logits = st.lists(st.integers(-1920, 1920).map(lambda number: number / 64), min_size=2, max_size=40, unique=True)


@given(logits, st.floats(0.05, 0.99), st.floats(0.3, 2.0), st.floats(1e-9, 1.0))
def test_nothing_outside_the_nucleus_is_chosen(
    row: list[float], top_p: float, temperature: float, uniform: float
) -> None:
    logits_of_rows = np.asarray([row], np.float32)

    ((token, gain),) = choose(logits_of_rows.copy(), temperature, top_p, [lambda: uniform])

    likely = softmax(logits_of_rows[0], temperature)
    # single precision may see one more token than double does, where the mass is reached to the last digits
    assert token in nucleus(logits_of_rows[0], temperature, top_p + 1e-5)
    assert gain == pytest.approx(np.log(softmax(logits_of_rows[0])[token]), abs=1e-4)
    assert likely[token] > 0


@pytest.mark.parametrize("top_p", [0.5, 0.9, 1.0])
@pytest.mark.parametrize("temperature", [0.7, 1.0, 1.5])
def test_tokens_come_as_often_as_they_are_likely(top_p: float, temperature: float) -> None:
    row = np.asarray([2.0, 1.5, 1.0, 0.0, -1.0, -3.0], np.float32)
    draws = 40_000
    uniforms = [lambda at=at: (at + 1) / draws for at in range(draws)]

    choices = choose(np.repeat(row[None], draws, 0), temperature, top_p, uniforms)

    inside = nucleus(row, temperature, top_p)
    likely = softmax(row, temperature)
    whole = sum(likely[token] for token in inside)
    counts = Counter(token for token, _ in choices)
    assert set(counts) == inside
    assert all(counts[token] == pytest.approx(draws * likely[token] / whole, abs=2) for token in inside)


def test_a_flat_row_of_many_tokens_is_searched_to_its_end() -> None:
    row = np.zeros((1, 50_257), np.float32)

    ((last, gain),) = choose(row, 1.0, 0.999_999, [lambda: 1.0])

    assert last == 50_256
    assert gain == pytest.approx(-np.log(50_257), rel=1e-5)


def test_a_row_that_is_sure_of_one_token_gives_it_for_any_draw() -> None:
    row = np.full((1, 1000), -100.0, np.float32)
    row[0, 7] = 100.0

    tokens = {choose(row.copy(), 1.0, 0.95, [lambda uniform=uniform: uniform])[0][0] for uniform in (1e-12, 0.5, 1.0)}

    assert tokens == {7}


def test_no_temperature_takes_the_likeliest_and_draws_nothing() -> None:
    def no_draw() -> float:
        raise AssertionError

    choices = choose(np.asarray([[0.0, 3.0, 1.0], [5.0, 3.0, 1.0]], np.float32), 0.0, 0.5, [no_draw, no_draw])

    assert [token for token, _ in choices] == [1, 0]


def test_likelihoods_are_summed_over_the_rows() -> None:
    logits_of_rows = np.asarray([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]], np.float32)

    assert log_likelihood(logits_of_rows, [2, 1]) == pytest.approx(np.log(softmax(logits_of_rows[0])[2]) - np.log(3))
