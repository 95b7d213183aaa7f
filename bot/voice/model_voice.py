"""Gives access to the models: which one is in use, its drafts, and its memory of training tweets. May load torch."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, Self

from bot.errors import ModelError, training_errors
from bot.values import Draft

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from typing import Protocol

    from training.profile.language import Language
    from training.profile.memory import Memory
    from training.profile.person import Person
    from training.speak.sampler import Sampler
    from training.speak.types import Sampling

    class OpenSampler(Protocol):
        def __call__(
            self, folder: Path, /, *, engine: Engine, device: str, threads: int
        ) -> tuple[Literal["torch", "light"], Sampler]: ...


Engine = Literal["auto", "torch", "light"]


class ModelMemory:
    """What a model folder stores about its training tweets and their language. Does not load the model."""

    def __init__(
        self,
        memory: Memory | None = None,
        language: Language | None = None,
        *,
        locked: str = "",
        languages: tuple[str, ...] = (),
    ) -> None:
        self.languages = languages  # of the tweets, by their codes; empty where they are not known
        self._memory = memory
        self._language = language
        self.locked = locked  # why copies cannot be found

    @classmethod
    def open(cls, folder: Path | None) -> Self:
        """Open the memory of a model folder; without a model (`folder` is None) it is empty."""
        from training.errors import MemoryLocked
        from training.models.model_dir import read_manifest
        from training.profile.language import Language
        from training.profile.memory import Memory

        if folder is None:
            return cls()
        with training_errors(ModelError):
            language = Language.open(folder)
            languages = read_manifest(folder).languages
            try:
                return cls(Memory.open(folder), language, languages=languages)
            except MemoryLocked as error:
                return cls(None, language, locked=str(error), languages=languages)

    @property
    def is_open_to_all(self) -> bool:
        """Whether everybody who has the folder can test which tweets the model has learnt."""
        return self._memory is not None and len(self._memory) > 0 and not self._memory.hashes.key

    def copied(self, text: str) -> str:
        """The part of the text that is copied from a training tweet, in words; empty if nothing is."""
        return self._memory.why_copied(text) if self._memory else ""

    def foreign(self, text: str) -> str:
        """How the text differs from the person's language; empty if it does not, or if that is unknown."""
        return self._language.why_foreign(text) if self._language else ""


class ModelFiles:
    """The files of a model folder as they are now, to notice when one is overwritten.

    A light form is mapped into memory, so a program that writes into the file (`rsync --inplace`, `cp`) changes the
    weights of a voice in use. A file that is deleted or replaced by another one does not: the old one stays open.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._stamps = _stamps(folder) if folder else {}

    def overwritten(self) -> str:
        """The first file that was written into since; empty if none was."""
        now = _stamps(self._folder) if self._folder else {}
        before = self._stamps
        return next((name for name in before if name in now and _is_other(before[name], now[name])), "")

    def is_as_before(self) -> bool:
        """Whether nothing was written, added, replaced or deleted since."""
        return self._folder is None or _stamps(self._folder) == self._stamps


def _stamps(folder: Path) -> dict[str, tuple[int, ...]]:
    """The inode of each file, then what each write changes: size and ctime."""
    stamps: dict[str, tuple[int, ...]] = {}
    with suppress(OSError):
        for entry in os.scandir(folder):
            info = entry.stat(follow_symlinks=False)
            stamps[entry.name] = (info.st_dev, info.st_ino, info.st_size, info.st_ctime_ns)
    return stamps


def _is_other(before: tuple[int, ...], now: tuple[int, ...]) -> bool:
    return before[:2] == now[:2] and before != now


class ModelVoice:
    """A model folder as a `Voice`."""

    def __init__(
        self,
        name: str,
        sampler: Sampler,
        memory: ModelMemory,
        *,
        sampling: Sampling,
        engine: Literal["torch", "light"] = "torch",
        person: Person | None = None,
        files: ModelFiles | None = None,
        keepalive: Callable[[], None] = lambda: None,
    ) -> None:
        """`files`: as they were before they were read.

        `keepalive` is called while drafts are generated: on a small machine a round takes minutes.
        """
        self.name = name
        self.person = person
        self.engine = engine
        self._sampler = sampler
        self._memory = memory
        self._files = files or ModelFiles()
        self._keepalive = keepalive
        self._sampling = replace(sampling, too_long=self._check_length)

    def draft(self, prompt: str, *, n: int, seed: int, author: str | None = None) -> list[Draft]:
        """Generate drafts. `author` selects an author if the model has tags for several; otherwise the seed does."""
        with self._held(), training_errors(ModelError):
            samples = self._sampler.draft(prompt, n=n, seed=seed, author=author, sampling=self._sampling)
        return [
            Draft(sample.text, prompt, seed, sample.likelihood, sample.finished, sample.weakest) for sample in samples
        ]

    def _check_length(self, _: str) -> bool:
        """Report that the process is alive: the sampler calls this every few tokens. Never finds a draft too long."""
        self._keepalive()
        return False

    def log_likelihoods(self, texts: Sequence[str], *, given: str = "") -> list[float]:
        self._keepalive()
        with self._held(), training_errors(ModelError):
            return self._sampler.log_likelihoods(texts, given=given)

    def why_changed(self) -> str:
        """What was done to the files since they were checked; empty if nothing was."""
        name = self._files.overwritten()
        return f"{name} of {self.name} was written into while the model was in use" if name else ""

    @contextmanager
    def _held(self) -> Iterator[None]:
        """Nothing that was computed from other weights than the checked ones is used, nor an error that they caused."""
        try:
            yield
        except Exception as error:
            if why := self.why_changed():
                raise ModelError(f"{why}: `mynah rollback`, or `mynah retrain`") from error
            raise
        if why := self.why_changed():
            raise ModelError(f"{why}: `mynah rollback`, or `mynah retrain`")

    @property
    def languages(self) -> tuple[str, ...]:
        return self._memory.languages

    def copied(self, text: str) -> str:
        return self._memory.copied(text)

    def foreign(self, text: str) -> str:
        return self._memory.foreign(text)


def promoted(models: Path) -> Path | None:
    """The folder of the current model, if there is one."""
    from training.models import registry

    with training_errors(ModelError):
        return registry.current(models)


def earlier(models: Path) -> list[Path]:
    """The versions that were current before, newest first."""
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
    open_sampler: OpenSampler | None = None,
) -> ModelVoice:
    """Check and load a model folder; a ModelError says what is wrong with it.

    `open_sampler`: loads the weights, by default those of the folder alone.
    """
    from training.profile.person import Person
    from training.speak import engines
    from training.speak.types import Sampling

    files = ModelFiles(folder)
    with training_errors(ModelError):
        chosen, sampler = (open_sampler or engines.open_sampler)(folder, engine=engine, device=device, threads=threads)
        person = Person.open(folder)
    voice = ModelVoice(
        folder.name,
        sampler,
        ModelMemory.open(folder),
        sampling=Sampling(temperature, top_p, max_tokens, no_mentions=True),
        engine=chosen,
        person=person,
        files=files,
        keepalive=keepalive,
    )
    if why := voice.why_changed():  # after it was checked
        raise ModelError(f"{why}: it is loaded when the writing has ended")
    return voice
