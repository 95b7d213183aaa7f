from __future__ import annotations

from collections import Counter
from itertools import groupby, islice
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.learn.mixing import passes

if TYPE_CHECKING:
    from collections.abc import Sequence


def take_passes(
    count: int, lengths: Sequence[int], authors: Sequence[str], weights: Sequence[float] | None = None, *, seed: int = 0
) -> list[list[int]]:
    return list(islice(passes(lengths, authors, weights or [1.0] * len(lengths), seed=seed), count))


def test_of_one_author_each_pass_is_every_text_once_in_a_new_order() -> None:
    first, second = take_passes(2, [5] * 50, ["magpie"] * 50)

    assert sorted(first) == sorted(second) == list(range(50))
    assert first != second


def test_the_same_seed_gives_the_same_passes_and_another_one_others() -> None:
    lengths, authors = list(range(1, 41)), ["magpie"] * 30 + ["rook"] * 10

    assert take_passes(3, lengths, authors, seed=4) == take_passes(3, lengths, authors, seed=4)
    assert take_passes(3, lengths, authors, seed=4) != take_passes(3, lengths, authors, seed=5)


def test_no_text_of_a_small_author_comes_more_often_than_another() -> None:
    """Of 1,000 and 300 tweets the reference shows 200 of the 300 twelve times and 100 sixteen times."""
    authors = ["magpie"] * 1000 + ["rook"] * 300

    counts = Counter(number for order in take_passes(4, [20] * 1300, authors) for number in order)

    assert {counts[number] for number in range(1000)} == {4}
    assert {counts[number] for number in range(1000, 1300)} == {13, 14}
    assert counts.total() == 8000


def test_authors_are_balanced_by_tokens_not_by_texts() -> None:
    lengths = [10] * 400 + [40] * 60 + [25] * 20
    authors = ["magpie"] * 400 + ["rook"] * 60 + ["jay"] * 20

    tokens = Counter[str]()
    for number in (number for order in take_passes(5, lengths, authors) for number in order):
        tokens[authors[number]] += lengths[number]

    assert tokens["magpie"] == 5 * 4000
    assert all(abs(tokens[author] - tokens["magpie"]) <= 40 for author in ("rook", "jay"))


def test_authors_mix_text_by_text() -> None:
    authors = ["magpie"] * 300 + ["rook"] * 100

    [order] = take_passes(1, [20] * 400, authors)

    runs = [len(list(run)) for _, run in groupby(authors[number] for number in order)]
    assert max(runs) == 1


def test_a_text_of_half_the_weight_is_in_about_half_the_passes() -> None:
    weights = [1.0] * 50 + [0.5] * 50

    counts = Counter(number for order in take_passes(400, [20] * 100, ["magpie"] * 100, weights) for number in order)

    assert {counts[number] for number in range(50)} == {400}
    assert all(150 < counts[number] < 250 for number in range(50, 100))


def test_hardly_any_weight_still_makes_a_pass() -> None:
    assert take_passes(2, [5, 5], ["magpie", "magpie"], [1e-12, 1e-9]) == [[1], [1]]


def test_no_training_texts_are_an_error_at_once() -> None:
    with pytest.raises(ValueError, match="no texts to train on"):
        next(passes([], [], [], seed=0))


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.integers(1, 60), st.sampled_from(["magpie", "rook", "jay"]), st.floats(0.2, 1.0)),
        min_size=1,
        max_size=40,
    ),
    st.integers(0, 5),
)
def test_authors_never_drift_apart_by_more_than_their_longest_text(
    texts: list[tuple[int, str, float]], seed: int
) -> None:
    lengths, authors, weights = map(list, zip(*texts, strict=True))

    tokens = dict.fromkeys(authors, 0)
    for order in take_passes(3, lengths, authors, weights, seed=seed):
        assert order
        for number in order:
            tokens[authors[number]] += lengths[number]
            assert max(tokens.values()) - min(tokens.values()) <= 60
