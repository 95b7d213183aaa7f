from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from training.corpus.normalise import normalise
from training.errors import ModelError
from training.profile.memory import FILE, MAGIC, Memory, memorise
from training.profile.memory_key import UNKEYED

if TYPE_CHECKING:
    from pathlib import Path

TWEETS = ("The night train was late again.", "Ⓒrumbs!", "?!", "straße")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "memory.bin"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("The night train was late again.", id="the same"),
        pytest.param("the NIGHT train was late again", id="case and end"),
        pytest.param(' "The  night\ntrain was late again!!" ', id="spaces and quotes"),
        pytest.param("The night train was late again\u200b", id="invisible end"),
        pytest.param("\uff54he night train was late again", id="wide letter"),
        pytest.param("STRASSE", id="sharp s"),
        pytest.param("crumbs", id="circled letter"),
        pytest.param("?!", id="only punctuation"),
    ],
)
def test_a_whole_tweet_is_recognised_in_any_case_and_punctuation(path: Path, text: str) -> None:
    path.write_bytes(memorise(TWEETS))

    assert Memory.open(path.parent).said(text)


@pytest.mark.parametrize("text", ["The night train was late", "again", "...", ""])
def test_another_text_is_not_a_copy(path: Path, text: str) -> None:
    path.write_bytes(memorise(TWEETS))

    assert not Memory.open(path.parent).said(text)


def test_a_repeated_tweet_is_kept_once(path: Path) -> None:
    path.write_bytes(memorise(["Hello.", "hello", "bye"]))

    assert len(Memory.open(path.parent)) == 2


def test_a_model_without_tweets_remembers_nothing(path: Path) -> None:
    path.write_bytes(memorise([]))

    assert not Memory.open(path.parent).said("anything")


def test_every_one_of_many_tweets_is_found_again(path: Path) -> None:
    tweets = [f"Train number {number} has left." for number in range(2_000)]
    path.write_bytes(memorise(tweets))

    memory = Memory.open(path.parent)

    assert [tweet for tweet in tweets if not memory.said(tweet)] == []


def test_the_file_holds_no_text(path: Path) -> None:
    path.write_bytes(memorise(TWEETS))

    assert b"train" not in path.read_bytes()


def test_a_section_that_this_program_does_not_know_is_ignored(path: Path) -> None:
    offset = 16 + 2 * 24
    path.write_bytes(
        struct.pack("<8sII", MAGIC, 1, 2)
        + struct.pack("<8sQQ", b"openers", offset, 1)
        + struct.pack("<8sQQ", b"tweets", offset + 8, 1)
        + struct.pack("<QQ", 7, UNKEYED.tweet("hello"))
    )

    assert Memory.open(path.parent).said("Hello!")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"MYN", id="cut in its first word"),
        pytest.param(bytes(64), id="all zero"),
        pytest.param(memorise(TWEETS)[:20], id="cut in the table"),
        pytest.param(memorise(TWEETS)[:-3], id="cut in the hashes"),
        pytest.param(MAGIC + struct.pack("<II", 2, 0), id="a newer version"),
        pytest.param(MAGIC + struct.pack("<II", 1, 0), id="without tweets"),
    ],
)
def test_a_damaged_memory_is_refused_in_one_sentence(path: Path, content: bytes) -> None:
    path.write_bytes(content)

    with pytest.raises(ModelError, match=r"memory\.bin is not a readable memory"):
        Memory.open(path.parent)


def test_a_missing_memory_is_refused(path: Path) -> None:
    with pytest.raises(ModelError, match=r"memory\.bin"):
        Memory.open(path.parent)


def test_normalising_twice_changes_nothing() -> None:
    once = normalise("  ﬁne, ϓΪ! Ünïcode…")

    assert normalise(once) == once


def test_the_tweets_of_another_memory_are_kept_too(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(memorise(["good morning", "good night"]))
    earlier = Memory.open(tmp_path)
    (tmp_path / "again").mkdir()

    (tmp_path / "again" / FILE).write_bytes(memorise(["good night", "goodbye"], also=earlier))

    both = Memory.open(tmp_path / "again")
    assert len(both) == 3
    assert all(map(both.said, ["good morning", "good night", "goodbye"]))


LONG = "We left the violin on the night train and the conductor played it all the way to the sea."
SHORT = "Nobody carries two umbrellas for fun, except my aunt."
TEN = "The ticket office closes at noon and opens at one."


def remembering(path: Path, *tweets: str, also: Memory | None = None) -> Memory:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(memorise(tweets, also=also))
    return Memory.open(path.parent)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param(LONG.upper(), "the whole of a tweet", id="all of it"),
        pytest.param("Oh, the violin on the night train and the rest", "8 words in a row", id="eight words"),
        pytest.param("oh THE Violin, on the... night train: and the!", "8 words in a row", id="dressed up"),
        pytest.param("the violin on the night train and a goose", "", id="seven words"),
        pytest.param("I think nobody carries two umbrellas for fun", "6 of the 9 words", id="half of a short one"),
        pytest.param("The ticket office closes at ten", "", id="five words, half of a shorter one"),
        pytest.param(
            "We left the violin on the ferry, and a sailor played it all the way to the shore",
            "13 of the 19 words",
            id="half of it in two pieces",
        ),
        pytest.param("A conductor left the train at night", "", id="its words in another order"),
    ],
)
def test_eight_words_in_a_row_or_half_a_tweet_are_a_copy(path: Path, text: str, why: str) -> None:
    memory = remembering(path, LONG, SHORT, TEN)

    reason = memory.why_copied(text)

    assert reason.startswith(why)
    assert bool(reason) == bool(why)


def test_parts_of_two_tweets_are_not_added_up(path: Path) -> None:
    memory = remembering(path, LONG, "Nobody minds the rain when the platform has a roof of glass and a choir.")

    assert memory.why_copied("We left the violin on the grass, when the platform has a roof for once") == ""


def test_scripts_without_spaces_are_compared_by_letters(path: Path) -> None:
    memory = remembering(path, "今日は駅で大きな鳩に道を聞かれたので切符売り場を教えてあげた。")

    assert memory.why_copied("ねえ、駅で大きな鳩に道を聞かれたので切符をもらった").startswith(
        "8.5 words in a row of one tweet: 駅で大きな鳩"
    )
    assert memory.why_copied("駅で大きな鳩を見たという話を友だちから聞いた") == ""


SLOGAN = "the last train is always the best train"


def test_words_of_many_tweets_are_a_habit_and_not_a_copy(path: Path) -> None:
    tweets = [f"{start}, {SLOGAN}." for start in ("My aunt says so too", "In the rain as in the sun", "Remember")]

    assert remembering(path, *tweets[:2]).why_copied(f"Well, {SLOGAN}!") != ""
    assert remembering(path, *tweets).why_copied(f"Well, {SLOGAN}!") == ""
    assert remembering(path, *tweets).why_copied(tweets[0]) == "the whole of a tweet"


def test_three_near_duplicates_do_not_make_a_habit(path: Path) -> None:
    tweets = [f"On a {day} day {SLOGAN}, or so my old aunt told the goose." for day in ("rainy", "sunny", "windy")]

    assert remembering(path, *tweets).why_copied(f"Well, {SLOGAN}!") != ""


def test_the_grams_of_another_memory_are_kept_too(tmp_path: Path) -> None:
    earlier = remembering(tmp_path / "a" / FILE, LONG, f"My aunt says so too: {SLOGAN}.")
    between = remembering(tmp_path / "b" / FILE, SHORT, f"In the rain as in the sun, {SLOGAN}.", also=earlier)
    latest = remembering(tmp_path / "c" / FILE, TEN, f"Remember that {SLOGAN}.", also=between)
    after = remembering(tmp_path / "d" / FILE, f"One more time, {SLOGAN}.", also=latest)

    assert between.why_copied("Oh, the violin on the night train and the rest").startswith("8 words in a row")
    assert after.why_copied("I think nobody carries two umbrellas for fun").startswith("6 of the 9 words")
    assert [memory.why_copied(f"Well, {SLOGAN}!") != "" for memory in (between, latest, after)] == [True, False, False]


def test_an_older_memory_without_grams_still_knows_whole_tweets(path: Path) -> None:
    path.write_bytes(
        struct.pack("<8sII", MAGIC, 1, 1)
        + struct.pack("<8sQQ", b"tweets", 40, 1)
        + struct.pack("<Q", UNKEYED.tweet(LONG))
    )
    memory = Memory.open(path.parent)

    assert memory.why_copied(LONG) == "the whole of a tweet"
    assert memory.why_copied(f"Oh, {LONG}") == ""
    assert remembering(path, SHORT, also=memory).why_copied(LONG) == "the whole of a tweet"


@pytest.mark.parametrize("text", ["", "?", "one two", "\ud800 " * 9, "a" * 3_000, "ก" * 80, "1 " * 300])
def test_any_text_can_be_looked_up(path: Path, text: str) -> None:
    assert isinstance(remembering(path, LONG, text).why_copied(text), str)
    assert remembering(path, LONG).why_copied(text) == ""


def test_a_hundred_thousand_tweets_of_eighteen_words_take_eight_megabytes(path: Path) -> None:
    number, words = 2_000, 18
    remembering(path, *(" ".join(f"w{tweet * words + index}" for index in range(words)) for tweet in range(number)))

    bytes_per_tweet = (path.stat().st_size - 4 * 2**16) / number

    assert bytes_per_tweet * 100_000 + 4 * 2**16 < 8_000_000


CALLED = ("Ask @stationmaster and @owl_seven why.", "My aunt knows @pigeons and @rook, and pigeons know her.")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param("StationMaster said no", "a handle out of the tweets: stationmaster", id="without its @"),
        pytest.param("It was owl_seven.", "a handle out of the tweets: owl_seven", id="with a line"),
        pytest.param("The station master of seven owls said no", "", id="as plain words"),
        pytest.param("Hello @stationmaster", "", id="a mention, which is another matter"),
        pytest.param("Three pigeons and a rook", "", id="a word of theirs, and a short one"),
    ],
)
def test_a_handle_that_the_tweets_mention_is_not_used_as_a_name(path: Path, text: str, why: str) -> None:
    earlier = remembering(path, *CALLED)
    later = remembering(path.parent / "later" / FILE, SHORT, also=earlier)

    assert earlier.why_copied(text) == why
    assert later.why_copied(text) == why


def test_a_handle_that_became_a_word_may_be_used(path: Path) -> None:
    earlier = remembering(path, *CALLED)
    later = remembering(path.parent / "later" / FILE, "Our stationmaster has a goose.", also=earlier)

    assert later.why_copied("StationMaster said no") == ""
