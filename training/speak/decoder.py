"""One forward pass for all known architectures, written out for inference.

Few operations, a preallocated cache, weights laid out for the chip. Not for training, since it copies the weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.functional import embedding, gelu, layer_norm, linear, rms_norm, scaled_dot_product_attention, silu

from training.models import architecture

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from training.models.architecture import Activation, Layer

    Product = Callable[[torch.Tensor], torch.Tensor]
    Norm = tuple[torch.Tensor, torch.Tensor | None]  # weight and bias

ROWS = 16  # for which oneDNN lays the weights out; other numbers of rows are as fast on the same layout
FUSED = {"tanh": ("gelu", "tanh"), "erf": ("gelu", "none"), "silu": ("swish", ""), None: ("none", "")}  # oneDNN's names


class Cache:
    """The keys and values of rows that grow together; allocated once, at full size."""

    def __init__(self, keys: torch.Tensor, values: torch.Tensor) -> None:
        self.keys = keys  # (layers, rows, key/value heads, tokens, width of a head), and so are the values
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
    about: Layer
    norm_1: Norm
    qkv: Product
    qk_norm: torch.Tensor | None  # (heads of queries and keys, width of a head)
    output: Product
    post_1: Norm | None
    norm_2: Norm
    gate: Product | None
    up: Product
    down: Product
    post_2: Norm | None


class Decoder:
    """A model with weights in `dtype`; the residual stream is always fp32."""

    def __init__(self, model: Any, dtype: torch.dtype) -> None:
        """UnknownArchitecture, if it is not one of the families of `architecture.py`."""
        self.about, weights = architecture.unfold(model)
        self.dtype = dtype
        self.device: torch.device = model.device
        self._pieces = weights["words"].to(dtype)
        self._positions = weights["places"].float() if "places" in weights else None
        self._layers = [self._layer(number, weights) for number in range(len(self.about.layers))]
        self._norm = _norm(weights, "ln")
        self._head = _product(weights["head"], None, dtype)
        self._frequencies = {theta: self._rotation(theta) for theta in self.about.thetas}

    def cache(self, rows: int, max_length: int) -> Cache:
        """`max_length`: tokens of a row, the prefix included."""
        size = (len(self._layers), rows, self.about.kv_heads, max_length, self.about.head_width)
        dtype = torch.float32 if self.device.type == "cpu" else self.dtype
        return Cache(*(torch.empty(size, dtype=dtype, device=self.device) for _ in range(2)))

    def read(self, ids: torch.Tensor, cache: Cache | None = None) -> torch.Tensor:
        """(rows, length) to (rows, length, width); an empty cache takes many tokens, a filled one takes one more."""
        begin, length = cache.length if cache else 0, ids.shape[1]
        hidden = embedding(ids, self._pieces).float()
        if self.about.embedding_scale != 1:
            hidden *= self.about.embedding_scale
        if self._positions is not None:
            hidden += self._positions[begin : begin + length]
        tables = {theta: _table(frequencies, begin, length) for theta, frequencies in self._frequencies.items()}
        for number, layer in enumerate(self._layers):
            qkv = layer.qkv(self._normed(hidden, layer.norm_1))
            mixed = self._attend(qkv, number, tables.get(layer.about.theta), cache)
            hidden = hidden + self._after(layer.output(mixed), layer.post_1)
            inner = self._normed(hidden, layer.norm_2)
            expanded = layer.up(inner) if layer.gate is None else layer.gate(inner) * layer.up(inner)
            hidden = hidden + self._after(layer.down(expanded), layer.post_2)
        if cache:
            cache.length += length
        return hidden

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """(tokens, width) to (tokens, pieces)."""
        return self._head(self._normed(hidden, self._norm))

    def _attend(
        self, qkv: torch.Tensor, number: int, table: tuple[torch.Tensor, torch.Tensor] | None, cache: Cache | None
    ) -> torch.Tensor:
        about, layer = self.about, self._layers[number]
        rows, length, _ = qkv.shape
        heads, both = about.heads, about.heads + about.kv_heads
        qkv = qkv.view(rows, length, both + about.kv_heads, about.head_width)
        queries_and_keys, value = qkv[:, :, :both], qkv[:, :, both:].transpose(1, 2)
        if layer.qk_norm is not None:
            normed = rms_norm(queries_and_keys.float(), (about.head_width,), eps=about.epsilon)
            queries_and_keys = normed * layer.qk_norm
        if table is not None:
            queries_and_keys = _rotated(queries_and_keys.float(), *table)
        query, key = queries_and_keys[:, :, :heads].transpose(1, 2), queries_and_keys[:, :, heads:].transpose(1, 2)
        if cache:
            end = cache.length + length
            for cached, new in ((cache.keys, key), (cache.values, value)):
                cached[number, :rows, :, cache.length : end] = new
            key, value = (cached[number, :rows, :, :end] for cached in (cache.keys, cache.values))
        mixed = self._mix(query.to(key.dtype), key, value.to(key.dtype), layer.about.window)
        return mixed.transpose(1, 2).reshape(rows, length, -1).to(self.dtype)

    def _mix(self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, window: int) -> torch.Tensor:
        """(rows, heads, length, width of a head), from keys and values of as many heads or fewer."""
        scale, (rows, heads, length, width), end = self.about.attention_scale, query.shape, key.shape[2]
        if length == 1:  # all queries of a key's head at once, and only those tokens that are in the window
            begin = max(0, end - window) if window else 0
            grouped = query.reshape(rows, key.shape[1], -1, width)
            mixed = scaled_dot_product_attention(grouped, key[:, :, begin:], value[:, :, begin:], scale=scale)
            return mixed.reshape(rows, heads, 1, width)
        if groups := heads // key.shape[1] - 1:
            key, value = (part.repeat_interleave(groups + 1, 1) for part in (key, value))
        if not window or length <= window:
            return scaled_dot_product_attention(query, key, value, is_causal=True, scale=scale)
        distance = torch.arange(length, device=key.device)
        distance = distance[:, None] - distance
        return scaled_dot_product_attention(
            query, key, value, attn_mask=(distance >= 0) & (distance < window), scale=scale
        )

    def _after(self, output: torch.Tensor, norm: Norm | None) -> torch.Tensor:
        """What is added to the residual stream."""
        return output.float() if norm is None else self._norm_of(output.float(), norm)

    def _normed(self, hidden: torch.Tensor, norm: Norm) -> torch.Tensor:
        return self._norm_of(hidden, norm).to(self.dtype)

    def _norm_of(self, hidden: torch.Tensor, norm: Norm) -> torch.Tensor:
        if self.about.norm == "layer":
            return layer_norm(hidden, hidden.shape[-1:], *norm, self.about.epsilon)
        return rms_norm(hidden, hidden.shape[-1:], norm[0], self.about.epsilon)

    def _layer(self, number: int, weights: Mapping[str, torch.Tensor]) -> _Layer:
        def product(name: str, activation: Activation | None = None) -> Product:
            name = f"{number}.{name}"
            return _product(weights[f"{name}.w"], weights.get(f"{name}.b"), self.dtype, activation)

        def norm(name: str) -> Norm | None:
            return _norm(weights, f"{number}.{name}") if f"{number}.{name}.w" in weights else None

        about = self.about
        return _Layer(
            about=about.layers[number],
            norm_1=_norm(weights, f"{number}.ln1"),
            qkv=product("qkv"),
            qk_norm=self._qk_norm(number, weights),
            output=product("out"),
            post_1=norm("post1"),
            norm_2=_norm(weights, f"{number}.ln2"),
            gate=product("gate", about.activation) if about.gated else None,
            up=product("up", None if about.gated else about.activation),
            down=product("down"),
            post_2=norm("post2"),
        )

    def _qk_norm(self, number: int, weights: Mapping[str, torch.Tensor]) -> torch.Tensor | None:
        if f"{number}.qn.w" not in weights:
            return None
        query, key = (weights[f"{number}.{name}.w"].float() for name in ("qn", "kn"))
        return torch.cat([query.expand(self.about.heads, -1), key.expand(self.about.kv_heads, -1)])

    def _rotation(self, theta: float) -> torch.Tensor:
        """How far each pair of a head's numbers turns from token to token: (width of a head / 2,)."""
        width = self.about.head_width
        return 1.0 / theta ** (torch.arange(0, width, 2, dtype=torch.float32, device=self.device) / width)


def _table(frequencies: torch.Tensor, begin: int, length: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Cosines and sines of `length` tokens, each (length, 1, width of a head); the sines' first half is negative."""
    angles = torch.arange(begin, begin + length, device=frequencies.device)[:, None, None] * frequencies
    cosines, sines = angles.cos(), angles.sin()
    return torch.cat([cosines, cosines], -1), torch.cat([-sines, sines], -1)


def _rotated(x: torch.Tensor, cosines: torch.Tensor, sines: torch.Tensor) -> torch.Tensor:
    """Rotary positions: number i of a head is turned with number i + half of it."""
    return torch.addcmul(x * cosines, x.roll(x.shape[-1] // 2, -1), sines)


def _norm(weights: Mapping[str, torch.Tensor], name: str) -> Norm:
    bias = weights.get(f"{name}.b")
    return weights[f"{name}.w"].float(), None if bias is None else bias.float()


def _product(
    weight: torch.Tensor, bias: torch.Tensor | None, dtype: torch.dtype, activation: Activation | None = None
) -> Product:
    """The product with the weights, with the bias and the activation fused where possible.

    On a processor in oneDNN's own layout, as torch's compiler does it: it takes half the time of `linear`, which
    lays the weights out anew at each step (benchmarks/speaking.py).
    """
    weight = weight.to(dtype).contiguous()
    bias = None if bias is None else bias.to(dtype)
    ops: Any = torch.ops.mkldnn
    if weight.device.type == "cpu" and torch.backends.mkldnn.enabled and has_packed_linear(ops, dtype):
        weight = ops._reorder_linear_weight(weight, ROWS)  # noqa: SLF001  no public name has the layout
        kind, algorithm = FUSED[activation]
        return lambda x: ops._linear_pointwise(x, weight, bias, kind, [], algorithm)  # noqa: SLF001
    if activation == "silu":
        return lambda x: silu(linear(x, weight, bias))
    if activation:
        return lambda x: gelu(linear(x, weight, bias), approximate="tanh" if activation == "tanh" else "none")
    return lambda x: linear(x, weight, bias)


@cache
def has_packed_linear(ops: Any, dtype: torch.dtype) -> bool:
    """Whether this torch has these operations, on this chip, for this dtype: they are neither public nor stable."""
    weight, bias = torch.eye(ROWS, dtype=dtype), torch.zeros(ROWS, dtype=dtype)
    try:
        weight = ops._reorder_linear_weight(weight, ROWS)  # noqa: SLF001
        for kind, algorithm in FUSED.values():
            ops._linear_pointwise(bias[None], weight, bias, kind, [], algorithm)  # noqa: SLF001
    except (AttributeError, RuntimeError, TypeError):
        return False
    return True
