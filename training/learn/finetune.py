"""The training loop. Yields what happened at each step; its callers report, time and save."""

from __future__ import annotations

import math
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import torch

from training.errors import OutOfMemory, Stopped, TrainingError
from training.learn import mixing
from training.learn.batches import endless, once, pad
from training.learn.distributed import ALONE, ProcessGroup
from training.learn.fast_cpu import fast_cpu, freed_memory_kept
from training.learn.lora import adapted
from training.learn.loss import has_plain_head, token_losses
from training.learn.precision import autocast
from training.learn.sampled_softmax import sampled_vocabularies
from training.learn.trainer_state import TrainerState, size_of_state

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from training.learn.batches import Batch, Row
    from training.learn.checkpoint import Checkpoints
    from training.learn.sampled_softmax import SampledVocabulary
    from training.models.adapter import Adapter
    from training.recipe import Recipe


SMALL = 256_000_000  # bytes of a checkpoint that is written in a second or two anywhere


@dataclass(frozen=True, slots=True)
class Step:
    """One step, in numbers; losses are nats per token."""

    number: int  # from 1
    of: int
    loss: float
    tokens: int  # in this step, without padding
    held_out: float | None = None  # the loss on the held-out tweets, where it was evaluated after this step
    rate: float = 0.0
    said: str = ""  # a text that the model generates by now, where it was asked for one


def finetune(
    model: Any,
    train: Sequence[Row],
    held_out: Sequence[Row],
    recipe: Recipe,
    *,
    seed: int,
    authors: Sequence[str] = (),
    weights: Sequence[float] = (),
    checkpoints: Checkpoints | None = None,
    adapter: Adapter | None = None,
    keep: Callable[[Adapter], None] = lambda _: None,
) -> Generator[Step]:
    """Train the model in place; after the last step it has its last weights or its best, as the recipe says.

    `authors` and `weights` have one item for each row; without them, all rows have one author and the same weight.
    LoRA goes on from `adapter`, which is in the model's weights, and passes the trained one to `keep`.
    Resumed from a checkpoint, it ends with exactly the weights of an uninterrupted run.
    """
    torch.manual_seed(seed)  # dropout, negatives and LoRA's initial weights draw from the global generator
    decks = authors or [""] * len(train), weights or [1.0] * len(train)
    with (
        computing(model.device, recipe.threads),
        freed_memory_kept(),
        fast_cpu(model),
        adapted(model, recipe, begin=adapter, keep=keep),
    ):
        yield from _steps(model, train, decks, held_out, recipe, seed, checkpoints)


def _steps(
    model: Any,
    train: Sequence[Row],
    decks: tuple[Sequence[str], Sequence[float]],
    held_out: Sequence[Row],
    recipe: Recipe,
    seed: int,
    checkpoints: Checkpoints | None,
) -> Iterator[Step]:
    steps = count_steps(train, recipe, authors=decks[0], weights=decks[1], seed=seed)
    evaluations = {round(steps * part / recipe.looks) for part in range(1, recipe.looks + 1)}
    trainer_state = TrainerState(model, recipe)
    set_dropout(model, recipe.dropout)
    vocabularies = sampled_vocabularies(
        train, model.get_input_embeddings().weight, recipe.negatives if has_plain_head(model) else 1
    )
    done = trainer_state.resume(checkpoints)
    groups = endless(train, mixing.passes(lengths(train), *decks, seed=seed), recipe.batch_tokens, seed)
    for number, rows in enumerate(islice(groups, done, steps), start=done + 1):
        rate = trainer_state.set_rate(recipe.learning_rate * _share_of_rate(number - 1, steps, recipe))
        part = pad(rows)
        loss = learn(model, [part], [trainer_state.optimizer], recipe.clip, sampled=next(vocabularies))
        if not math.isfinite(loss):
            raise TrainingError(f"The loss is {loss} at step {number}: lower the learning_rate in training/recipe.py.")
        trainer_state.average(number)
        evaluated = None
        if held_out and number in evaluations:
            with trainer_state.averaged():
                evaluated = mean_loss(model, held_out, recipe.batch_tokens)
                if recipe.keep_best:
                    trainer_state.consider(evaluated)
        yield Step(number, steps, loss, part.tokens, evaluated, rate)
        if checkpoints:  # the caller has reported the step by now
            is_small = size_of_state(model, recipe) < SMALL
            _save(checkpoints, trainer_state, number, steps, is_small=is_small)
    trainer_state.finish()
    model.eval()


def _save(checkpoints: Checkpoints, trainer_state: TrainerState, number: int, steps: int, *, is_small: bool) -> None:
    """Save a checkpoint where it is time for one, or where somebody wants to stop.

    After the last step too if it is small or there is one already: the evaluation may take as long as the training.
    """
    stops = checkpoints.stops()
    if stops or (checkpoints.due() if number < steps else is_small or checkpoints.path.exists()):
        checkpoints.save(trainer_state.state(number))
    if stops:
        raise Stopped(f"stopped after step {number} of {steps}")


def count_steps(
    train: Sequence[Row],
    recipe: Recipe,
    *,
    authors: Sequence[str] = (),
    weights: Sequence[float] = (),
    seed: int = 0,
) -> int:
    """The number of steps for `epochs` passes, at most the recipe's `max_steps`."""
    sizes = lengths(train)
    order = next(mixing.passes(sizes, authors or [""] * len(train), weights or [1.0] * len(train), seed=seed))
    tokens = sum(sizes[number] for number in order)
    return min(recipe.max_steps, max(1, math.ceil(recipe.epochs * tokens / recipe.batch_tokens)))


def lengths(rows: Sequence[Row]) -> list[int]:
    """The number of targets in each row."""
    return [len(row) - 1 for row in rows]


def mean_loss(model: Any, rows: Sequence[Row], batch_tokens: int) -> float:
    nats, tokens = total_loss(model, rows, batch_tokens)
    return nats / tokens


@torch.no_grad()
def total_loss(model: Any, rows: Sequence[Row], batch_tokens: int) -> tuple[float, int]:
    """The summed loss in nats, and the number of tokens, of all rows."""
    model.eval()
    nats, tokens = 0.0, 0
    for batch in once(rows, batch_tokens):
        with autocast(model.device):
            nats += float(token_losses(model, batch.to(model.device)).sum())
        tokens += batch.tokens
    return nats, tokens


def learn(
    model: Any,
    parts: Sequence[Batch],
    optimizers: Sequence[torch.optim.Optimizer],
    clip: float,
    process_group: ProcessGroup = ALONE,
    sampled: SampledVocabulary | None = None,
) -> float:
    """One optimizer step on all parts, computed one at a time to save memory; returns the loss before the step."""
    model.train()
    tokens = sum(part.tokens for part in parts)
    loss = torch.zeros((), device=model.device)
    with within_memory(model.device, f"a batch of {tokens} tokens"):
        for part in process_group.share(parts):
            with autocast(model.device):
                share = token_losses(model, part.to(model.device), sampled).sum() / tokens
            share.backward()
            loss += share.detach()
        process_group.add_up(model, loss)
        torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
        for optimizer in optimizers:
            optimizer.step()
    for optimizer in optimizers:
        optimizer.zero_grad(set_to_none=True)
    return loss.item()


@contextmanager
def within_memory(device: torch.device, what: str) -> Iterator[None]:
    """Raise an OutOfMemory that says what did not fit."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:  # torch.OutOfMemoryError on a GPU, a plain RuntimeError on a CPU
        if "alloc" not in str(error) and not isinstance(error, (torch.OutOfMemoryError, MemoryError)):
            raise
        raise OutOfMemory(
            f"The memory of {device} is too small for {what}: "
            "lower batch_tokens in training/recipe.py or take a smaller base_model."
        ) from error


@contextmanager
def computing(device: torch.device, threads: int) -> Iterator[None]:
    """Torch's settings for training and evaluation, restored afterwards."""
    before = torch.get_num_threads(), torch.get_float32_matmul_precision()
    torch.set_num_threads(threads or before[0])
    # TF32 on a GPU; on a processor oneDNN, which is twice as fast in fp32 as torch's own kernels
    torch.set_float32_matmul_precision("high" if device.type == "cuda" else "medium")
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        torch.set_float32_matmul_precision(before[1])


def _share_of_rate(step: int, steps: int, recipe: Recipe) -> float:
    """Linear warm-up, then cosine decay to the floor."""
    warmup = recipe.warmup * steps
    if step < warmup:
        return (step + 1) / (warmup + 1)
    done = (step - warmup) / max(1.0, steps - warmup)
    return recipe.floor + (1 - recipe.floor) * 0.5 * (1 + math.cos(math.pi * done))


def set_dropout(model: Any, share: float) -> None:
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = share
