"""Where drafts come from: the Voice protocol, and the door to the model. torch is loaded behind it, not before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from bot.errors import ModelError
from bot.tweets import Draft

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from structlog.stdlib import BoundLogger

    from training.memory import Memory
    from training.sampler import Sampler


class Voice(Protocol):
    @property
    def name(self) -> str:
        """The model's version, kept with each post."""

    def draft(self, prompt: str, *, n: int, seed: int) -> list[Draft]:
        """N drafts that start with `prompt`; the same seed gives the same drafts."""

    def copied(self, text: str) -> bool:
        """Is this one of the tweets that the model learnt from?"""


class ModelVoice:
    """A fine-tuned model that speaks, and remembers what it learnt from."""

    def __init__(
        self, name: str, sampler: Sampler, memory: Memory, *, temperature: float, top_p: float, max_tokens: int
    ) -> None:
        self.name = name
        self._sampler = sampler
        self._memory = memory
        self._temperature = temperature
        self._top_p = top_p
        self._max_tokens = max_tokens

    def draft(self, prompt: str, *, n: int, seed: int, author: str | None = None) -> list[Draft]:
        """`author`: one of several, where the model tells them apart; else the seed chooses."""
        from training import errors

        chance = {"temperature": self._temperature, "top_p": self._top_p}
        try:
            samples = self._sampler.draft(prompt, n=n, seed=seed, max_tokens=self._max_tokens, author=author, **chance)
        except errors.ModelError as error:
            raise ModelError(str(error)) from error
        return [Draft(sample.text, prompt, seed, sample.likelihood, sample.finished) for sample in samples]

    def copied(self, text: str) -> bool:
        return self._memory.said(text)


class ByHand:
    """A person's own words, to go the way of every draft."""

    name = "by hand"

    def __init__(self, text: str, copied: Callable[[str], bool]) -> None:
        self._text = text
        self.copied = copied

    def draft(self, prompt: str, *, n: int, seed: int) -> list[Draft]:  # noqa: ARG002  the protocol's words
        return [Draft(self._text)]


class CurrentVoice:
    """The promoted model's voice: another one that is promoted is taken over, one that cannot speak is not."""

    def __init__(
        self, promoted: Callable[[], Path | None], load: Callable[[Path], ModelVoice], log: BoundLogger
    ) -> None:
        self._promoted = promoted
        self._load = load
        self._log = log
        self._refused = ""
        folder = promoted()
        if folder is None:
            raise ModelError("there is no model yet: `mynah retrain` makes one")
        self._voice = load(folder)

    @property
    def name(self) -> str:
        return self._voice.name

    def draft(self, prompt: str, *, n: int, seed: int) -> list[Draft]:
        return self._voice.draft(prompt, n=n, seed=seed)

    def copied(self, text: str) -> bool:
        return self._voice.copied(text)

    def refresh(self) -> None:
        """For between two rounds: a round speaks with one model from its first draft to its last."""
        try:
            folder = self._promoted()
        except ModelError as error:
            self._refuse("current", error)
            return
        if folder is None or folder.name in {self.name, self._refused}:
            return
        try:
            self._voice = self._load(folder)
        except ModelError as error:
            self._refuse(folder.name, error)
        else:
            self._log.info("model.taken_over", model=folder.name)

    def _refuse(self, model: str, error: ModelError) -> None:
        """Said once; the one that speaks goes on."""
        if model != self._refused:
            self._log.error("model.refused", model=model, why=str(error), speaking=self.name)
        self._refused = model


def promoted(models: Path) -> Path | None:
    """The model folder in use, if there is one."""
    from training import errors, registry

    try:
        return registry.current(models)
    except errors.TrainingError as error:
        raise ModelError(str(error)) from error


def open_voice(
    folder: Path, *, device: str, threads: int, temperature: float, top_p: float, max_tokens: int
) -> ModelVoice:
    """Load a model folder, checked; ModelError says what is wrong with it."""
    from training import errors
    from training.memory import Memory
    from training.sampler import Sampler

    try:
        sampler = Sampler.open(folder, device=device, threads=threads)
        memory = Memory.open(folder)
    except errors.TrainingError as error:
        raise ModelError(str(error)) from error
    return ModelVoice(folder.name, sampler, memory, temperature=temperature, top_p=top_p, max_tokens=max_tokens)


def open_memory(folder: Path | None) -> Callable[[str], bool]:
    """What a model has learnt by heart, without the model; nothing where there is none yet."""
    from training import errors
    from training.memory import Memory

    if folder is None:
        return lambda _: False
    try:
        return Memory.open(folder).said
    except errors.TrainingError as error:
        raise ModelError(str(error)) from error
