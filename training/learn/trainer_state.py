"""The state that a checkpoint holds: the weights, the optimizer, the mean of the last weights, and the best so far."""

from __future__ import annotations

import math
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

from training.learn.lora import count_trainable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from training.learn.checkpoint import Checkpoints
    from training.recipe import Recipe


KEPT = 5  # times the trainable weights: these, AdamW's two averages, their own mean and the best so far
FP32 = 4  # bytes


class TrainerState:
    """The best weights are those with the lowest loss on the held-out tweets."""

    def __init__(self, model: Any, recipe: Recipe) -> None:
        self.optimizer = _optimizer(model, recipe)
        self._weights = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
        self._best_loss = math.inf
        self._best: dict[str, torch.Tensor] = {}
        self._averaging = recipe.averaging
        self._mean: dict[str, torch.Tensor] = {}

    @torch.no_grad()
    def average(self, number: int) -> None:
        """Include the weights after this step in the mean; at the beginning it forgets faster."""
        if not self._averaging:
            return
        if not self._mean:
            self._mean = {name: weight.detach().clone() for name, weight in self._weights.items()}
        share = 1 - min(self._averaging, (1 + number) / (10 + number))
        torch._foreach_lerp_(list(self._mean.values()), list(self._weights.values()), share)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Inside, the model has the mean of its weights, where one is kept."""
        if not self._mean:
            yield
            return
        own = {name: weight.detach().clone() for name, weight in self._weights.items()}
        self._put(self._mean)
        try:
            yield
        finally:
            self._put(own)

    def set_rate(self, rate: float) -> float:
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        return rate

    def consider(self, loss: float) -> None:
        if loss < self._best_loss:
            self._best_loss = loss
            self._best = {name: weight.detach().clone() for name, weight in self._weights.items()}

    def finish(self) -> None:
        """Take the best weights, or else the mean of the last."""
        if final := self._best or self._mean:
            self._put(final)

    def state(self, number: int) -> dict[str, Any]:
        return {
            "step": number,
            "weights": {name: weight.detach() for name, weight in self._weights.items()},
            "optimizer": self.optimizer.state_dict(),
            "best_loss": self._best_loss,
            "best": self._best,
            "mean": self._mean,
        }

    def resume(self, checkpoints: Checkpoints | None) -> int:
        """The number of steps that are already done."""
        device = next(iter(self._weights.values())).device
        state = checkpoints.resume(device) if checkpoints else None
        if state is None:
            return 0
        self._put(state["weights"])
        self.optimizer.load_state_dict(state["optimizer"])
        self._best_loss, self._best, self._mean = state["best_loss"], state["best"], state["mean"]
        number: int = state["step"]
        return number

    @torch.no_grad()
    def _put(self, weights: dict[str, torch.Tensor]) -> None:
        for name, weight in self._weights.items():
            weight.copy_(weights[name])


def size_of_state(model: Any, recipe: Recipe) -> int:
    """The bytes of a checkpoint of this model, before training."""
    return KEPT * FP32 * count_trainable(model, recipe)


def _optimizer(model: Any, recipe: Recipe) -> torch.optim.Optimizer:
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    groups = [
        {"params": [weight for weight in weights if weight.dim() > 1], "weight_decay": recipe.weight_decay},
        {"params": [weight for weight in weights if weight.dim() <= 1], "weight_decay": 0.0},  # biases, norms
    ]
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=recipe.betas, fused=model.device.type != "mps")
