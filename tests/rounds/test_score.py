"""The score of a draft: what each part prefers, and that the sum chooses."""

from __future__ import annotations

import pytest

from bot.rounds.score import WEIGHTS, overlap, ranked, score, usual
from bot.values import Draft
from training.profile.discriminator import Discriminator, fit
from training.profile.memory_key import UNKEYED
from training.profile.person import Person
from training.profile.vocabulary import Vocabulary

QUANTILES = (-5.0, -4.0, -3.5, -3.0, -2.5)
WORDS = "the night train was late again and nobody minded good morning rain on glass roof"
BIRD = Person(
    lengths=(20, 40, 60, 80, 120),
    weakest=QUANTILES,
    stopped=0.95,
    vocabulary=Vocabulary(sorted({UNKEYED.word(word) for word in WORDS.split()})),
)
GOOD = "The night train was late again and nobody minded."
LONG = "the rain on glass, again rain on roof, late was morning, good was night, nobody was late, train was again good."


def parts(text: str, likelihood: float = -1.0, *last: str) -> dict[str, float]:
    return dict(score(Draft(text, likelihood=likelihood, weakest=likelihood), BIRD, last).parts)


def test_the_weights_are_shares() -> None:
    assert sum(WEIGHTS.values()) == pytest.approx(1)
    assert all(weight > 0 for weight in WEIGHTS.values())


def test_a_typical_text_has_the_full_score() -> None:
    result = score(Draft(GOOD, weakest=-1.0), BIRD)

    assert result.parts == dict.fromkeys(WEIGHTS, 1.0)
    assert result.total == pytest.approx(1)


def test_a_score_and_its_parts_are_between_zero_and_one() -> None:
    for text in ("", "x", "((((", "a a a a " * 90, "Ünbekannte Wörter überall"):
        for likelihood in (0.0, -1e9, float("-inf")):
            result = score(Draft(text, likelihood=likelihood, weakest=likelihood), BIRD, [GOOD, text])

            assert 0 <= result.total <= 1
            assert all(0 <= part <= 1 for part in result.parts.values())


@pytest.mark.parametrize(("weakest", "better"), [(-6.0, -4.5), (-4.5, -3.0), (-3.0, -2.5)])
def test_a_draft_with_an_unlikely_run_loses_points(weakest: float, better: float) -> None:
    assert parts(GOOD, weakest)["sense"] < parts(GOOD, better)["sense"]


@pytest.mark.parametrize(
    ("part", "sentence"),
    [
        pytest.param("words", "The night train was fimble again and nobody minded.", id="a non-word"),
        pytest.param("whole", "The night train was late again and nobody minded", id="no full stop"),
        pytest.param("whole", "The night train was late (again and nobody minded.", id="an open bracket"),
        pytest.param("whole", 'The night train "was late again and nobody minded.', id="an open quotation"),
        pytest.param("whole", "The night night train was late and nobody minded.", id="a word twice"),
        pytest.param("length", "Good morning.", id="shorter than the person"),
        pytest.param("length", f"{GOOD[:-1]} {LONG}", id="longer than the person"),
        pytest.param("whole", "Rain on the roof. The night train was late. Rain on the roof.", id="a clause twice"),
        pytest.param("whole", "The night train was late again and nobody minded,", id="cut off"),
    ],
)
def test_a_flaw_lowers_only_its_part_of_the_score(part: str, sentence: str) -> None:
    result = parts(sentence)

    assert result[part] < 1
    assert {name for name, value in result.items() if value < 1} == {part}


def test_each_further_non_word_costs_more() -> None:
    costs = [parts(f"The {'fimble floth ' * 2}{'tangor ' * n}train.")["words"] for n in range(3)]

    assert costs == sorted(costs, reverse=True)
    assert costs[0] > costs[2] > 0


def test_an_ending_that_the_person_often_uses_has_the_full_score() -> None:
    person = Person(stopped=0.6)

    assert [person.ends("so it is"), person.ends("so it is.")] == [1.0, 1.0]


def test_a_text_that_resembles_a_recent_post_is_less_fresh() -> None:
    other, similar = parts(GOOD, -3.5, "Something else altogether."), parts(GOOD, -3.5, "Rain.", GOOD)

    assert (other["fresh"], similar["fresh"]) == (1.0, 0.0)


def test_only_longer_words_make_texts_alike() -> None:
    assert overlap("I was on the roof", "He was in the hall") == 0
    assert overlap("the roof and the glass", "a GLASS door") == pytest.approx(1 / 2)


def test_without_a_profile_the_likeliest_draft_is_the_best() -> None:
    drafts = [Draft("One.", likelihood=-4.0), Draft("Two.", likelihood=-2.0), Draft("Three.", likelihood=-3.0)]

    for person in (None, Person()):
        assert [draft.text for draft, _ in ranked(drafts, person)] == ["Two.", "Three.", "One."]


def test_the_best_comes_first() -> None:
    drafts = [
        Draft("The fimble floth.", likelihood=-1.0),
        Draft(GOOD, likelihood=-3.2),
        Draft(GOOD[:-1], likelihood=-3.2),
    ]

    best = ranked(drafts, BIRD)

    assert [draft.text for draft, _ in best] == [GOOD, GOOD[:-1], "The fimble floth."]
    assert [result.total for _, result in best] == sorted((result.total for _, result in best), reverse=True)


@pytest.mark.parametrize("quantiles", [(3.0, 3.0, 3.0, 3.0, 3.0), (1.0, 1.0, 2.0, 2.0, 2.0)], ids=["one", "two"])
def test_equal_quantiles_are_handled(quantiles: tuple[float, ...]) -> None:
    assert usual(quantiles[2], quantiles) == 1
    assert usual(0.0, quantiles) == usual(9.0, quantiles) == 0


def test_the_outer_quantiles_have_half_the_score() -> None:
    assert [usual(value, QUANTILES) for value in (-5.0, -2.5)] == [0.5, 0.5]
    assert [usual(value, QUANTILES) for value in (-4.0, -3.0)] == [1.0, 1.0]


def test_the_length_whose_turn_it_is_has_the_full_score() -> None:
    short, long = Draft("The night train."), Draft(f"{GOOD[:-1]} {LONG}")

    first = [score(draft, BIRD, (), 0.05).parts["length"] for draft in (short, long)]
    second = [score(draft, BIRD, (), 0.95).parts["length"] for draft in (short, long)]

    assert (first[0] > 0.8, first[1] < 0.2) == (True, True)
    assert (second[0] < 0.2, second[1] > 0.8) == (True, True)


def test_a_draft_that_the_discriminator_takes_for_the_persons_scores_higher() -> None:
    tweets = [f"Platform {number} is asleep. Do not wake it." for number in range(60)]
    drafts = [f"i guess day {number} is ok lol" for number in range(60)]
    person = Person(discriminator=Discriminator.from_bytes(fit(tweets, drafts) or b""))

    scores = [
        score(Draft(text), person).parts["person"] for text in ("Line 9 is asleep. Do not wake it.", "ok i guess")
    ]

    assert scores[0] > 0.9
    assert scores[1] < 0.1
