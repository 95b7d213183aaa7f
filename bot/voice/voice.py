"""Where drafts come from: the `Voice` protocol, and the voice that follows the current model."""

from __future__ import annotations

import ctypes
import gc
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from bot.errors import ModelError
from bot.voice.model_voice import ModelFiles

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from structlog.stdlib import BoundLogger

    from bot.values import Draft
    from bot.voice.model_voice import ModelVoice
    from training.profile.person import Person


class Voice(Protocol):
    @property
    def name(self) -> str:
        """The model's version, kept with each post."""

    def draft(self, prompt: str, *, n: int, seed: int, author: str | None = None) -> list[Draft]:
        """`n` drafts that start with `prompt`; the same seed gives the same drafts."""

    def log_likelihoods(self, texts: Sequence[str], *, given: str = "") -> list[float]:
        """How likely each text is right after `given`: mean log-likelihood per token in nats, the end included."""

    def copied(self, text: str) -> str:
        """The part of the text that is copied from a training tweet, in words; empty if nothing is."""

    def foreign(self, text: str) -> str:
        """How the text differs from the person's language; empty if it does not."""

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages that the person writes, by their codes; empty where they are not known."""

    @property
    def person(self) -> Person | None:
        """How the person writes, for choosing among drafts; None where nothing is chosen."""


class CurrentVoice:
    """The voice of the current model. A newly promoted model replaces it, unless it does not load."""

    def __init__(
        self,
        promoted: Callable[[], Path | None],
        load: Callable[[Path], ModelVoice],
        log: BoundLogger,
        earlier: Callable[[], Sequence[Path]] = tuple,
        *,
        keep_loaded: bool = True,
        is_short: Callable[[], bool] = lambda: False,
        is_shared: bool = False,
    ) -> None:
        """`earlier` lists the versions that were current before, newest first, in case the current one is damaged.

        Without `keep_loaded`, and on a machine that `is_short` of memory, the model is unloaded between two rounds.
        `is_shared`: `load` itself keeps models that several bots use, so none is held here, and none is loaded yet.
        """
        self._promoted = promoted
        self._load = load
        self._earlier = earlier
        self._log = log
        self._refused = ""
        self._refused_files = ModelFiles()
        self._is_lost = False  # nothing can speak since the model's files were written into
        self.keep_loaded = keep_loaded
        self._is_short = is_short
        self._used_memory = True  # since the last refresh
        self._is_shared = is_shared
        self._voice: ModelVoice | None = None
        if is_shared and (folder := self._sound()):
            self._folder = folder
        else:
            self._folder, self._voice = self._first(earlier)

    def _sound(self) -> Path | None:
        """The promoted version; None where `_first` has to find another, or to say what is wrong."""
        with suppress(ModelError):
            return self._promoted()
        return None

    def _first(self, earlier: Callable[[], Sequence[Path]]) -> tuple[Path, ModelVoice]:
        """The promoted version; where it is damaged, the newest whole one before it, which is logged."""
        folder = None
        try:
            folder = self._promoted()
            if folder is not None:
                return folder, self._load(folder)
        except ModelError as error:
            self._refused = folder.name if folder else "current"
            self._refused_files = ModelFiles(folder)
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
    def languages(self) -> tuple[str, ...]:
        return self._loaded().languages

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
            except ModelError:  # damaged since it was last loaded
                self._folder, self._voice = self._first(self._earlier)
        self._used_memory = True
        return self._voice

    def refresh(self) -> None:
        """Load a newly promoted model and free memory. Call between rounds: a round's drafts come from one model.

        Raises ModelError as long as the files of the present one are damaged and no earlier one loads.
        """
        self._leave_overwritten_files()
        self._follow_promotion()
        is_unloaded = self._voice is not None and self.keep_loaded and not self._is_shared and self._is_short()
        if is_unloaded:
            self._log.info("model.put_away", model=self.name, why="others wait for memory; it is opened when it speaks")
        if self._used_memory or is_unloaded:
            self._used_memory = False
            if is_unloaded or not self.keep_loaded or self._is_shared:
                self._voice = None
            if not self._is_shared:  # it takes a tenth of a second in a process with many bots
                return_memory()

    def look_again(self) -> None:
        """The next refresh tries a refused model again: it may have been repaired in place."""
        self._refused = ""

    def reopen(self, load: Callable[[Path], ModelVoice]) -> None:
        """Load the same model differently; a ModelError leaves everything as it was."""
        self._voice = load(self._folder)
        self._used_memory = True

    def _leave_overwritten_files(self) -> None:
        """Load the model again if its files were written into, or else an earlier one."""
        if self._voice is not None and (why := self._voice.why_changed()):
            self._log.error("model.changed", model=self.name, why=why)
            self._voice, self._is_lost = None, True
        if self._is_lost:
            self._loaded()
            self._is_lost = False

    def _follow_promotion(self) -> None:
        try:
            folder = self._promoted()
        except ModelError as error:
            self._refuse("current", error)
            return
        if folder is None or folder.name == self.name:
            return
        if folder.name == self._refused and self._refused_files.is_as_before():
            return
        files = ModelFiles(folder)
        try:
            self._voice, self._folder = self._load(folder), folder
        except ModelError as error:
            self._refuse(folder.name, error)
            self._refused_files = files  # it is tried again when they have changed
        else:
            self._used_memory = True
            self._log.info("model.taken_over", model=folder.name)

    def _refuse(self, model: str, error: ModelError) -> None:
        """Log once that a model does not load; the present voice stays in use."""
        if model != self._refused:
            self._log.error("model.refused", model=model, why=str(error), speaking=self.name)
        self._refused = model


def return_memory() -> None:
    """Return freed memory to the kernel; the C library would keep it."""
    gc.collect()
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # a C library other than glibc
            ctypes.CDLL(None).malloc_trim(0)
