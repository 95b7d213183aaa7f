from __future__ import annotations

from typing import TYPE_CHECKING

from bot.config.settings import Settings
from bot.running.chooser import chooser
from training.judge.choosing import Profile
from training.profile import memory
from training.profile.memory import Memory
from training.profile.person import Person
from training.speak.types import Sample

if TYPE_CHECKING:
    from pathlib import Path

COPIED = "The night train was late again and nobody minded at all."
PERSON = Person(lengths=(10, 30, 50, 70, 90), weakest=(-5.0, -4.0, -3.5, -3.0, -2.5), stopped=0.95)


def profile(folder: Path) -> Profile:
    (folder / memory.FILE).write_bytes(memory.memorise([COPIED]))
    return Profile(PERSON, Memory.open(folder), None)


def samples(*texts: str, finished: bool = True) -> list[Sample]:
    return [Sample(text, -3.5, finished) for text in texts]


def test_the_best_draft_that_passes_the_screen_is_chosen(tmp_path: Path) -> None:
    drafts = samples(COPIED, "see example.com today", "A pigeon asked (the way of", "A pigeon asked me the way again.")

    chosen = chooser(Settings())(drafts, profile(tmp_path), 0.5)

    assert chosen == drafts[3]


def test_nothing_is_chosen_where_nothing_passes(tmp_path: Path) -> None:
    drafts = [*samples(COPIED), *samples("A pigeon asked me", finished=False)]

    assert chooser(Settings())(drafts, profile(tmp_path), 0.5) is None


def test_the_turn_decides_between_lengths(tmp_path: Path) -> None:
    choose = chooser(Settings())
    drafts = samples("Rain again.", "A pigeon asked me the way to the harbour, and I could not say where it was.")

    chosen = [choose(drafts, profile(tmp_path), turn) for turn in (0.02, 0.9)]

    assert chosen == drafts
