from __future__ import annotations

import random

import pytest

from training.corpus import corpus
from training.judge import likeness
from training.judge.likeness import FEWEST, tokens, voice_likeness
from training.sources import recognise
from training.sources.sample import ARCHIVE

CAFE = [
    f"{greeting}!! {dish} {emoji} come by {when}!"
    for greeting in ("Good morning", "Yay", "Hello you")
    for dish in ("Fresh rolls are out", "Pies are back", "New cake today")
    for emoji, when in (("\U0001f950", "now"), ("\U0001f370", "until noon"))
]


@pytest.fixture(scope="module")
def train_and_newer() -> tuple[list[str], list[str]]:
    texts = corpus.build([recognise.read(ARCHIVE, "stationmynah")])
    return [text.text for text in texts.train], [text.text for text in texts.held_out]


def test_the_persons_own_newer_tweets_are_near_one(train_and_newer: tuple[list[str], list[str]]) -> None:
    train, newer = train_and_newer

    assert (voice_likeness(newer[::2], train, newer[1::2]) or 0) > 0.85


def test_other_people_are_near_zero(train_and_newer: tuple[list[str], list[str]]) -> None:
    assert voice_likeness(CAFE, *train_and_newer) == 0


def test_the_topic_does_not_matter(train_and_newer: tuple[list[str], list[str]]) -> None:
    train, newer = train_and_newer
    swapped = {"train": "horse", "platform": "orchards", "pigeon": "rabbit", "station": "village", "clock": "grass"}

    about_horses = [_swap(text, swapped) for text in newer]

    assert about_horses != newer
    assert voice_likeness(about_horses, train, newer) == pytest.approx(voice_likeness(newer, train, newer), abs=0.05)


@pytest.mark.parametrize("change", [str.upper, lambda text: text[: len(text) // 4], lambda text: text + "!!!"])
def test_another_way_of_writing_lowers_it(change: object, train_and_newer: tuple[list[str], list[str]]) -> None:
    assert callable(change)
    train, newer = train_and_newer

    changed = voice_likeness([change(text) for text in newer], train, newer)

    assert changed is not None
    assert changed < 0.8


def test_a_small_set_is_on_average_as_far_away_as_a_large_one(train_and_newer: tuple[list[str], list[str]]) -> None:
    train, newer = train_and_newer
    distance = likeness._Distance(likeness._style(train))
    style = likeness._style(CAFE)
    rng = random.Random(0)

    few = [distance.of(likeness._style(rng.sample(CAFE, 4))) for _ in range(100)]

    assert sum(few) / len(few) == pytest.approx(distance.of(style), rel=0.05)
    assert distance.of(likeness._style(newer)) < distance.of(style) / 4


def test_too_few_texts_have_none(train_and_newer: tuple[list[str], list[str]]) -> None:
    train, newer = train_and_newer

    assert voice_likeness(newer[: FEWEST - 1], train, newer) is None
    assert voice_likeness(newer, train, newer[: FEWEST - 1]) is None


def test_a_person_who_writes_quite_differently_now_has_none(train_and_newer: tuple[list[str], list[str]]) -> None:
    train, newer = train_and_newer

    assert voice_likeness(newer, train, CAFE) is None


def test_function_words_and_marks_stay_and_other_words_become_shapes() -> None:
    assert tokens("I can\u2019t see @rook's Platform 4... https://x.com/a #late \u2614 WHY?!") == [
        "Xx:i", "can't", "x1", "'", "x1", "Xx2", "0", ".", ".", ".", "#", "\U0001f600", "XX:why", "?", "!",
    ]  # fmt: skip


def _swap(text: str, words: dict[str, str]) -> str:
    for word, other in words.items():
        text = text.replace(word, other)
    return text


@pytest.mark.parametrize("text", ["½cup of tea", "1½oz", "〇〇さん", "Ⅱnd class"])
def test_numbers_of_other_kinds_are_numbers(text: str) -> None:
    assert "0" in list(map(likeness._token, tokens(text)))
