"""What a retraining is asked for, how it tells where it is, and what came of it. Values, no more."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from training.corpus.corpus import Choices
from training.judge.gate import Gate
from training.learn.tracking import SILENT, Tracker
from training.recipe import TINY, Recipe

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from training.learn.finetune import Step
    from training.sources.archive import Archive

    Tweets = Callable[[], Sequence[Archive]]  # read when the time has come, under the lock

Stage = Literal["read", "clean", "tokenise", "train", "judge", "save", "promote"]
Begin = Literal["base", "current"]  # afresh, or from the model in use with what is new


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a retraining is; `note` is for a person, `step` is there while it trains."""

    stage: Stage
    done: int = 0
    of: int = 1
    note: str = ""
    step: Step | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """The model that is asked for."""

    models: Path
    base: str = "tiny"
    begin: Begin = "base"
    recipe: Recipe = TINY
    choices: Choices = field(default_factory=Choices)
    gate: Gate | None = field(default_factory=Gate)  # None: into use whatever comes out
    device: str = "auto"
    seed: int = 0
    keep: int = 0  # of the versions, when this one is made; 0 keeps all
    samples: int = 256  # that it is judged by
    pictures: bool = True
    length: Callable[[str], int] = len  # of a text, as X counts it


@dataclass(frozen=True, slots=True)
class Monitor:
    """Who asks: hears of the progress, and has a clock."""

    report: Callable[[Progress], None]
    seconds: Callable[[], float]  # from any moment on
    due: Callable[[], bool]  # is it time for a checkpoint?
    tracker: Tracker = SILENT


@dataclass(frozen=True, slots=True)
class Outcome:
    """`why` says why there is no version, or why it is not in use."""

    version: Path | None
    promoted: bool
    why: tuple[str, ...] = ()


def every(seconds: float, now: Callable[[], float]) -> Callable[[], bool]:
    """Is it time again? By the clock that is handed in."""
    last = now()

    def due() -> bool:
        nonlocal last
        if now() - last < seconds:
            return False
        last = now()
        return True

    return due
