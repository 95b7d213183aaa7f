"""LoRA: beside each frozen matrix of the layers a low-rank product is trained, and merged into the matrix at the end.

The products are kept as an adapter, a few megabytes in the format of peft. Written out here because peft computes the
products of frozen weights in fp32 copies: this takes half the time (benchmarks/training_speed.py).
"""

from __future__ import annotations

import math
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn.functional import linear

from training.learn.precision import has_fast_bf16
from training.models.adapter import Adapter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from training.recipe import Recipe


class LowRank(nn.Module):
    """A frozen matrix and the low-rank product that is added to it."""

    def __init__(self, matrix: Any, rank: int, scale: float) -> None:
        super().__init__()
        outputs, inputs = shape_of(matrix)
        device = matrix.weight.device
        self.matrix = matrix
        self.scale = scale
        self.dropout = nn.Dropout(0.0)  # the recipe's
        self.down = nn.Parameter(torch.empty(rank, inputs, device=device))
        self.up = nn.Parameter(torch.zeros(outputs, rank, device=device))  # the sum begins as the matrix itself
        nn.init.kaiming_uniform_(self.down, a=math.sqrt(5))  # peft's

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.dropout.p and self.training:  # the matrix and the product read different inputs
            return self.matrix(x) + linear(linear(self.dropout(x), self.down), self.up * self.scale)
        weight = self.matrix.weight.T if _is_transposed(self.matrix) else self.matrix.weight
        arguments = (x, weight, self.matrix.bias, self.down, self.up, self.scale)
        product: torch.Tensor = _Sum.apply(*arguments)
        # without autocast, as when the model speaks in the middle of its training, all else is in the dtype of x
        return product if torch.is_autocast_enabled(x.device.type) else product.to(x.dtype)


class _Sum(torch.autograd.Function):
    """x weight^T + bias + scale (x down^T) up^T, where only `down` and `up` are trained.

    Written out, each product is added to the one before in place, and the input is kept once: autograd alone takes a
    fifth longer and half as much memory again.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,  # (..., inputs)
        weight: torch.Tensor,  # (outputs, inputs)
        bias: torch.Tensor | None,
        down: torch.Tensor,  # (rank, inputs)
        up: torch.Tensor,  # (outputs, rank)
        scale: float,
    ) -> torch.Tensor:
        dtype = weight.dtype
        rows = x.reshape(-1, x.shape[-1]).to(dtype)
        lower = rows @ down.T.to(dtype)  # (rows, rank)
        product = linear(rows, weight, None if bias is None else bias.to(dtype))
        product.addmm_(lower, up.T.to(dtype), alpha=scale)
        ctx.save_for_backward(rows, lower, weight, down, up)
        ctx.scale, ctx.kind = scale, x.dtype
        return product.view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        rows, lower, weight, down, up = ctx.saved_tensors
        upper = gradient.reshape(-1, gradient.shape[-1]).to(rows.dtype)  # (rows, outputs)
        of_up = (upper.T @ lower).to(up.dtype).mul_(ctx.scale)
        of_lower = (upper @ up.to(rows.dtype)).mul_(ctx.scale)  # (rows, rank)
        of_down = (of_lower.T @ rows).to(down.dtype)
        of_x = None
        if ctx.needs_input_grad[0]:
            of_x = (upper @ weight).addmm_(of_lower, down.to(rows.dtype))
            of_x = of_x.view(*gradient.shape[:-1], -1).to(ctx.kind)
        return of_x, None, None, of_down, of_up, None


@contextmanager
def adapted(
    model: Any, recipe: Recipe, *, begin: Adapter | None = None, keep: Callable[[Adapter], None] = lambda _: None
) -> Iterator[None]:
    """Inside, only the products are trained; on exit they are merged into the weights and passed to `keep`.

    `begin`: the adapter that is in the model's weights already and is trained further.
    """
    if recipe.method != "lora":
        yield
        return
    layers = _attach(model, recipe, begin)
    yield
    keep(_detach(model, layers, recipe))


def count_trainable(model: Any, recipe: Recipe) -> int:
    """The number of weights that will be trained, before adapters are attached."""
    if recipe.method != "lora":
        return sum(weight.numel() for weight in model.parameters())
    return recipe.lora_rank * sum(sum(shape_of(matrix)) for matrix in matrices(model).values())


def matrices(model: Any) -> dict[str, Any]:
    """The modules of the layers that multiply by a matrix, by name: no embeddings, and not the head."""
    head = model.get_output_embeddings()
    kinds = {"Linear", "Conv1D"}  # GPT-2's Conv1D is a Linear with its matrix transposed
    return {name: part for name, part in model.named_modules() if type(part).__name__ in kinds and part is not head}


def shape_of(matrix: Any) -> tuple[int, int]:
    """Outputs and inputs."""
    first, second = matrix.weight.shape
    return (second, first) if _is_transposed(matrix) else (first, second)


def _attach(model: Any, recipe: Recipe, begin: Adapter | None) -> dict[str, LowRank]:
    model.requires_grad_(False)  # noqa: FBT003  torch's own signature
    layers = {}
    for name, matrix in matrices(model).items():
        layer = LowRank(matrix, recipe.lora_rank, recipe.lora_alpha / recipe.lora_rank)
        if begin:
            _continue(layer, *begin.factors[name])
        if has_fast_bf16(matrix.weight.device):
            matrix.weight.data = matrix.weight.data.bfloat16()  # now, and not anew at each step
        _replace(model, name, layer)
        layers[name] = layer
    return layers


@torch.no_grad()
def _continue(layer: LowRank, down: torch.Tensor, up: torch.Tensor) -> None:
    layer.down.copy_(down)
    layer.up.copy_(up)
    layer.matrix.weight -= _product(layer)


@torch.no_grad()
def _detach(model: Any, layers: Mapping[str, LowRank], recipe: Recipe) -> Adapter:
    factors = {}
    for name, layer in layers.items():
        for factor in (layer.down, layer.up):
            factor.copy_(factor.bfloat16())  # as the adapter is kept
        layer.matrix.weight.data = layer.matrix.weight.data.float() + _product(layer)
        factors[name] = layer.down.detach().bfloat16().cpu(), layer.up.detach().bfloat16().cpu()
        _replace(model, name, layer.matrix)
    model.requires_grad_(True)  # noqa: FBT003
    return Adapter(recipe.lora_rank, recipe.lora_alpha, factors)


def _product(layer: LowRank) -> torch.Tensor:
    product = layer.scale * layer.up @ layer.down  # (outputs, inputs)
    return product.T if _is_transposed(layer.matrix) else product


def _is_transposed(matrix: Any) -> bool:
    return type(matrix).__name__ == "Conv1D"


def _replace(model: Any, name: str, module: nn.Module) -> None:
    parent, _, child = name.rpartition(".")
    setattr(model.get_submodule(parent), child, module)
