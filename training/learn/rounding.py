"""Rounding of weights to bf16, which halves a model folder, where that costs nothing that can be measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from training.learn.finetune import mean_loss

if TYPE_CHECKING:
    from collections.abc import Sequence

    from training.learn.batches import Row

COST = 0.001  # of the loss; three seeds of one training differ by four times as much


@torch.no_grad()
def round_weights(model: Any, rows: Sequence[Row], batch_tokens: int) -> torch.dtype:
    """The precision to save in. The weights are rounded to it, so that what is judged is what is saved."""
    before = mean_loss(model, rows, batch_tokens)
    exact = [weight.detach().clone() for weight in model.parameters()]
    for weight in model.parameters():
        weight.copy_(weight.bfloat16())
    if mean_loss(model, rows, batch_tokens) <= before * (1 + COST):
        return torch.bfloat16
    for weight, original in zip(model.parameters(), exact, strict=True):
        weight.copy_(original)
    return torch.float32
