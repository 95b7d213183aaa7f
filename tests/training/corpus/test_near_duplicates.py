from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.corpus.near_duplicates import NEAR, NearDuplicateIndex, pairs

TEXT = "Please keep your luggage with you at all times and leave your sandwiches on the bench with me"


HAPPY = "Happy Easter to all of you and to everyone out there"


def relation(first: str, second: str) -> str:
    """How the second one is found, with the first one in the index."""
    index = NearDuplicateIndex([first, second])
    index.add(0)
    return "same" if index.find_duplicate(1) == 0 else "near" if index.find_near_duplicate(1) == 0 else "other"


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (TEXT, TEXT, "same"),
        (TEXT, f"  {TEXT.upper()}!!", "same"),
        (TEXT, TEXT.replace("luggage", "baggage"), "near"),
        (TEXT, TEXT.replace("luggage", "luggage, hats"), "near"),
        (TEXT, TEXT.replace(" and", ", and").replace("luggage", "“luggage”"), "near"),
        (TEXT, f"{TEXT} #station @rook", "near"),
        (TEXT, " ".join(reversed(TEXT.split())), "other"),
        (TEXT, "Please keep your luggage with you at all times, the swan has been informed of its rights", "other"),
        ("駅の時計はいつも三分遅れている", "駅の時計はいつも三分遅れているよ", "near"),
        ("駅の時計はいつも三分遅れている", "今日の昼ごはんはいつもより少ない", "other"),
        ("so much fun", "so much rain", "other"),
        ("so much fun", "so, much: fun", "near"),
        (HAPPY, HAPPY.replace("Easter", "4/20"), "other"),
        (HAPPY, HAPPY.replace("Easter", "Christmas"), "other"),
        (HAPPY, HAPPY.replace("there", "here"), "near"),
        (f"{HAPPY} 2020", f"{HAPPY} 2021", "other"),
        (HAPPY.upper(), HAPPY.upper().replace("THERE", "HERE"), "near"),
        (f"{HAPPY} @rook", f"{HAPPY} @Magpie3", "near"),
        (f"{TEXT}. Today", f"{TEXT}. Tonight", "near"),
    ],
)
def test_two_texts_are_the_same_near_duplicates_or_different(first: str, second: str, expected: str) -> None:
    assert relation(first, second) == expected


def test_only_an_added_text_is_found() -> None:
    index = NearDuplicateIndex([TEXT, TEXT, f"{TEXT} too"])

    before = (index.find_duplicate(1), index.find_near_duplicate(2))
    index.add(0)

    assert before == (None, None)
    assert (index.find_duplicate(1), index.find_near_duplicate(2)) == (0, 0)


WORDS = st.lists(st.sampled_from(["caw", "crumb", "of", "the", "and", "wire", "train", "late", "駅", "時"]), max_size=9)


@given(st.lists(WORDS.map(" ".join), min_size=2, max_size=12))
def test_the_index_finds_just_what_comparing_all_with_all_finds(texts: list[str]) -> None:
    index = NearDuplicateIndex(texts)
    *others, last = range(len(texts))
    for number in others:
        index.add(number)

    near = {number for number in others if _overlap(texts[number], texts[last]) >= NEAR}
    one = index.find_near_duplicate(last)
    assert one in near if near else one is None


def _overlap(one: str, other: str) -> float:
    some, more = set(pairs(one)), set(pairs(other))
    return 100 * len(some & more) / len(some | more)
