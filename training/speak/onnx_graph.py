"""GPT-2 as an ONNX graph for ONNX Runtime, in bytes.

The weights stay in their own file: the graph refers to byte offsets, and the runtime maps them into memory.
Only the needed part of protobuf is written here, since the `onnx` package is far larger than this file.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

OPSET = 17
IR_VERSION = 8
FLOAT, UINT8, INT32, INT64 = 1, 2, 6, 7  # ONNX's type numbers
TYPES = {"F32": FLOAT, "U8": UINT8}  # of safetensors
MICROSOFT = "com.microsoft"  # the domain of the runtime's own fused operations


@dataclass(frozen=True, slots=True)
class Shape:
    """The dimensions of a GPT-2."""

    layers: int
    heads: int
    width: int
    vocabulary: int
    context: int
    epsilon: float
    gelu: str  # "tanh" or "erf"
    block: int  # how many weights in a row share a scale


@dataclass(frozen=True, slots=True)
class Span:
    """The position of a tensor in the weights file."""

    kind: str
    dims: tuple[int, ...]
    offset: int
    length: int


def graph(shape: Shape, spans: Mapping[str, Span], file: str) -> bytes:
    """From embeddings `x` (rows, tokens, width) to `logits` (m, vocabulary) at m positions, `wanted`.

    The cache is input and output in the same memory; `last` (rows) and `total` say how much of it is filled.
    """
    builder = _Builder(shape, spans, file)
    hidden = builder.node("LayerNormalization", ["x", "0.ln1.w", "0.ln1.b"], axis=-1, epsilon=shape.epsilon)
    residual = "x"
    for layer in range(shape.layers):
        attended = builder.attention(hidden, layer)
        hidden, residual = builder.add_and_norm(residual, attended, f"{layer}.ln2")
        expanded = builder.mlp(hidden, layer)
        after = f"{layer + 1}.ln1" if layer + 1 < shape.layers else "ln"
        hidden, residual = builder.add_and_norm(residual, expanded, after)
    flat = builder.node("Reshape", [hidden, builder.constant([-1, shape.width])])
    builder.linear(builder.node("Gather", [flat, "wanted"], axis=0), "head", into="logits")
    return builder.model()


def caches(shape: Shape) -> list[str]:
    """The names of the cache's parts, each (rows, heads, length, width of a head)."""
    return [f"{kind}{layer}" for layer in range(shape.layers) for kind in ("k", "v")]


@dataclass
class _Builder:
    shape: Shape
    spans: Mapping[str, Span]
    file: str
    nodes: list[bytes] = field(default_factory=list)
    constants: list[bytes] = field(default_factory=list)

    def linear(self, x: str, name: str, *, into: str = "") -> str:
        """A product with 8-bit weights; the runtime quantises x to 8 bits too, a scale for each block of a row."""
        rows, blocks, block = self.spans[f"{name}.q"].dims
        inputs = [x, f"{name}.q", f"{name}.s", "", "", f"{name}.b" if f"{name}.b" in self.spans else ""]
        width = self.shape.width * (4 if name.endswith(".down") else 1)
        assert blocks == -(-width // block)  # noqa: S101  the writer's own rule
        attributes = {"N": rows, "K": width, "bits": 8, "block_size": block, "accuracy_level": 4}
        return self.node("MatMulNBits", inputs, into=into, domain=MICROSOFT, **attributes)

    def attention(self, hidden: str, layer: int) -> str:
        mixed = self.linear(hidden, f"{layer}.qkv")
        inputs = [mixed, "", "", f"k{layer}", f"v{layer}", "last", "total"]
        attributes = {"num_heads": self.shape.heads, "kv_num_heads": self.shape.heads}
        out = [f"a{layer}", f"new_k{layer}", f"new_v{layer}"]
        self.nodes.append(_node("GroupQueryAttention", inputs, out, domain=MICROSOFT, **attributes))
        return self.linear(out[0], f"{layer}.out")

    def mlp(self, hidden: str, layer: int) -> str:
        wide = self.linear(hidden, f"{layer}.up")
        kind = "FastGelu" if self.shape.gelu == "tanh" else "Gelu"
        return self.linear(self.node(kind, [wide], domain=MICROSOFT), f"{layer}.down")

    def add_and_norm(self, residual: str, more: str, norm: str) -> tuple[str, str]:
        out = [f"h{len(self.nodes)}", "", "", f"r{len(self.nodes)}"]
        inputs = [residual, more, f"{norm}.w", f"{norm}.b"]
        attributes = {"epsilon": self.shape.epsilon}
        self.nodes.append(_node("SkipLayerNormalization", inputs, out, domain=MICROSOFT, **attributes))
        return out[0], out[3]

    def node(self, kind: str, inputs: list[str], *, into: str = "", domain: str = "", **attributes: float) -> str:
        name = into or f"t{len(self.nodes)}"
        self.nodes.append(_node(kind, inputs, [name], domain=domain, **attributes))
        return name

    def constant(self, numbers: Sequence[int]) -> str:
        name = f"c{len(self.constants)}"
        raw = struct.pack(f"<{len(numbers)}q", *numbers)
        self.constants.append(_int(1, len(numbers)) + _int(2, INT64) + _bytes(8, name.encode()) + _bytes(9, raw))
        return name

    def model(self) -> bytes:
        shape, parts = self.shape, caches(self.shape)
        cache = ("rows", shape.heads, "length", shape.width // shape.heads)
        x = _value("x", FLOAT, ("rows", "tokens", shape.width))
        inputs = [x, _value("wanted", INT64, ("m",)), _value("last", INT32, ("rows",)), _value("total", INT32, (1,))]
        inputs += [_value(part, FLOAT, cache) for part in parts]
        outputs = [_value("logits", FLOAT, ("m", shape.vocabulary))]
        outputs += [_value(f"new_{part}", FLOAT, cache) for part in parts]
        external = [_external(name, span, self.file) for name, span in self.spans.items() if name != "places"]
        whole = _each(1, self.nodes) + _bytes(2, b"gpt2") + _each(5, [*self.constants, *external])
        whole += _each(11, inputs) + _each(12, outputs)
        opsets = [_bytes(1, domain.encode()) + _int(2, number) for domain, number in (("", OPSET), (MICROSOFT, 1))]
        return _int(1, IR_VERSION) + _bytes(7, whole) + _each(8, opsets)


def _external(name: str, span: Span, file: str) -> bytes:
    fields = {"location": file, "offset": str(span.offset), "length": str(span.length)}
    entries = [_bytes(1, key.encode()) + _bytes(2, value.encode()) for key, value in fields.items()]
    dims = b"".join(_int(1, size) for size in span.dims)
    return dims + _int(2, TYPES[span.kind]) + _bytes(8, name.encode()) + _each(13, entries) + _int(14, 1)


def _node(kind: str, inputs: Sequence[str], outputs: Sequence[str], *, domain: str, **attributes: float) -> bytes:
    names = _each(1, (name.encode() for name in inputs)) + _each(2, (name.encode() for name in outputs))
    encoded = _each(5, (_attribute(name, value) for name, value in attributes.items()))
    return names + _bytes(4, kind.encode()) + encoded + _bytes(7, domain.encode())


def _attribute(name: str, value: float) -> bytes:
    if isinstance(value, int):
        return _bytes(1, name.encode()) + _int(3, value) + _int(20, 2)
    return _bytes(1, name.encode()) + _key(2, 5) + struct.pack("<f", value) + _int(20, 1)


def _value(name: str, kind: int, dims: Iterable[str | int]) -> bytes:
    sizes = _each(1, (_bytes(2, size.encode()) if isinstance(size, str) else _int(1, size) for size in dims))
    return _bytes(1, name.encode()) + _bytes(2, _bytes(1, _int(1, kind) + _bytes(2, sizes)))


def _each(number: int, parts: Iterable[bytes]) -> bytes:
    return b"".join(_bytes(number, part) for part in parts)


def _bytes(number: int, content: bytes) -> bytes:
    return _key(number, 2) + _varint(len(content)) + content


def _int(number: int, value: int) -> bytes:
    return _key(number, 0) + _varint(value % 2**64)


def _key(number: int, wire: int) -> bytes:
    return _varint(number << 3 | wire)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
