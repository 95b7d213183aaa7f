"""The loop, one page. It yields what happened at each step; others report it, time it and save the model."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import torch

from training.batches import endless, once
from training.errors import OutOfRoom, TrainingError
from training.loss import surprise

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from training.batches import Batch, Row
    from training.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Step:
    """One step, in numbers; losses are nats per token."""

    number: int  # from 1
    of: int
    loss: float
    tokens: int  # learnt in this step, padding not counted
    held_out: float | None = None  # where this step was followed by a look at the held-out tweets


def finetune(model: Any, train: Sequence[Row], held_out: Sequence[Row], recipe: Recipe, *, seed: int) -> Iterator[Step]:
    """Teach the model in place; after the last step it holds its last weights or its best, as the recipe says."""
    threads = torch.get_num_threads()
    torch.set_num_threads(recipe.threads or threads)
    try:
        yield from _steps(model, train, held_out, recipe, seed)
    finally:
        torch.set_num_threads(threads)


def _steps(model: Any, train: Sequence[Row], held_out: Sequence[Row], recipe: Recipe, seed: int) -> Iterator[Step]:
    torch.manual_seed(seed)  # dropout draws from the global generator
    steps = count_steps(train, recipe)
    looks = {round(steps * part / recipe.looks) for part in range(1, recipe.looks + 1)}
    optimizer = _optimizer(model, recipe)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _share_of_rate(step, steps, recipe))
    _set_dropout(model, recipe.dropout)
    best = _Best()
    for number, batch in enumerate(islice(endless(train, recipe.batch_tokens, seed), steps), start=1):
        loss = learn(model, [batch], [optimizer], recipe.clip)
        if not math.isfinite(loss):
            raise TrainingError(f"The loss is {loss} at step {number}: lower the learning_rate in training/recipe.py.")
        schedule.step()
        judged = mean_surprise(model, held_out, recipe.batch_tokens) if held_out and number in looks else None
        if judged is not None and recipe.keep_best:
            best.consider(model, judged)
        yield Step(number, steps, loss, batch.tokens, judged)
    best.restore(model)
    model.eval()


def count_steps(train: Sequence[Row], recipe: Recipe) -> int:
    """So many that each token is seen `epochs` times, within the recipe's bound."""
    tokens = sum(len(row) - 1 for row in train)
    return min(recipe.max_steps, max(1, math.ceil(recipe.epochs * tokens / recipe.batch_tokens)))


def mean_surprise(model: Any, rows: Sequence[Row], batch_tokens: int) -> float:
    nats, tokens = total_surprise(model, rows, batch_tokens)
    return nats / tokens


@torch.no_grad()
def total_surprise(model: Any, rows: Sequence[Row], batch_tokens: int) -> tuple[float, int]:
    """Nats and tokens of all rows, every row on its own."""
    model.eval()
    nats, tokens = 0.0, 0
    for batch in once(rows, batch_tokens):
        with autocast(model.device):
            nats += float(surprise(model, batch.to(model.device)).sum())
        tokens += batch.tokens
    return nats, tokens


def autocast(device: torch.device) -> torch.autocast:
    """bf16 where the chip multiplies it faster than fp32; the weights stay fp32."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=has_bf16(device))


def has_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    chip = torch.cpu.get_capabilities()
    return device.type == "cpu" and bool(chip.get("avx512_bf16") or chip.get("amx_bf16"))


def learn(model: Any, parts: Sequence[Batch], optimizers: Sequence[torch.optim.Optimizer], clip: float) -> float:
    """One step down for all parts together, which are in memory one after the other; the loss before it."""
    model.train()
    tokens = sum(part.tokens for part in parts)
    loss = torch.zeros((), device=model.device)
    try:
        for part in parts:
            with autocast(model.device):
                share = surprise(model, part.to(model.device)).sum() / tokens
            share.backward()
            loss += share.detach()
        torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
        for optimizer in optimizers:
            optimizer.step()
    except RuntimeError as error:  # torch.OutOfMemoryError on a GPU, this with a text on a CPU
        if "allocate" not in str(error):
            raise
        raise OutOfRoom(
            f"The memory of {model.device} is too small for a batch of {tokens} tokens: "
            "lower batch_tokens in training/recipe.py or take a smaller base_model."
        ) from error
    for optimizer in optimizers:
        optimizer.zero_grad(set_to_none=True)
    return loss.item()


def _optimizer(model: Any, recipe: Recipe) -> torch.optim.Optimizer:
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    groups = [
        {"params": [weight for weight in weights if weight.dim() > 1], "weight_decay": recipe.weight_decay},
        {"params": [weight for weight in weights if weight.dim() <= 1], "weight_decay": 0.0},  # biases, norms
    ]
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=recipe.betas, fused=model.device.type != "mps")


def _share_of_rate(step: int, steps: int, recipe: Recipe) -> float:
    """A linear warm-up, then half a cosine down to the floor."""
    warmup = recipe.warmup * steps
    if step < warmup:
        return (step + 1) / (warmup + 1)
    done = (step - warmup) / max(1.0, steps - warmup)
    return recipe.floor + (1 - recipe.floor) * 0.5 * (1 + math.cos(math.pi * done))


def _set_dropout(model: Any, share: float) -> None:
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = share


class _Best:
    """The weights that did best on tweets that the model does not learn from."""

    def __init__(self) -> None:
        self._loss = math.inf
        self._weights: dict[str, torch.Tensor] | None = None

    def consider(self, model: Any, loss: float) -> None:
        if loss < self._loss:
            self._loss = loss
            self._weights = {name: weight.clone() for name, weight in model.state_dict().items()}

    def restore(self, model: Any) -> None:
        if self._weights is not None:
            model.load_state_dict(self._weights)
