"""The light form of a model: its weights in 8 bits, one file of a model folder, for a process without torch.

It is a safetensors file with the names of `architecture.unfold`. A matrix `M` is `M.q`, (outputs, blocks, block) of
bytes, and `M.s`, a scale for each block: a weight is (byte - 128) x scale. A tied head is stored once, as `head`.
"""

from __future__ import annotations

import json
import struct
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from training.errors import ModelError, UnknownArchitecture
from training.models import architecture
from training.models.architecture import Architecture, Layer
from training.speak.onnx_graph import PLACES, Span

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FILE = "light.safetensors"
FORMAT = "2"  # format 1 had GPT-2 alone, and fewer fields
LONGEST = 64 * 2**20  # bytes of a header that is accepted
HEAD, ROTARY_HEAD = 8, 16  # the runtime needs the width of a head to be a multiple of it
TYPES: dict[str, np.dtype[Any]] = {"F32": np.dtype("<f4"), "U8": np.dtype("u1")}
MIDDLE = 128  # the byte for 0


@dataclass(frozen=True, slots=True)
class OnnxWeights:
    """A weights file, checked and mapped into memory."""

    path: Path
    architecture: Architecture
    start: int  # tokens that start and end a text
    end: int
    spans: Mapping[str, Span]

    def tensor(self, name: str) -> np.ndarray[Any, Any]:
        span = self.spans[name]
        return np.memmap(self.path, TYPES[span.kind], "r", span.offset, span.dims)


def why_not(config: Any) -> str:
    """Why a model of this configuration has no light form; empty where it has one."""
    try:
        about = architecture.read(config)
    except UnknownArchitecture as error:
        return str(error)
    step = ROTARY_HEAD if about.thetas else HEAD
    if about.head_width % step:
        return f"it knows heads of {step}, {2 * step}, … numbers, and these are {about.head_width} wide"
    return ""


def write(model: Any, *, start: int, end: int) -> bytes:
    """The file's content; check `why_not` first. UnknownArchitecture, if the model has weights of its own."""
    from safetensors.numpy import save

    about, weights = architecture.unfold(model)
    largest = 64 if about.norm == "layer" else 32  # SmolLM2: .75 % off with 64, .54 % with 32
    if weights["words"] is weights["head"]:
        del weights["words"]
    tensors: dict[str, np.ndarray[Any, Any]] = {}
    for name, weight in weights.items():
        numbers = weight.float().cpu().numpy()
        is_matrix = numbers.ndim == 2 and name != PLACES
        tensors |= _quantised(name.removesuffix(".w"), numbers, largest) if is_matrix else {name: numbers}
    header = {
        "format": FORMAT,
        "architecture": json.dumps(asdict(about)),
        "start": str(start),
        "end": str(end),
    }
    return save({name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}, header)


def size_of(model: Any) -> int:
    """About the bytes of the file, a little more."""
    return int(sum(weight.numel() for weight in model.parameters()) * 1.2) + 2**20


def read(path: Path) -> OnnxWeights:
    """Read the header and check that it fits the file; the manifest has the hash of the content."""
    try:
        return _read(path)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
        raise ModelError(f"{path} is not a readable light form ({error}): train the model again.") from error


def unpacked(codes: np.ndarray[Any, Any], scales: np.ndarray[Any, Any], width: int) -> np.ndarray[Any, Any]:
    """(…, blocks, block) of bytes to (…, width) of floats."""
    numbers = (codes.astype(np.float32) - MIDDLE) * scales[..., None]
    return numbers.reshape(*codes.shape[:-2], -1)[..., :width]


def _read(path: Path) -> OnnxWeights:
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        if length > LONGEST:
            raise ValueError("its header is too long")
        header = json.loads(file.read(length))
    about = header.pop("__metadata__")
    spans = {name: _span(entry, 8 + length) for name, entry in header.items()}
    if max(span.offset + span.length for span in spans.values()) != path.stat().st_size:
        raise ValueError("it is cut off")
    architecture, start, end = _architecture(about), int(about["start"]), int(about["end"])
    if not (0 <= start < architecture.vocabulary and 0 <= end < architecture.vocabulary):
        raise ValueError("its first or last token is not in its vocabulary")
    return OnnxWeights(path, architecture, start, end, spans)


def _architecture(about: Mapping[str, str]) -> Architecture:
    if about["format"] == "1":
        return _gpt2(**json.loads(about["shape"]))
    if about["format"] != FORMAT:
        raise ValueError(f"its format is {about['format']}, this program reads {FORMAT}")
    fields = json.loads(about["architecture"])
    fields["layers"] = tuple(Layer(**layer) for layer in fields["layers"])
    return Architecture(**fields)


def _gpt2(
    *, layers: int, heads: int, width: int, vocabulary: int, context: int, epsilon: float, gelu: str, block: int
) -> Architecture:
    """The architecture of a file of format 1, whose `block` is known from its tensors."""
    del block
    if gelu not in {"tanh", "erf"}:
        raise ValueError(f"it knows no {gelu}")
    return Architecture(
        layers=(Layer(),) * layers,
        width=width,
        heads=heads,
        kv_heads=heads,
        head_width=width // heads,
        inner=4 * width,
        vocabulary=vocabulary,
        context=context,
        norm="layer",
        epsilon=epsilon,
        activation="tanh" if gelu == "tanh" else "erf",
        attention_scale=(width // heads) ** -0.5,
    )


def _span(entry: Mapping[str, Any], begin: int) -> Span:
    first, last = entry["data_offsets"]
    dims = tuple(map(int, entry["shape"]))
    if last - first != TYPES[entry["dtype"]].itemsize * int(np.prod(dims)):
        raise ValueError("a tensor is not as long as it says")
    return Span(entry["dtype"], dims, begin + first, last - first)


def _quantised(name: str, matrix: np.ndarray[Any, Any], largest: int) -> dict[str, np.ndarray[Any, Any]]:
    """`matrix` is (outputs, inputs); `largest` the block, where it divides the inputs."""
    outputs, inputs = matrix.shape
    block = next(size for size in (largest, 32) if inputs % size == 0 or size == 32)
    blocks = -(-inputs // block)
    padded = np.zeros((outputs, blocks * block), np.float32)
    padded[:, :inputs] = matrix
    padded = padded.reshape(outputs, blocks, block)
    scales = np.abs(padded).max(-1) / 127
    scales[scales == 0] = 1
    codes = np.rint(padded / scales[..., None]) + MIDDLE
    return {f"{name}.q": codes.astype(np.uint8), f"{name}.s": scales.astype(np.float32)}
