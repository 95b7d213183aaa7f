"""Any known architecture as an ONNX graph for ONNX Runtime, in bytes.

The weights stay in their own file: the graph refers to byte offsets, and the runtime maps them into memory.
Only the needed part of protobuf is written here, since the `onnx` package is far larger than this file.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from training.models.architecture import Architecture

OPSET = 17
IR_VERSION = 8
FLOAT, UINT8, INT32, INT64 = 1, 2, 6, 7  # ONNX's type numbers
TYPES = {"F32": FLOAT, "U8": UINT8}  # of safetensors
MICROSOFT = "com.microsoft"  # the domain of the runtime's own fused operations


PLACES = "places"  # learnt positions, which are added before the graph
EMBEDDINGS = frozenset({"words.q", "words.s", PLACES})  # of no use in the graph
LAYER_NORMS = {"layer": "LayerNormalization", "rms": "SimplifiedLayerNormalization"}


@dataclass(frozen=True, slots=True)
class Span:
    """The position of a tensor in the weights file."""

    kind: str
    dims: tuple[int, ...]
    offset: int
    length: int


def graph(about: Architecture, spans: Mapping[str, Span], file: str, *, adapted: bool = False) -> bytes:
    """From embeddings `x` (rows, tokens, width) to `logits` (m, vocabulary) at m positions, `wanted`.

    The cache is input and output in the same memory; `last` (rows) and `total` say how much of it is filled. Rotary
    positions are inputs too, a table of cosines and one of sines for each theta. `adapted`: so is an adapter, two
    matrices for each of `adapted_matrices`.
    """
    builder = _Builder(about, spans, file, adapted=adapted)
    hidden, residual = builder.norm("x", "0.ln1"), "x"
    for layer in range(len(about.layers)):
        attended = builder.after(builder.attention(hidden, layer), f"{layer}.post1")
        hidden, residual = builder.add_and_norm(residual, attended, f"{layer}.ln2")
        expanded = builder.after(builder.mlp(hidden, layer), f"{layer}.post2")
        following = f"{layer + 1}.ln1" if layer + 1 < len(about.layers) else "ln"
        hidden, residual = builder.add_and_norm(residual, expanded, following)
    flat = builder.node("Reshape", [hidden, builder.constant([-1, about.width])])
    builder.linear(builder.node("Gather", [flat, "wanted"], axis=0), "head", about.width, into="logits")
    return builder.model()


def caches(about: Architecture) -> list[str]:
    """The names of the cache's parts, each (rows, key/value heads, length, width of a head)."""
    return [f"{kind}{layer}" for layer in range(len(about.layers)) for kind in ("k", "v")]


def tables(about: Architecture) -> dict[float, tuple[str, str]]:
    """Per theta, the names of its tables of cosines and sines, each (tokens, width of a head / 2)."""
    return {theta: (f"cos{number}", f"sin{number}") for number, theta in enumerate(about.thetas)}


def adapted_matrices(about: Architecture) -> dict[str, tuple[int, int]]:
    """The inputs and outputs of each matrix of the layers; an adapter has `NAME.A` and `NAME.B` for each.

    These are (inputs, rank) and (rank, outputs), the scale included.
    """
    attended = about.heads * about.head_width
    of_a_layer = {
        "qkv": (about.width, attended + 2 * about.kv_heads * about.head_width),
        "out": (attended, about.width),
        **({"gate": (about.width, about.inner)} if about.gated else {}),
        "up": (about.width, about.inner),
        "down": (about.inner, about.width),
    }
    return {f"{layer}.{name}": dims for layer in range(len(about.layers)) for name, dims in of_a_layer.items()}


@dataclass
class _Builder:
    about: Architecture
    spans: Mapping[str, Span]
    file: str
    adapted: bool = False
    nodes: list[bytes] = field(default_factory=list)
    constants: list[bytes] = field(default_factory=list)

    def linear(self, x: str, name: str, inputs: int, *, into: str = "") -> str:
        """A product with 8-bit weights; the runtime quantises x to 8 bits too, a scale for each block of a row."""
        outputs, blocks, block = self.spans[f"{name}.q"].dims
        assert blocks == -(-inputs // block)  # noqa: S101  the writer's own rule
        names = [x, f"{name}.q", f"{name}.s", "", "", self.if_there(f"{name}.b")]
        attributes = {"N": outputs, "K": inputs, "bits": 8, "block_size": block, "accuracy_level": 4}
        product = self.node("MatMulNBits", names, into=into, domain=MICROSOFT, **attributes)
        if not self.adapted or name == "head":
            return product
        lower = self.node("MatMul", [x, f"{name}.A"])
        return self.node("Add", [product, self.node("MatMul", [lower, f"{name}.B"])])

    def attention(self, hidden: str, layer: int) -> str:
        about, kind = self.about, self.about.layers[layer]
        mixed = self.linear(hidden, f"{layer}.qkv", about.width)
        inputs = [mixed, "", ""] if f"{layer}.qn.w" not in self.spans else self.normed_heads(mixed, layer)
        inputs += [f"k{layer}", f"v{layer}", "last", "total", *tables(about).get(kind.theta, ())]
        attributes: dict[str, float] = {
            "num_heads": about.heads,
            "kv_num_heads": about.kv_heads,
            "scale": about.attention_scale,
            "do_rotary": int(kind.theta > 0),
            "local_window_size": kind.window or -1,
        }
        out = [f"a{layer}", f"new_k{layer}", f"new_v{layer}"]
        self.nodes.append(_node("GroupQueryAttention", inputs, out, domain=MICROSOFT, **attributes))
        return self.linear(out[0], f"{layer}.out", about.heads * about.head_width)

    def normed_heads(self, mixed: str, layer: int) -> list[str]:
        """Queries and keys whose heads are normed one by one, and values."""
        about = self.about
        heads = {"q": about.heads, "k": about.kv_heads, "v": about.kv_heads}
        names = [f"{kind}_{layer}" for kind in heads]
        sizes = self.constant([count * about.head_width for count in heads.values()])
        self.nodes.append(_node("Split", [mixed, sizes], names, domain="", axis=-1))
        for number, kind in enumerate(("q", "k")):
            apart = self.constant([0, 0, heads[kind], about.head_width])
            split = self.node("Reshape", [names[number], apart])
            joined = self.constant([0, 0, heads[kind] * about.head_width])
            names[number] = self.node("Reshape", [self.norm(split, f"{layer}.{kind}n"), joined])
        return names

    def mlp(self, hidden: str, layer: int) -> str:
        about = self.about
        wide = self.linear(hidden, f"{layer}.gate" if about.gated else f"{layer}.up", about.width)
        if about.activation == "silu":
            active = self.node("QuickGelu", [wide], domain=MICROSOFT, alpha=1.0)
        else:
            active = self.node("FastGelu" if about.activation == "tanh" else "Gelu", [wide], domain=MICROSOFT)
        if about.gated:
            active = self.node("Mul", [active, self.linear(hidden, f"{layer}.up", about.width)])
        return self.linear(active, f"{layer}.down", about.inner)

    def norm(self, x: str, name: str) -> str:
        inputs = [x, f"{name}.w", *([f"{name}.b"] if self.about.norm == "layer" else [])]
        return self.node(LAYER_NORMS[self.about.norm], inputs, axis=-1, epsilon=self.about.epsilon)

    def after(self, x: str, name: str) -> str:
        """What is added to the residual stream: normed, where the layer has such a norm."""
        return self.norm(x, name) if f"{name}.w" in self.spans else x

    def add_and_norm(self, residual: str, more: str, norm: str) -> tuple[str, str]:
        out = [f"h{len(self.nodes)}", "", "", f"r{len(self.nodes)}"]
        inputs = [residual, more, f"{norm}.w", *([f"{norm}.b"] if self.about.norm == "layer" else [])]
        kind = f"Skip{LAYER_NORMS[self.about.norm]}"
        self.nodes.append(_node(kind, inputs, out, domain=MICROSOFT, epsilon=self.about.epsilon))
        return out[0], out[3]

    def if_there(self, name: str) -> str:
        return name if name in self.spans else ""

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
        about, parts = self.about, caches(self.about)
        cache = ("rows", about.kv_heads, "length", about.head_width)
        x = _value("x", FLOAT, ("rows", "tokens", about.width))
        inputs = [x, _value("wanted", INT64, ("m",)), _value("last", INT32, ("rows",)), _value("total", INT32, (1,))]
        inputs += [_value(part, FLOAT, cache) for part in parts]
        half = about.head_width // 2
        inputs += [_value(table, FLOAT, ("places", half)) for pair in tables(about).values() for table in pair]
        if self.adapted:
            for name, (size, out) in adapted_matrices(about).items():
                inputs += [
                    _value(f"{name}.A", FLOAT, (size, f"{name}.rank")),
                    _value(f"{name}.B", FLOAT, (f"{name}.rank", out)),
                ]
        outputs = [_value("logits", FLOAT, ("m", about.vocabulary))]
        outputs += [_value(f"new_{part}", FLOAT, cache) for part in parts]
        external = [_external(name, span, self.file) for name, span in self.spans.items() if name not in EMBEDDINGS]
        whole = _each(1, self.nodes) + _bytes(2, b"decoder") + _each(5, [*self.constants, *external])
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
