"""The one-shot, top to bottom: tweets in, a promoted model out. Others draw the progress and keep the time.

Killed at any moment it leaves the model in use in use, and one folder of its own: the next one goes on from there,
where it is asked for the same, or clears it away.
"""

from __future__ import annotations

import math
import shutil
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from training import artifacts
from training.errors import ModelError, NothingNew, TrainingError
from training.job import Outcome, Progress
from training.judge.evaluate import bits_in_use, bits_of, evaluate, speak
from training.judge.gate import why_not
from training.learn import tracked
from training.learn.checkpoint import Checkpoints
from training.learn.finetune import computing, finetune, mean_surprise, within_memory
from training.learn.metrics import Metrics
from training.learn.trainer_state import size_of_state
from training.models import model_dir, registry
from training.prepare import prepare
from training.speak.onnx_export import lighten
from training.speak.onnx_weights import size_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from training.job import Tweets, Wanted, Watch
    from training.judge.report import Report
    from training.prepare import Lesson
    from training.speak.types import Sample

CHECKPOINT = "checkpoint.pt"
UNFINISHED = "unfinished"  # in the models folder: the last checkpoint, and the numbers up to it


def retrain(tweets: Tweets, wanted: Wanted, watch: Watch, *, now: datetime) -> Outcome:
    """A new version, in use when this returns if it may be; on any error the version in use stays in use."""
    with (
        registry.hold(wanted.models),
        _workplace(wanted.models / UNFINISHED) as work,
        tracked.finished(watch.tracker),
    ):
        try:
            lesson = prepare(tweets, wanted, watch.report)
        except NothingNew as nothing:
            return Outcome(None, promoted=False, why=(str(nothing),))
        tracked.tell_lesson(watch.tracker, lesson, wanted)
        device = lesson.model.device
        with computing(device, lesson.recipe.threads), within_memory(device, "this model"):
            version, report = _make(lesson, wanted, watch, work, now)
        why = why_not(report, wanted.gate) if wanted.gate else []
        if not why:
            watch.report(Progress("promote", note=version.name))
            registry.promote(version)
        if wanted.keep:
            registry.prune(wanted.models, keep=wanted.keep)
        return Outcome(version, promoted=not why, why=tuple(why))


def _make(lesson: Lesson, wanted: Wanted, watch: Watch, work: Path, now: datetime) -> tuple[Path, Report]:
    """Learn, judge, save."""
    checkpoints = Checkpoints(work / CHECKPOINT, lesson.mark(wanted.seed), watch.due)
    checkpoints.clear_others()
    two = 2 * size_of_state(lesson.model, lesson.recipe)  # checkpoints, while one takes the place of the other
    model_dir.need_room(wanted.models, lesson.model, besides=two + 2 * size_of(lesson.model))
    with Metrics(work / model_dir.METRICS) as metrics:
        compared = _compare(lesson, wanted)
        _learn(lesson, wanted, watch, metrics, checkpoints)

        watch.report(Progress("judge"))
        drafts = speak(lesson.model, lesson.tokenizer, lesson.texts.tags, count=wanted.samples, seed=wanted.seed)
        report = _judge(lesson, wanted, drafts, compared)

        version = registry.new_version(wanted.models, now=now, seed=wanted.seed)
        watch.report(Progress("save", note=version.name))
        light = lighten(lesson.model, lesson.tokenizer, lesson.held_out or lesson.train, work)
        if light.why:
            watch.report(Progress("save", note=light.why))
        files = artifacts.write(lesson, wanted, metrics, report, drafts, name=version.name, now=now)
        about = artifacts.manifest(lesson, wanted, report, now)
        about = replace(about, figures={**about.figures, **light.figures})
        model_dir.save(version, lesson.model, lesson.tokenizer, about=about, files={**files, **light.files})
    tracked.tell_model(watch.tracker, version, report, drafts)
    return version, report


def _learn(lesson: Lesson, wanted: Wanted, watch: Watch, metrics: Metrics, checkpoints: Checkpoints) -> None:
    began = watch.seconds()
    steps = finetune(
        lesson.model,
        lesson.train,
        lesson.held_out,
        lesson.recipe,
        seed=wanted.seed,
        authors=lesson.authors,
        weights=lesson.weights,
        checkpoints=checkpoints,
    )
    for step in steps:
        metrics.add(step, seconds=watch.seconds() - began)
        watch.tracker.step(step)
        watch.report(Progress("train", step.number, step.of, step=step))
    if not math.isfinite(mean_surprise(lesson.model, lesson.train[:8], lesson.recipe.batch_tokens)):
        raise TrainingError(  # the last step may have done it, whose loss is that before it
            "What was learnt in the last steps is no number: lower the learning_rate in training/recipe.py."
        )


class _Compared(NamedTuple):
    """Bits per character of the held-out tweets for others: what the new model must be better than."""

    base: float | None  # what it began as
    current: float | None  # what is in use meanwhile


def _compare(lesson: Lesson, wanted: Wanted) -> _Compared:
    held_out, tags = lesson.texts.held_out, lesson.texts.tags if lesson.before else {}
    base = bits_of(lesson.model, lesson.tokenizer, held_out, context=lesson.context, tags=tags)
    if lesson.before:
        return _Compared(base, base)  # it is the one in use
    try:
        in_use = registry.current(wanted.models)
        current = bits_in_use(in_use, held_out, context=lesson.context, device=wanted.device)
    except ModelError:  # a broken model is no measure, and the way to mend it is this one
        current = None
    return _Compared(base, current)


def _judge(lesson: Lesson, wanted: Wanted, drafts: Sequence[Sample], compared: _Compared) -> Report:
    return evaluate(
        lesson.model,
        lesson.tokenizer,
        replace(lesson.texts, train=lesson.learnt),
        context=lesson.context,
        seed=wanted.seed,
        drafts=drafts,
        length=wanted.length,
        base_bits=compared.base,
        current_bits=compared.current,
    )


@contextmanager
def _workplace(folder: Path) -> Iterator[Path]:
    """A folder that is gone when the work is done or cannot be done; whoever is interrupted may go on later."""
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise ModelError(f"{folder} is not to be had ({error.strerror}): move away what is there.") from error
    if folder.is_symlink():
        raise ModelError(f"{folder} is a link, and must be a folder of its own: move it away.")
    try:
        yield folder
    except TrainingError:
        shutil.rmtree(folder)
        raise
    except BaseException:
        if not (folder / CHECKPOINT).exists():
            shutil.rmtree(folder)
        raise
    shutil.rmtree(folder)
