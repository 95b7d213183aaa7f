"""Where drafts come from: the Voice protocol, and the door to the model. torch is loaded behind it, if at all."""

from __future__ import annotations

import ctypes
import gc
import sys
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, Protocol

from bot.errors import ModelError, training_errors
from bot.values import Draft
from bot.voice.model_memory import ModelMemory

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from structlog.stdlib import BoundLogger

    from training.profile.person import Person
    from training.speak.sampler import Sampler
    from training.speak.types import Sampling

Engine = Literal["auto", "torch", "light"]


class Voice(Protocol):
    @property
    def name(self) -> str:
        """The model's version, kept with each post."""

    def draft(self, prompt: str, *, n: int, seed: int, author: str | None = None) -> list[Draft]:
        """N drafts that start with `prompt`; the same seed gives the same drafts."""

    def log_likelihoods(self, texts: Sequence[str], *, given: str = "") -> list[float]:
        """How likely each text is right after `given`: mean log-likelihood per token in nats, the end included."""

    def copied(self, text: str) -> str:
        """What of it is a tweet that the model learnt from, in words; empty if it is its own."""

    def foreign(self, text: str) -> str:
        """How it differs from the language that the person writes; empty if it does not."""

    @property
    def person(self) -> Person | None:
        """How the one writes whom it speaks for; None where nothing is to be chosen."""


class ModelVoice:
    """A fine-tuned model that speaks, and remembers what it learnt from."""

    def __init__(
        self,
        name: str,
        sampler: Sampler,
        memory: ModelMemory,
        *,
        sampling: Sampling,
        engine: Literal["torch", "light"] = "torch",
        person: Person | None = None,
        keepalive: Callable[[], None] = lambda: None,
    ) -> None:
        """`keepalive` is called while drafts grow: on a small machine a round takes minutes."""
        self.name = name
        self.person = person
        self._keepalive = keepalive
        self.engine = engine
        self._sampler = sampler
        self._memory = memory
        self._sampling = replace(sampling, too_long=self._grows)

    def draft(self, prompt: str, *, n: int, seed: int, author: str | None = None) -> list[Draft]:
        """`author`: one of several, where the model tells them apart; else the seed chooses."""
        with training_errors(ModelError):
            samples = self._sampler.draft(prompt, n=n, seed=seed, author=author, sampling=self._sampling)
        return [Draft(sample.text, prompt, seed, sample.likelihood, sample.finished) for sample in samples]

    def _grows(self, _: str) -> bool:
        """Asked every few tokens whether a draft is too long already; none is, but somebody may want to know."""
        self._keepalive()
        return False

    def log_likelihoods(self, texts: Sequence[str], *, given: str = "") -> list[float]:
        self._keepalive()
        with training_errors(ModelError):
            return self._sampler.log_likelihoods(texts, given=given)

    def copied(self, text: str) -> str:
        return self._memory.copied(text)

    def foreign(self, text: str) -> str:
        return self._memory.foreign(text)


class CurrentVoice:
    """The promoted model's voice: another one that is promoted is taken over, one that cannot speak is not."""

    def __init__(
        self,
        promoted: Callable[[], Path | None],
        load: Callable[[Path], ModelVoice],
        log: BoundLogger,
        earlier: Callable[[], Sequence[Path]] = tuple,
        *,
        keep_loaded: bool = True,
        is_short: Callable[[], bool] = lambda: False,
    ) -> None:
        """`earlier` gives the versions that were in use before, the newest first, for where this one is damaged.

        `keep_loaded`: False drops the model between two rounds, and opens it again when it is to speak. So does a
        machine that `is_short` of memory.
        """
        self._promoted = promoted
        self._load = load
        self._earlier = earlier
        self._log = log
        self._refused = ""
        self.keep_loaded = keep_loaded
        self._is_short = is_short
        self._spoke = True  # or did anything else that takes memory
        self._voice: ModelVoice | None = None
        self._folder, self._voice = self._first(earlier)

    def _first(self, earlier: Callable[[], Sequence[Path]]) -> tuple[Path, ModelVoice]:
        """The promoted one; where it is damaged, the last sound one of those before it, and the log says so."""
        folder = None
        try:
            folder = self._promoted()
            if folder is not None:
                return folder, self._load(folder)
        except ModelError as error:
            self._refused = folder.name if folder else "current"
            for other in earlier():
                with suppress(ModelError):
                    voice = self._load(other)
                    self._log.error("model.refused", model=self._refused, why=str(error), speaking=voice.name)
                    return other, voice
            raise
        raise ModelError("there is no model yet: `mynah retrain` makes one")

    @property
    def name(self) -> str:
        return self._folder.name

    @property
    def engine(self) -> str:
        return self._loaded().engine

    @property
    def person(self) -> Person | None:
        return self._loaded().person

    def draft(self, prompt: str, *, n: int, seed: int, author: str | None = None) -> list[Draft]:
        return self._loaded().draft(prompt, n=n, seed=seed, author=author)

    def log_likelihoods(self, texts: Sequence[str], *, given: str = "") -> list[float]:
        return self._loaded().log_likelihoods(texts, given=given)

    def copied(self, text: str) -> str:
        return self._loaded().copied(text)

    def foreign(self, text: str) -> str:
        return self._loaded().foreign(text)

    def _loaded(self) -> ModelVoice:
        if self._voice is None:
            try:
                self._voice = self._load(self._folder)
            except ModelError:  # it was whole when it spoke last
                self._folder, self._voice = self._first(self._earlier)
        self._spoke = True
        return self._voice

    def refresh(self) -> None:
        """For between two rounds: a round speaks with one model from its first draft to its last."""
        self._take_over()
        is_pressed = self._voice is not None and self.keep_loaded and self._is_short()
        if is_pressed:
            self._log.info("model.put_away", model=self.name, why="others wait for memory; it is opened when it speaks")
        if self._spoke or is_pressed:
            self._spoke = False
            if is_pressed or not self.keep_loaded:
                self._voice = None
            _give_back()

    def look_again(self) -> None:
        """One that was refused may have been put right in its place: the next refresh tries it once more."""
        self._refused = ""

    def reopen(self, load: Callable[[Path], ModelVoice]) -> None:
        """The same model in another way; ModelError, and nothing has changed, where it cannot be."""
        self._voice = load(self._folder)
        self._spoke = True

    def _take_over(self) -> None:
        try:
            folder = self._promoted()
        except ModelError as error:
            self._refuse("current", error)
            return
        if folder is None or folder.name in {self.name, self._refused}:
            return
        try:
            self._voice, self._folder = self._load(folder), folder
        except ModelError as error:
            self._refuse(folder.name, error)
        else:
            self._spoke = True
            self._log.info("model.taken_over", model=folder.name)

    def _refuse(self, model: str, error: ModelError) -> None:
        """Said once; the one that speaks goes on."""
        if model != self._refused:
            self._log.error("model.refused", model=model, why=str(error), speaking=self.name)
        self._refused = model


def promoted(models: Path) -> Path | None:
    """The model folder in use, if there is one."""
    from training.models import registry

    with training_errors(ModelError):
        return registry.current(models)


def earlier(models: Path) -> list[Path]:
    """The versions that were in use before, the newest first."""
    from training import errors
    from training.models import registry

    try:
        return [models / name for name in reversed(registry.before(models))]
    except errors.TrainingError:
        return []


def open_voice(
    folder: Path,
    *,
    engine: Engine,
    device: str,
    threads: int,
    temperature: float,
    top_p: float,
    max_tokens: int,
    keepalive: Callable[[], None] = lambda: None,
) -> ModelVoice:
    """Load a model folder, checked; ModelError says what is wrong with it."""
    from training.profile.person import Person
    from training.speak import engines
    from training.speak.types import Sampling

    with training_errors(ModelError):
        chosen = engines.choose(folder, engine=engine, device=device)
        sampler = engines.open_sampler(folder, engine=chosen, device=device, threads=threads)
        person = Person.open(folder)
    return ModelVoice(
        folder.name,
        sampler,
        ModelMemory.open(folder),
        sampling=Sampling(temperature, top_p, max_tokens),
        engine=chosen,
        person=person,
        keepalive=keepalive,
    )


def _give_back() -> None:
    """What is free goes back to the kernel; the C library would keep it for the next time."""
    gc.collect()
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # other C libraries than glibc
            ctypes.CDLL(None).malloc_trim(0)
