"""The values of a retraining: its job, its progress and its outcome."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from training.corpus.corpus import Choices
from training.judge.gate import Gate
from training.learn.tracking import SILENT, Tracker
from training.recipe import TINY, Recipe
from training.speak.types import Sampling

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from training.judge.choosing import Choose
    from training.learn.finetune import Step
    from training.sources.archive import Archive

    Tweets = Callable[[], Sequence[Archive]]  # called under the lock

Stage = Literal["read", "clean", "tokenise", "train", "judge", "save", "promote"]
Save = Literal["merged", "adapter"]  # after LoRA: whole weights and the adapter, or the adapter alone
Begin = Literal["base", "current"]  # retrain from the base, or continue from the current model with new tweets


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a retraining is; `note` is for people, `step` is set during the stage "train"."""

    stage: Stage
    done: int = 0
    of: int = 1
    note: str = ""
    step: Step | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """The model to make."""

    models: Path
    base: str = "tiny"
    why_base: str = ""  # a sentence, where the base was chosen among several
    begin: Begin = "base"
    recipe: Recipe = TINY
    choices: Choices = field(default_factory=Choices)
    gate: Gate | None = field(default_factory=Gate)  # None promotes every version
    device: str = "auto"
    seed: int = 0
    save: Save = "merged"
    keep: int = 0  # versions to keep; 0 keeps all
    samples: int = 256  # texts generated for the evaluation
    pictures: bool = True
    length: Callable[[str], int] = len  # of a text, as X counts it
    sampling: Sampling = field(default_factory=Sampling)  # the bot's: what it says is what is judged
    choose: Choose | None = None  # the bot's choice among drafts; None judges all drafts
    consent: str = ""  # the operator's statement, for the card


@dataclass(frozen=True, slots=True)
class Monitor:
    """The caller's side: progress, a clock, and a tracker."""

    report: Callable[[Progress], None]
    seconds: Callable[[], float]  # since any fixed moment
    due: Callable[[], bool]  # whether it is time for a checkpoint
    tracker: Tracker = SILENT
    stops: Callable[[], bool] = lambda: False  # whether somebody wants to stop


@dataclass(frozen=True, slots=True)
class Outcome:
    """`why`: why there is no version, or why it was not promoted."""

    version: Path | None
    promoted: bool
    why: tuple[str, ...] = ()


def every(seconds: float, now: Callable[[], float]) -> Callable[[], bool]:
    """A function that returns true at most once per that many seconds."""
    last = now()

    def due() -> bool:
        nonlocal last
        if now() - last < seconds:
            return False
        last = now()
        return True

    return due
