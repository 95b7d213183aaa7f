"""A whole retraining, from tweets to a promoted model. The caller shows progress and provides the clock.

If it is killed, the current model is unchanged, and one work folder is left: the next retraining resumes from it if the
job is the same, or else deletes it.
"""

from __future__ import annotations

import math
import shutil
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

import torch

from training.corpus.corpus import newest_last
from training.errors import ModelError, NothingNew, TrainingError
from training.judge.choosing import choose_unseen
from training.judge.evaluate import bits_in_use, bits_of, evaluate, speak
from training.judge.gate import why_not
from training.learn.checkpoint import Checkpoints
from training.learn.finetune import computing, finetune, mean_loss, within_memory
from training.learn.metrics import Metrics
from training.learn.rounding import round_weights
from training.learn.tracking import TrackedRun
from training.learn.trainer_state import size_of_state
from training.models import model_dir, registry
from training.models.base_model import public_name
from training.retraining import artifacts
from training.retraining.job import Outcome, Progress
from training.retraining.prepare import prepare
from training.speak.onnx_export import OnnxExport, export_onnx
from training.speak.onnx_weights import size_of
from training.speak.torch_engine import TorchSampler
from training.speak.types import Sampling

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from training.judge.report import Report
    from training.models.adapter import Adapter
    from training.retraining.job import Job, Monitor, Tweets
    from training.retraining.prepare import PreparedRun
    from training.speak.types import Sample

CHECKPOINT = "checkpoint.pt"
GLIMPSE = Sampling(temperature=0.8, max_tokens=40)
EXAMPLES = 10  # drafts shown to the tracker, as many as the reference showed
PROFILE = "profile" + model_dir.HALF_MADE  # folder beside the versions: their files about the person


def retrain(tweets: Tweets, job: Job, watch: Monitor, *, now: datetime) -> Outcome:
    """Make a new version and promote it if the gate allows; on any error the current version stays current."""
    with (
        registry.hold(job.models),
        _work_folder(job.models / registry.UNFINISHED) as work,
        watch.tracker,
    ):
        try:
            run = prepare(tweets, job, watch.report)
        except NothingNew as nothing:
            return Outcome(None, promoted=False, why=(str(nothing),))
        watch.tracker.begin(_tracked(run, job))
        device = run.model.device
        with computing(device, run.recipe.threads), within_memory(device, "this model"):
            version, report = _make(run, job, watch, work, now)
        why = why_not(report, job.gate) if job.gate else []
        if not why:
            watch.report(Progress("promote", note=version.name))
            registry.promote(version)
        if job.keep:
            registry.prune(job.models, keep=job.keep)
        return Outcome(version, promoted=not why, why=tuple(why))


def _tracked(run: PreparedRun, job: Job) -> TrackedRun:
    funnels, choices = run.texts.funnels, job.choices
    sizes = {"learnt": len(run.texts.train), "held_out": len(run.texts.held_out)}
    return TrackedRun(
        handle="-".join(sorted(funnel.author for funnel in funnels)),
        base=public_name(job.base),
        choices={
            "rules": choices.rules,
            "newlines": choices.newlines,
            "replies": choices.replies,
            "tags": choices.tags,
            "recency_days": choices.recency / timedelta(days=1) if choices.recency else 0,
        },
        recipe=asdict(run.recipe) | {"seed": job.seed},
        counts={funnel.author: funnel.counts() for funnel in funnels} | {"texts": sizes},
        texts=[text.text for text in run.texts.train],
    )


def _make(run: PreparedRun, job: Job, watch: Monitor, work: Path, now: datetime) -> tuple[Path, Report]:
    """Train, evaluate, save."""
    checkpoints = Checkpoints(work / CHECKPOINT, run.fingerprint(job.seed), watch.due, watch.stops)
    checkpoints.clear_others()
    two = 2 * size_of_state(run.model, run.recipe)  # checkpoints, while one replaces the other
    model_dir.require_disk_space(job.models, run.model, besides=two + 2 * size_of(run.model))
    with Metrics(work / model_dir.METRICS) as metrics:
        baselines = _baselines(run, job)
        adapter = _train(run, job, watch, metrics, checkpoints)
        dtype = round_weights(run.model, run.held_out or run.train[:8], run.recipe.batch_tokens)

        watch.report(Progress("judge"))
        report, drafts = _judge(run, job, baselines, job.models / PROFILE, watch)

        version = registry.new_version(job.models, now=now, seed=job.seed)
        watch.report(Progress("save", note=version.name))
        light = _light(run, job, work)
        if light.why:
            watch.report(Progress("save", note=light.why))
        chosen = drafts[0].text if job.choose and drafts else ""
        files = artifacts.write(
            run, job, metrics, report, drafts, job.models / PROFILE, name=version.name, now=now, chosen=chosen
        )
        about = artifacts.manifest(run, job, report, now)
        model_dir.save(
            version,
            run.model,
            run.tokenizer,
            about=replace(about, figures={**about.figures, **light.figures}),
            files={**files, **light.files, **_adapter_files(run, job, adapter)},
            dtype=dtype,
            weights=not _is_adapter_alone(run, job),
        )
        shutil.rmtree(job.models / PROFILE)
    examples = [("", draft.text) for draft in drafts[:EXAMPLES]]
    watch.tracker.save(version, figures=report.figures(), examples=examples)
    return version, report


def _light(run: PreparedRun, job: Job, work: Path) -> OnnxExport:
    """The light form holds whole weights, so a version that is an adapter has none."""
    if _is_adapter_alone(run, job):
        return OnnxExport(why='no light form for a machine without torch: training.save is "adapter".')
    return export_onnx(run.model, run.tokenizer, run.held_out or run.train, work)


def _train(run: PreparedRun, job: Job, watch: Monitor, metrics: Metrics, checkpoints: Checkpoints) -> Adapter | None:
    """The adapter, where only that was trained."""
    began = watch.seconds()
    adapters: list[Adapter] = []
    steps = finetune(
        run.model,
        run.train,
        run.held_out,
        run.recipe,
        seed=job.seed,
        authors=run.authors,
        weights=run.weights,
        checkpoints=checkpoints,
        adapter=run.adapter,
        keep=adapters.append,
    )
    for step in steps:
        metrics.add(step, seconds=watch.seconds() - began)
        if step.held_out is not None:
            step = replace(step, said=_say(run, seed=step.number))  # noqa: PLW2901  the same step, with what it says
        watch.tracker.step(step)
        watch.report(Progress("train", step.number, step.of, step=step))
    metrics.complete()
    if not math.isfinite(mean_loss(run.model, run.train[:8], run.recipe.batch_tokens)):
        raise TrainingError(  # after the last step: each step reports the loss before it
            "The loss after the last step is not a number: lower the learning_rate in training/recipe.py."
        )
    return adapters[0] if adapters else None


def _say(run: PreparedRun, *, seed: int) -> str:
    """A text of the model as it is in the middle of its training."""
    sampler = TorchSampler(run.model, run.tokenizer, run.texts.tags, dtype=torch.float32)
    return sampler.draft("", n=1, seed=seed, sampling=GLIMPSE)[0].text


def _adapter_files(run: PreparedRun, job: Job, adapter: Adapter | None) -> dict[str, bytes]:
    """Nothing for an adapter to weights that are kept nowhere, such as those of a model that it went on from."""
    if adapter is None or not run.base_digest:
        return {}
    return adapter.files(artifacts.base_id(run, job), run.model.config.model_type)


def _is_adapter_alone(run: PreparedRun, job: Job) -> bool:
    return job.save == "adapter" and bool(run.base_digest)


class _Baselines(NamedTuple):
    """Held-out bits per character of other models, for the gate."""

    base: float | None  # the model before training
    current: float | None  # the current model


def _baselines(run: PreparedRun, job: Job) -> _Baselines:
    held_out, tags = run.texts.held_out, run.texts.tags if run.before else {}
    base = bits_of(run.model, run.tokenizer, held_out, context=run.context, tags=tags)
    if run.before:
        return _Baselines(base, base)  # it started from the current model
    try:
        in_use = registry.current(job.models)
        current = bits_in_use(in_use, held_out, context=run.context, device=job.device)
    except ModelError:  # a damaged model is no baseline, and this training replaces it
        current = None
    return _Baselines(base, current)


def _judge(
    run: PreparedRun, job: Job, baselines: _Baselines, work: Path, watch: Monitor
) -> tuple[Report, Sequence[Sample]]:
    """The evaluation, and the texts that it saw: posts as the bot would choose them, or else the drafts."""
    tags, sampling = run.texts.tags, job.sampling
    drafts = speak(
        run.model,
        run.tokenizer,
        tags,
        count=job.samples,
        seed=job.seed,
        sampling=sampling,
        progress=lambda done, of: watch.report(Progress("judge", done, of)),
    )
    profile = artifacts.profile(run, job, drafts, work)
    tweets = newest_last(run.trained_on)
    posts = choose_unseen(drafts, tweets, profile, job.choose) if job.choose else None
    report = evaluate(
        run.model,
        run.tokenizer,
        replace(run.texts, train=run.trained_on),
        context=run.context,
        seed=job.seed,
        drafts=drafts,
        posts=posts,
        person=profile.person,
        length=job.length,
        base_bits=baselines.base,
        current_bits=baselines.current,
    )
    return report, drafts if posts is None else posts


@contextmanager
def _work_folder(folder: Path) -> Iterator[Path]:
    """A folder that is deleted at the end or on an error; with a checkpoint in it, it survives an interruption."""
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise ModelError(f"{folder} cannot be created ({error.strerror}): move away what is there.") from error
    if folder.is_symlink():
        raise ModelError(f"{folder} is a link and not a folder: move it away.")
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
