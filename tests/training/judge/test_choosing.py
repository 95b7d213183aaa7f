from __future__ import annotations

from typing import TYPE_CHECKING

from training.judge.choosing import GROUP, SHARE, Profile, choose_posts, choose_unseen
from training.profile import memory
from training.profile.memory import Memory
from training.profile.person import Person
from training.speak.types import Sample

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

DRAFTS = [Sample(f"draft {number} of the day", -1.0, finished=True) for number in range(160)]
TWEETS = [f"Tweet {number}. Nobody minds." for number in range(160)]


def profile(folder: Path) -> Profile:
    (folder / memory.FILE).write_bytes(memory.memorise([]))
    return Profile(Person(), Memory.open(folder), None)


def test_one_of_each_group_is_chosen_and_each_length_has_its_turn(tmp_path: Path) -> None:
    turns: list[float] = []

    def choose(samples: Sequence[Sample], profile: Profile, turn: float) -> Sample | None:
        assert len(set(samples)) == GROUP
        turns.append(turn)
        return samples[0]

    posts = choose_posts(DRAFTS, profile(tmp_path), choose)

    assert len(turns) == len(DRAFTS) / SHARE
    assert len(turns) / 2 < len(set(posts)) == len(posts) <= len(turns)
    assert all(sum(low <= turn < low + 0.25 for turn in turns) in {4, 5, 6} for low in (0, 0.25, 0.5, 0.75))


def test_a_group_of_which_nothing_passes_has_no_post(tmp_path: Path) -> None:
    posts = choose_posts(DRAFTS, profile(tmp_path), lambda samples, *_: samples[0] if "8" in samples[0].text else None)

    assert 0 < len(posts) < len(DRAFTS) / SHARE


def test_no_draft_is_judged_by_a_discriminator_that_was_fitted_to_it(tmp_path: Path) -> None:
    judges: dict[int, set[int]] = {}

    def choose(samples: Sequence[Sample], profile: Profile, turn: float) -> Sample | None:
        judges.setdefault(id(profile.person.discriminator), set()).update(map(DRAFTS.index, samples))
        assert profile.person.discriminator
        return samples[-1]

    posts = choose_unseen(DRAFTS, TWEETS, profile(tmp_path), choose)

    assert len(DRAFTS) / SHARE / 2 < len(posts) <= len(DRAFTS) / SHARE
    assert [drafts < 80 for drafts in map(max, judges.values())] == [True, False]
    assert [drafts < 80 for drafts in map(min, judges.values())] == [True, False]
