"""Lessons for a model that is made from nothing: tweets that change, at two words in common, into other tweets.

The tweets alone are too few to learn how a sentence goes on: such a model knows them by heart or says word salad.
It knows words and chance, neither tokens nor models; a pretrained base needs none of it.
"""

from __future__ import annotations

import random
from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

SEAM = 2  # words that both tweets share where they meet; LOG: one makes salad, three seldom occur
WILLING = 0.7  # how often a chance to change over is taken
LONGEST = 280  # characters; a chain can run in a circle
TRIES = 20  # for each one wanted: a tweet that shares nothing with the others makes none

Place = tuple[int, int]  # the number of a tweet, and of the word that would come next


def mash(texts: Sequence[str], count: int, seed: int) -> list[str]:
    """At most `count` different mash-ups, none of them a tweet itself."""
    chance = random.Random(seed)
    known = frozenset(texts)
    tweets = [text.split(" ") for text in texts]
    after: defaultdict[tuple[str, ...], list[Place]] = defaultdict(list)
    for number, words in enumerate(tweets):
        for place in range(SEAM, len(words) + 1):
            after[tuple(words[place - SEAM : place])].append((number, place))
    found: dict[str, None] = {}  # a set that keeps its order, so that the seed decides everything
    for _ in range(TRIES * count):
        if len(found) == count:
            break
        made = _walk(tweets, after, chance)
        if made not in known and len(made) <= LONGEST:
            found[made] = None
    return list(found)


def _walk(tweets: Sequence[Sequence[str]], after: dict[tuple[str, ...], list[Place]], chance: random.Random) -> str:
    """From the beginning of one tweet to the end of another."""
    number, place = chance.randrange(len(tweets)), SEAM
    said = list(tweets[number][:SEAM])
    while place < len(tweets[number]) and len(said) < LONGEST:
        said.append(tweets[number][place])
        place += 1
        meeting = after[tuple(said[-SEAM:])]
        if len(meeting) > 1 and chance.random() < WILLING:
            number, place = chance.choice(meeting)
    return " ".join(said)
