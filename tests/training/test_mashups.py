from __future__ import annotations

from training.mashups import LONGEST, mash

TWEETS = (
    "the big clock is late again",
    "my dream is the big clock is warm",
    "nobody minded that the big umbrella was wet",
)


def test_a_mash_up_begins_as_one_tweet_and_ends_as_another() -> None:
    made = mash(TWEETS, 10, seed=0)

    assert "my dream is the big umbrella was wet" in made
    assert all(any(text.startswith(tweet[:7]) for tweet in TWEETS) for text in made)
    assert all(any(text.endswith(tweet[-4:]) for tweet in TWEETS) for text in made)


def test_no_tweet_is_its_own_mash_up_and_none_comes_twice() -> None:
    made = mash(TWEETS, 10, seed=0)

    assert not set(made) & set(TWEETS)
    assert len(made) == len(set(made))


def test_the_same_seed_gives_the_same_mash_ups() -> None:
    assert mash(TWEETS, 3, seed=1) == mash(TWEETS, 3, seed=1)


def test_tweets_with_nothing_in_common_make_none() -> None:
    assert mash(("one two three", "four five six", "short"), 5, seed=0) == []


def test_tweets_that_run_in_a_circle_come_to_an_end() -> None:
    made = mash(("na na na na na", "na na na hey"), 20, seed=0)

    assert made
    assert all(len(text) <= LONGEST for text in made)


def test_asking_for_none_gives_none() -> None:
    assert mash(TWEETS, 0, seed=0) == []
