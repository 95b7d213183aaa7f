"""GPT-2's forward pass written out for inference: few operations, a preallocated cache, weights laid out for the chip.

Not for training, since it keeps copies of the weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.functional import embedding, gelu, layer_norm, linear, scaled_dot_product_attention

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

TANH_GELUS = frozenset({"gelu_new", "gelu_pytorch_tanh"})  # two implementations of one function
ROWS = 16  # for which oneDNN lays the weights out; other numbers of rows are as fast on the same layout


def is_plain_gpt2(model: Any) -> bool:
    """Whether the model is GPT-2 as it was published, without any of the switches that transformers adds."""
    config = model.config
    return (
        config.model_type == "gpt2"
        and config.activation_function in TANH_GELUS
        and config.scale_attn_weights
        and not (config.scale_attn_by_inverse_layer_idx or config.add_cross_attention)
    )


class Cache:
    """The keys and values of rows that grow together; allocated once, at full size."""

    def __init__(self, keys: torch.Tensor, values: torch.Tensor) -> None:
        self.keys = keys  # (layers, rows, heads, tokens, width of a head), and so are the values
        self.values = values
        self.rows = 0
        self.length = 0

    def repeat(self, rows: int) -> None:
        """Copy the first row to all other rows."""
        self.rows = rows
        for cached in (self.keys, self.values):
            cached[:, 1:, :, : self.length] = cached[:, :1, :, : self.length]

    def keep(self, rows: Sequence[int]) -> None:
        """Drop the other rows; only rows whose number changes are moved."""
        self.rows = len(rows)
        targets = [number for number, row in enumerate(rows) if number != row]
        if targets:
            sources = [rows[number] for number in targets]
            for cached in (self.keys, self.values):
                cached[:, targets, :, : self.length] = cached[:, sources, :, : self.length]


@dataclass(frozen=True, slots=True)
class _Layer:
    norm_1: tuple[torch.Tensor, torch.Tensor]
    qkv: Callable[[torch.Tensor], torch.Tensor]
    output: Callable[[torch.Tensor], torch.Tensor]
    norm_2: tuple[torch.Tensor, torch.Tensor]
    up: Callable[[torch.Tensor], torch.Tensor]
    down: Callable[[torch.Tensor], torch.Tensor]


class Gpt2:
    """A GPT-2 with weights in `dtype`; the residual stream is always fp32."""

    def __init__(self, model: Any, dtype: torch.dtype) -> None:
        body = model.transformer
        self.dtype = dtype
        self.device: torch.device = model.device
        self._heads: int = model.config.n_head
        self._epsilon: float = model.config.layer_norm_epsilon
        self._pieces = body.wte.weight.detach().to(dtype)
        self._positions = body.wpe.weight.detach().float()
        self._layers = [self._layer(block) for block in body.h]
        self._norm = _norm(body.ln_f)
        self._head = _product(model.lm_head.weight.detach(), None, dtype)

    def cache(self, rows: int, max_length: int) -> Cache:
        """`max_length`: tokens of a row, the prefix included."""
        width = self._positions.shape[1]
        size = (len(self._layers), rows, self._heads, max_length, width // self._heads)
        dtype = torch.float32 if self.device.type == "cpu" else self.dtype
        return Cache(*(torch.empty(size, dtype=dtype, device=self.device) for _ in range(2)))

    def read(self, ids: torch.Tensor, cache: Cache | None = None) -> torch.Tensor:
        """(rows, length) to (rows, length, width); an empty cache takes many tokens, a filled one takes one more."""
        length = ids.shape[1]
        begin = cache.length if cache else 0
        hidden = embedding(ids, self._pieces).float() + self._positions[begin : begin + length]
        for number, layer in enumerate(self._layers):
            qkv = layer.qkv(self._normed(hidden, layer.norm_1))
            hidden = hidden + layer.output(self._attend(qkv, number, cache)).float()
            hidden = hidden + layer.down(layer.up(self._normed(hidden, layer.norm_2))).float()
        if cache:
            cache.length += length
        return hidden

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """(tokens, width) to (tokens, pieces)."""
        return self._head(self._normed(hidden, self._norm))

    def _attend(self, qkv: torch.Tensor, number: int, cache: Cache | None) -> torch.Tensor:
        rows, length, _ = qkv.shape
        query, key, value = qkv.view(rows, length, 3, self._heads, -1).permute(2, 0, 3, 1, 4)
        if cache:
            end = cache.length + length
            for cached, new in ((cache.keys, key), (cache.values, value)):
                cached[number, :rows, :, cache.length : end] = new
            query = query.to(cache.keys.dtype)
            key, value = (cached[number, :rows, :, :end] for cached in (cache.keys, cache.values))
        mixed = scaled_dot_product_attention(query, key, value, is_causal=length > 1)
        return mixed.transpose(1, 2).reshape(rows, length, -1).to(self.dtype)

    def _normed(self, hidden: torch.Tensor, norm: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        return layer_norm(hidden, hidden.shape[-1:], *norm, self._epsilon).to(self.dtype)

    def _layer(self, block: Any) -> _Layer:
        def product(part: Any, activation: str = "none") -> Callable[[torch.Tensor], torch.Tensor]:
            return _product(part.weight.detach().t(), part.bias.detach(), self.dtype, activation)

        qkv, output = product(block.attn.c_attn), product(block.attn.c_proj)
        up, down = product(block.mlp.c_fc, "gelu"), product(block.mlp.c_proj)
        return _Layer(_norm(block.ln_1), qkv, output, _norm(block.ln_2), up, down)


def _norm(part: Any) -> tuple[torch.Tensor, torch.Tensor]:
    return part.weight.detach().float(), part.bias.detach().float()


def _product(
    weight: torch.Tensor, bias: torch.Tensor | None, dtype: torch.dtype, activation: str = "none"
) -> Callable[[torch.Tensor], torch.Tensor]:
    """The product with the weights, with the bias and the activation fused where possible.

    On a processor in oneDNN's own layout, as torch's compiler does it: it takes half the time of `linear`, which
    lays the weights out anew at each step (benchmarks/speaking.py).
    """
    weight = weight.to(dtype).contiguous()
    bias = None if bias is None else bias.to(dtype)
    ops: Any = torch.ops.mkldnn
    if weight.device.type == "cpu" and torch.backends.mkldnn.enabled and has_packed_linear(ops, dtype):
        weight = ops._reorder_linear_weight(weight, ROWS)  # noqa: SLF001  no public name has the layout
        return lambda x: ops._linear_pointwise(  # noqa: SLF001
            x, weight, bias, activation, [], "tanh" if activation == "gelu" else ""
        )
    if activation == "gelu":
        return lambda x: gelu(linear(x, weight, bias), approximate="tanh")
    return lambda x: linear(x, weight, bias)


@cache
def has_packed_linear(ops: Any, dtype: torch.dtype) -> bool:
    """Whether this torch has these operations, on this chip, for this dtype: they are neither public nor stable."""
    weight, bias = torch.eye(ROWS, dtype=dtype), torch.zeros(ROWS, dtype=dtype)
    try:
        weight = ops._reorder_linear_weight(weight, ROWS)  # noqa: SLF001
        for activation, algorithm in (("none", ""), ("gelu", "tanh")):
            ops._linear_pointwise(bias[None], weight, bias, activation, [], algorithm)  # noqa: SLF001
    except (AttributeError, RuntimeError, TypeError):
        return False
    return True
