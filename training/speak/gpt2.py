"""GPT-2 written out for speaking: the same function in few steps, a cache laid out once, weights as the chip likes.

It is not for learning, since it keeps copies of the weights. It does not know what is said, nor how it is chosen.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.functional import embedding, gelu, layer_norm, linear, scaled_dot_product_attention

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

CURVES = frozenset({"gelu_new", "gelu_pytorch_tanh"})  # one function, written in two ways
ROWS = 16  # for which oneDNN lays the weights out; other numbers of rows are as fast on the same layout


def is_plain_gpt2(model: Any) -> bool:
    """Is the model GPT-2 as it was published, without any of the switches that transformers adds?"""
    config = model.config
    return (
        config.model_type == "gpt2"
        and config.activation_function in CURVES
        and config.scale_attn_weights
        and not (config.scale_attn_by_inverse_layer_idx or config.add_cross_attention)
    )


class Cache:
    """The keys and values of rows that grow together: room for all of them is taken once."""

    def __init__(self, keys: torch.Tensor, values: torch.Tensor) -> None:
        self.keys = keys  # (layers, rows, heads, room, width of a head), and so are the values
        self.values = values
        self.rows = 0
        self.length = 0

    def repeat(self, rows: int) -> None:
        """What the first row has read, all have."""
        self.rows = rows
        for kept in (self.keys, self.values):
            kept[:, 1:, :, : self.length] = kept[:, :1, :, : self.length]

    def keep(self, places: Sequence[int]) -> None:
        """The others leave; only rows whose number changes are moved."""
        self.rows = len(places)
        holes = [number for number, place in enumerate(places) if number != place]
        if holes:
            movers = [places[hole] for hole in holes]
            for kept in (self.keys, self.values):
                kept[:, holes, :, : self.length] = kept[:, movers, :, : self.length]


@dataclass(frozen=True, slots=True)
class _Layer:
    norm_1: tuple[torch.Tensor, torch.Tensor]
    look: Callable[[torch.Tensor], torch.Tensor]  # queries, keys and values in one
    join: Callable[[torch.Tensor], torch.Tensor]
    norm_2: tuple[torch.Tensor, torch.Tensor]
    widen: Callable[[torch.Tensor], torch.Tensor]
    narrow: Callable[[torch.Tensor], torch.Tensor]


class Gpt2:
    """Weights of one kind of number; what runs from layer to layer is fp32, whatever they are."""

    def __init__(self, model: Any, kind: torch.dtype) -> None:
        body = model.transformer
        self.kind = kind
        self.device: torch.device = model.device
        self._heads: int = model.config.n_head
        self._epsilon: float = model.config.layer_norm_epsilon
        self._pieces = body.wte.weight.detach().to(kind)
        self._places = body.wpe.weight.detach().float()
        self._layers = [self._layer(block) for block in body.h]
        self._norm = _norm(body.ln_f)
        self._head = _packed(model.lm_head.weight.detach(), None, kind)

    def cache(self, rows: int, room: int) -> Cache:
        """`room`: tokens of a row, the beginning included."""
        width = self._places.shape[1]
        size = (len(self._layers), rows, self._heads, room, width // self._heads)
        kind = torch.float32 if self.device.type == "cpu" else self.kind
        return Cache(*(torch.empty(size, dtype=kind, device=self.device) for _ in range(2)))

    def read(self, ids: torch.Tensor, cache: Cache | None = None) -> torch.Tensor:
        """(rows, length) to (rows, length, width); into the cache, many tokens at its beginning or one behind it."""
        length = ids.shape[1]
        begin = cache.length if cache else 0
        hidden = embedding(ids, self._pieces).float() + self._places[begin : begin + length]
        for number, layer in enumerate(self._layers):
            seen = layer.look(self._normed(hidden, layer.norm_1))
            hidden = hidden + layer.join(self._attend(seen, number, cache)).float()
            hidden = hidden + layer.narrow(layer.widen(self._normed(hidden, layer.norm_2))).float()
        if cache:
            cache.length += length
        return hidden

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """(tokens, width) to (tokens, pieces)."""
        return self._head(self._normed(hidden, self._norm))

    def _attend(self, seen: torch.Tensor, number: int, cache: Cache | None) -> torch.Tensor:
        rows, length, _ = seen.shape
        query, key, value = seen.view(rows, length, 3, self._heads, -1).permute(2, 0, 3, 1, 4)
        if cache:
            end = cache.length + length
            for kept, new in ((cache.keys, key), (cache.values, value)):
                kept[number, :rows, :, cache.length : end] = new
            query = query.to(cache.keys.dtype)
            key, value = (kept[number, :rows, :, :end] for kept in (cache.keys, cache.values))
        mixed = scaled_dot_product_attention(query, key, value, is_causal=length > 1)
        return mixed.transpose(1, 2).reshape(rows, length, -1).to(self.kind)

    def _normed(self, hidden: torch.Tensor, norm: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        return layer_norm(hidden, hidden.shape[-1:], *norm, self._epsilon).to(self.kind)

    def _layer(self, block: Any) -> _Layer:
        def packed(part: Any, curve: str = "none") -> Callable[[torch.Tensor], torch.Tensor]:
            return _packed(part.weight.detach().t(), part.bias.detach(), self.kind, curve)

        look, join = packed(block.attn.c_attn), packed(block.attn.c_proj)
        widen, narrow = packed(block.mlp.c_fc, "gelu"), packed(block.mlp.c_proj)
        return _Layer(_norm(block.ln_1), look, join, _norm(block.ln_2), widen, narrow)


def _norm(part: Any) -> tuple[torch.Tensor, torch.Tensor]:
    return part.weight.detach().float(), part.bias.detach().float()


def _packed(
    weight: torch.Tensor, bias: torch.Tensor | None, kind: torch.dtype, curve: str = "none"
) -> Callable[[torch.Tensor], torch.Tensor]:
    """The product with the weights, the bias and the curve over it.

    On a processor through oneDNN's own layout, as torch's compiler does it: it takes half the time of `linear`, which
    lays the weights out anew at each step (benchmarks/speaking.py).
    """
    weight = weight.to(kind).contiguous()
    bias = None if bias is None else bias.to(kind)
    own: Any = torch.ops.mkldnn
    if weight.device.type == "cpu" and torch.backends.mkldnn.enabled and lays_out(own, kind):
        weight = own._reorder_linear_weight(weight, ROWS)  # noqa: SLF001  no public name has the layout
        return lambda x: own._linear_pointwise(x, weight, bias, curve, [], "tanh" if curve == "gelu" else "")  # noqa: SLF001
    if curve == "gelu":
        return lambda x: gelu(linear(x, weight, bias), approximate="tanh")
    return lambda x: linear(x, weight, bias)


@cache
def lays_out(own: Any, kind: torch.dtype) -> bool:
    """Has this torch these operations, on this chip, for such numbers? They have no public name and no promise."""
    weight, bias = torch.eye(ROWS, dtype=kind), torch.zeros(ROWS, dtype=kind)
    try:
        weight = own._reorder_linear_weight(weight, ROWS)  # noqa: SLF001
        for curve, way in (("none", ""), ("gelu", "tanh")):
            own._linear_pointwise(bias[None], weight, bias, curve, [], way)  # noqa: SLF001
    except (AttributeError, RuntimeError, TypeError):
        return False
    return True
