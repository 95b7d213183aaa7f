"""Faster training on a processor, with the same results; the model is restored afterwards.

LOG: 2026-11-21, speed, and 2026-11-30, SmolLM2. The known architectures alone: others were not measured.
"""

from __future__ import annotations

import ctypes
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn.functional import silu

from training.errors import UnknownArchitecture
from training.models import architecture

if TYPE_CHECKING:
    from collections.abc import Iterator

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # malloc.h
KEPT_BLOCK = 2**30  # bytes; the largest are logits, below 2**28
KEPT_AT_MOST = 2**31 - 1  # the largest int
GLIBC_DEFAULT = 2**17


@contextmanager
def fast_cpu(model: Any) -> Iterator[None]:
    """Eager attention, since torch's kernel is made for rows longer than tweets, and fewer passes over memory."""
    if model.device.type != "cpu" or not _is_known(model.config):
        yield
        return
    attention = model.config._attn_implementation  # noqa: SLF001  transformers has no public name for it
    slow = [
        (parent, name, child, fast)
        for parent in model.modules()
        for name, child in parent.named_children()
        if (fast := _faster(child)) is not None
    ]
    model.set_attn_implementation("eager")
    for parent, name, _, fast in slow:
        setattr(parent, name, fast)
    try:
        yield
    finally:
        model.set_attn_implementation(attention)
        for parent, name, child, _ in slow:
            setattr(parent, name, child)


@contextmanager
def freed_memory_kept() -> Iterator[None]:
    """Let malloc keep what a step frees for the next one; otherwise the kernel clears the same gigabyte at each step.

    LOG: 2026-11-30, memory. Only glibc has these settings; they are for the whole process, which trims at the end.
    """
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    if libc is None or not hasattr(libc, "mallopt") or not hasattr(libc, "malloc_trim"):
        yield
        return
    libc.mallopt(_MMAP_THRESHOLD, KEPT_BLOCK)
    libc.mallopt(_TRIM_THRESHOLD, KEPT_AT_MOST)
    try:
        yield
    finally:
        libc.mallopt(_MMAP_THRESHOLD, GLIBC_DEFAULT)
        libc.mallopt(_TRIM_THRESHOLD, GLIBC_DEFAULT)
        libc.malloc_trim(0)


class RmsNorm(nn.Module):
    """The norm of Llama and Qwen, with the same parameter."""

    def __init__(self, norm: Any) -> None:
        super().__init__()
        self.weight = norm.weight
        self.epsilon = float(norm.variance_epsilon)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        normed: torch.Tensor = _Normed.apply(x, self.weight, self.epsilon)
        return normed


class GatedMlp(nn.Module):
    """silu(gate) x up, then down: the layers of Llama and Qwen."""

    def __init__(self, mlp: Any) -> None:
        super().__init__()
        self.gate_proj, self.up_proj, self.down_proj = mlp.gate_proj, mlp.up_proj, mlp.down_proj

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        gated = _Gated.apply(self.gate_proj(x), self.up_proj(x))
        output: torch.Tensor = self.down_proj(gated)
        return output


class _Normed(torch.autograd.Function):
    """Keeps the input alone, and not the four results on the way."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, epsilon: float) -> torch.Tensor:
        wide = x.float()
        scale = (torch.linalg.vector_norm(wide, dim=-1, keepdim=True).square_() / x.shape[-1]).add_(epsilon).rsqrt_()
        ctx.save_for_backward(x, scale, weight)
        # what follows is a product, in autocast's precision: converted once here, and not by each of three
        kind = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else x.dtype
        return (wide * scale).mul_(weight).to(kind)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        x, scale, weight = ctx.saved_tensors
        direction = x.float() * scale
        upper = gradient.float()
        of_weight = (upper * direction).flatten(0, -2).sum(0).to(weight.dtype) if ctx.needs_input_grad[1] else None
        upper = upper * weight
        share = (upper * direction).mean(-1, keepdim=True)
        return upper.addcmul_(direction, share, value=-1).mul_(scale).to(x.dtype), of_weight, None


class _Gated(torch.autograd.Function):
    """Keeps both factors, and not the activation too."""

    @staticmethod
    def forward(ctx: Any, gate: torch.Tensor, up: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(gate, up)
        return silu(gate).mul_(up)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        gate, up = ctx.saved_tensors
        of_gate = torch.ops.aten.silu_backward(gradient * up, gate)
        return of_gate, silu(gate).mul_(gradient)


def _faster(module: Any) -> nn.Module | None:
    """What does the same in less time; None where nothing is known."""
    kind = type(module).__name__
    if kind == "NewGELUActivation":  # "gelu_new" in config.json, as in OpenAI's GPT-2
        return nn.GELU(approximate="tanh")
    if kind.endswith("RMSNorm") and hasattr(module, "variance_epsilon"):
        return RmsNorm(module)
    if kind.endswith("MLP") and isinstance(getattr(module, "act_fn", None), nn.SiLU) and hasattr(module, "gate_proj"):
        return GatedMlp(module)
    return None


def _is_known(config: Any) -> bool:
    try:
        architecture.read(config)
    except UnknownArchitecture:
        return False
    return True
