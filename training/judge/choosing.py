"""Chooses posts among a model's drafts as the bot would, so that what is evaluated is what will be read."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from training.profile import discriminator
from training.profile.discriminator import Discriminator
from training.profile.language import Language
from training.profile.memory import Memory
from training.profile.person import Person

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from training.speak.types import Sample

    # One of some drafts, or None if the screen refuses all; the number, from 0 to 1, is the turn of its length: the
    # share of the person's tweets that should be shorter.
    Choose = Callable[[Sequence[Sample], "Profile", float], Sample | None]

GROUP = 16  # drafts, of which one is chosen: the default of voice.candidates
SHARE = 8  # drafts for each choice: each draft is in two groups, since drafting takes most of the time


@dataclass(frozen=True, slots=True)
class Profile:
    """What a model folder stores about the person, besides the model."""

    person: Person
    memory: Memory
    language: Language | None

    @classmethod
    def open(cls, folder: Path) -> Profile:
        return cls(Person.open(folder), Memory.open(folder), Language.open(folder))


def choose_posts(drafts: Sequence[Sample], profile: Profile, choose: Choose) -> list[Sample]:
    """One of each group; fewer where the screen refuses a whole group, or where a draft is the best of two."""
    rng = random.Random(len(drafts))
    groups = [rng.sample(drafts, min(GROUP, len(drafts))) for _ in range(len(drafts) // SHARE)]
    chosen = (choose(group, profile, turn) for group, turn in zip(groups, _turns(len(groups)), strict=True))
    return list(dict.fromkeys(draft for draft in chosen if draft is not None))


def choose_unseen(drafts: Sequence[Sample], tweets: Sequence[str], profile: Profile, choose: Choose) -> list[Sample]:
    """The same for drafts that the discriminator is fitted to: each half is judged by one fitted to the other."""
    half = len(drafts) // 2
    chosen: list[Sample] = []
    for others, own in ((drafts[half:], drafts[:half]), (drafts[:half], drafts[half:])):
        fitted = discriminator.fit(tweets, [draft.text for draft in others if draft.finished])
        judge = Discriminator.from_bytes(fitted) if fitted else Discriminator()
        chosen += choose_posts(own, replace(profile, person=replace(profile.person, discriminator=judge)), choose)
    return chosen


def _turns(count: int) -> Iterator[float]:
    """Numbers from 0 to 1, evenly spread in any order: each adds the golden ratio to the one before."""
    return ((0.5 + number * 0.6180339887498949) % 1 for number in range(count))
