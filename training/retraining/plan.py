"""What a retraining would do, how long it would take and what it would need. Nothing is written.

The time is estimated from three real steps on a model that is then discarded.
"""

from __future__ import annotations

import resource
import sys
from dataclasses import dataclass
from itertools import islice, pairwise
from statistics import median
from typing import TYPE_CHECKING

from training.errors import ModelError
from training.learn.finetune import count_steps, finetune
from training.learn.lora import count_trainable
from training.learn.trainer_state import KEPT, size_of_state
from training.retraining.prepare import prepare
from training.speak import onnx_weights

if TYPE_CHECKING:
    from training.retraining.job import Job, Monitor, Tweets
    from training.retraining.prepare import PreparedRun

HALF = 2  # bytes of a weight
FILES = 8 << 20  # bytes of the tokenizer, the pictures and whatever else is in a version
STEPS = 3  # after a first one that warms up
EVALUATION = 1 / 3  # of the time of training on a token: the forward pass without the backward pass


@dataclass(frozen=True, slots=True)
class Plan:
    """Bytes and seconds; `seconds` are for the training alone, on a machine as busy as now."""

    base: str
    authors: tuple[str, ...]
    train: int  # tweets
    held_out: int
    tokens: int
    steps: int
    method: str
    device: str
    seconds: float
    disk: int  # the new version
    disk_meanwhile: int  # the checkpoints during the training
    memory: int

    def sentences(self) -> list[str]:
        names = ", ".join(f"@{author}" for author in self.authors)
        return [
            f"{self.train:,} training tweets of {names} ({self.tokens:,} tokens), {self.held_out:,} held out",
            f"{self.steps:,} steps from {self.base} ({self.method}, on {self.device})",
            f"about {_span(self.seconds)}, estimated from {STEPS} real steps; the evaluation comes on top",
            f"{_size(self.disk)} of disk for the model, up to {_size(self.disk_meanwhile)} more during the training",
            f"{_size(self.memory)} of memory at least",
            "nothing was changed",
        ]


def plan(tweets: Tweets, job: Job, watch: Monitor) -> Plan:
    """Prepare the training, run three steps, and estimate the rest."""
    run = prepare(tweets, job, watch.report)
    if why := run.why_unknown_language(job.base):
        raise ModelError(why)
    steps = count_steps(run.train, run.recipe, authors=run.authors, weights=run.weights, seed=job.seed)
    disk, checkpoint = _disk(run, job), size_of_state(run.model, run.recipe)
    return Plan(
        base=job.base if job.begin == "base" else "the current model",
        authors=tuple(dict.fromkeys(run.authors)),
        train=len(run.train),
        held_out=len(run.held_out),
        tokens=sum(len(row) - 1 for row in run.train),
        steps=steps,
        method=run.recipe.method,
        device=run.model.device.type,
        seconds=_seconds(run, job, watch, steps),
        disk=disk,
        disk_meanwhile=2 * checkpoint,  # the last one, and the next one while it is written
        memory=_memory() + checkpoint // KEPT,  # and the best weights so far
    )


def _disk(run: PreparedRun, job: Job) -> int:
    """The new version: weights and adapter in bf16, and the light form."""
    adapter = HALF * count_trainable(run.model, run.recipe) if run.recipe.method == "lora" else 0
    if run.base_digest and job.save == "adapter":
        return adapter + FILES
    weights = sum(weight.numel() for weight in run.model.parameters())
    return HALF * weights + onnx_weights.size_of(run.model) + adapter + FILES


def _seconds(run: PreparedRun, job: Job, watch: Monitor, steps: int) -> float:
    """The estimated time of all steps and of the evaluations on the held-out tweets."""
    training = finetune(run.model, run.train, [], run.recipe, seed=job.seed, authors=run.authors, weights=run.weights)
    moments, tokens = [watch.seconds()], []
    for step in islice(training, STEPS + 1):
        moments.append(watch.seconds())
        tokens.append(step.tokens)
    training.close()
    durations = [after - before for before, after in pairwise(moments)]
    each = median(durations[1:] or durations)
    per_token = each / median(tokens[1:] or tokens)
    evaluated = run.recipe.looks * sum(len(row) - 1 for row in run.held_out)
    return steps * each + evaluated * per_token * EVALUATION


def _memory() -> int:
    """The peak memory of this process in bytes, including the trial steps."""
    import torch

    if torch.cuda.is_available() and torch.cuda.max_memory_allocated():
        return torch.cuda.max_memory_allocated()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # macOS counts bytes, Linux kibibytes


def _span(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{seconds:.0f} s" if minutes < 2 else f"{minutes} min" if minutes < 120 else f"{minutes / 60:.1f} h"


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{max(1, round(count / 1e6))} MB"
