from __future__ import annotations

import random
from itertools import product

import pytest

from training.judge.similarity import BINS, FEWEST, count_words, detector_auc, distinct, histogram, length_distance

GUESTS = ("A pigeon", "The brass band", "My aunt", "One small dog", "The night porter", "A choir of nuns")
DEEDS = ("waited at", "sang beside", "asked the way to", "fell asleep near", "complained about")
LOCATIONS = ("platform four", "the ticket office", "the tunnel", "the clock", "the kiosk", "the left luggage")
TEXTS = random.Random(0).sample(
    [f"{who} {did} {where} today." for who, did, where in product(GUESTS, DEEDS, LOCATIONS)], 180
)


def test_the_detector_cannot_separate_a_person_from_herself() -> None:
    auc = detector_auc(TEXTS[::2], TEXTS[1::2], seed=0)

    assert auc == pytest.approx(0.5, abs=0.15)


@pytest.mark.parametrize(
    "babble",
    [
        pytest.param(lambda text, chance: "".join(chance.sample(text, len(text))), id="shuffled letters"),
        pytest.param(lambda text, _: text.upper(), id="shouted"),
        pytest.param(lambda _, chance: "".join(chr(chance.randrange(33, 127)) for _ in range(40)), id="noise"),
        pytest.param(lambda *_: "", id="silence"),
    ],
)
def test_the_detector_recognises_babble(babble) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    chance = random.Random(0)

    assert detector_auc([babble(text, chance) for text in TEXTS[::2]], TEXTS[1::2], seed=0) == pytest.approx(
        1, abs=0.01
    )


def test_the_detector_ignores_links_and_handles() -> None:
    marked = [f"@someone {text} https://t.co/{number}" for number, text in enumerate(TEXTS[::2])]

    assert detector_auc(marked, TEXTS[1::2], seed=0) == detector_auc(TEXTS[::2], TEXTS[1::2], seed=0)


def test_the_detector_is_deterministic_for_unequal_numbers_of_texts() -> None:
    few, many = TEXTS[:30], TEXTS[30:]

    first, again, other = (detector_auc(few, many, seed=seed) for seed in (1, 1, 2))

    assert first == again != other


def test_too_few_texts_have_no_auc() -> None:
    assert detector_auc(TEXTS[: FEWEST - 1], TEXTS, seed=0) is None
    assert detector_auc([], [], seed=0) is None


def test_the_last_bin_has_all_longer_texts() -> None:
    counts = histogram([0, 19, 20, 279, 280, 9_999])

    assert counts == (2, 1, *[0] * 11, 1, 2)
    assert len(counts) == BINS


@pytest.mark.parametrize(
    ("some", "others", "apart"),
    [
        pytest.param([10, 20, 30], [30, 10, 20], 0, id="the same in another order"),
        pytest.param([10, 20, 30], [15, 25, 35], 5, id="all longer by five"),
        pytest.param([10, 10], [110], 100, id="of different number"),
        pytest.param([], [5], 0, id="nothing"),
    ],
)
def test_the_distance_of_lengths_is_the_mean_shift_between_them(
    some: list[int], others: list[int], apart: float
) -> None:
    assert length_distance(some, others) == length_distance(others, some) == pytest.approx(apart)


def test_repetition_makes_texts_less_distinct() -> None:
    texts = ["the rain fell on the roof", "the rain fell on the roof", "the rain fell on a tin"]

    assert count_words(texts) == 18
    assert distinct(texts, 18) == (7 / 18, 7 / 15, 6 / 12)
    assert distinct(texts, 6) == (5 / 6, 1, 1)
    assert distinct([], 10) == (0, 0, 0)
