"""The bot's choice among drafts, for training to judge a model by what would be posted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.rounds.score import ranked
from bot.running import assembly
from bot.screen.operator_lists import read
from bot.values import Draft
from bot.voice.model_voice import ModelMemory

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.config.settings import Settings
    from training.judge.choosing import Choose, Profile
    from training.speak.types import Sample


def chooser(settings: Settings) -> Choose:
    """The draft that passes the screen with the highest score; None if none passes. As in a round without a history."""
    rules = read(settings.screen)

    def choose(samples: Sequence[Sample], profile: Profile, turn: float) -> Sample | None:
        screen = assembly.screen(settings, None, ModelMemory(profile.memory, profile.language), rules=rules)
        drafts = {
            Draft(sample.text, "", number, sample.likelihood, sample.finished, sample.weakest): sample
            for number, sample in enumerate(samples)
        }
        passed = [draft for draft in drafts if not screen.why_not(draft)]
        return drafts[ranked(passed, profile.person, (), turn)[0][0]] if passed else None

    return choose
