"""What a model folder knows of the tweets it was made from, without the model: the door to training's memories."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from bot.errors import ModelError, training_errors

if TYPE_CHECKING:
    from pathlib import Path

    from training.profile.language import Language
    from training.profile.memory import Memory


class ModelMemory:
    def __init__(self, memory: Memory | None = None, language: Language | None = None) -> None:
        self._memory = memory
        self._language = language

    @classmethod
    def open(cls, folder: Path | None) -> Self:
        """Nothing where there is no model yet."""
        from training.profile.language import Language
        from training.profile.memory import Memory

        if folder is None:
            return cls()
        with training_errors(ModelError):
            return cls(Memory.open(folder), Language.open(folder))

    def copied(self, text: str) -> str:
        """What of it is a tweet that the model learnt from, in words; empty if it is its own."""
        return self._memory.why_copied(text) if self._memory else ""

    def foreign(self, text: str) -> str:
        """How it differs from the language that the person writes; empty if it does not, or nobody can tell."""
        return self._language.why_foreign(text) if self._language else ""
