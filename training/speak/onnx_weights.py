"""The light form of a GPT-2: its weights in 8 bits, one file of a model folder, for a process without torch.

It is a safetensors file. A matrix `M` is `M.q`, (outputs, blocks, block) of bytes, and `M.s`, a scale for each block:
a weight is (byte - 128) x scale. Where the head is the embedding, it is stored once.
"""

from __future__ import annotations

import json
import struct
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from training.errors import ModelError
from training.speak.onnx_graph import Shape, Span

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FILE = "light.safetensors"
FORMAT = "1"
LONGEST = 64 * 2**20  # bytes of a header that is accepted
HEAD = 8  # the runtime needs the width of a head to be a multiple of it
GELUS = {"gelu_new": "tanh", "gelu_pytorch_tanh": "tanh", "gelu_fast": "tanh", "gelu": "erf"}
TYPES: dict[str, np.dtype[Any]] = {"F32": np.dtype("<f4"), "U8": np.dtype("u1")}
MIDDLE = 128  # the byte for 0
MATRICES = {"qkv": "attn.c_attn", "out": "attn.c_proj", "up": "mlp.c_fc", "down": "mlp.c_proj"}
NORMS = {"ln1": "ln_1", "ln2": "ln_2"}


@dataclass(frozen=True, slots=True)
class OnnxWeights:
    """A weights file, checked and mapped into memory."""

    path: Path
    shape: Shape
    start: int  # tokens that start and end a text
    end: int
    spans: Mapping[str, Span]

    def tensor(self, name: str) -> np.ndarray[Any, Any]:
        span = self.spans[name]
        return np.memmap(self.path, TYPES[span.kind], "r", span.offset, span.dims)


def why_not(config: Any) -> str:
    """Why a model of this configuration has no light form; empty where it has one."""
    if config.model_type != "gpt2":
        return f"it is made for GPT-2, and this model is {config.model_type}"
    if config.activation_function not in GELUS:
        return f"it knows no {config.activation_function}"
    if not config.scale_attn_weights or config.scale_attn_by_inverse_layer_idx or config.add_cross_attention:
        return "it knows GPT-2's own attention only"
    if config.n_inner not in {None, 4 * config.n_embd}:
        return f"it knows layers four times as wide as the model, and these are {config.n_inner} wide"
    if (width := config.n_embd // config.n_head) % HEAD:
        return f"it knows heads of {HEAD}, {2 * HEAD}, … numbers, and these are {width} wide"
    return ""


def write(model: Any, *, start: int, end: int) -> bytes:
    """The file's content; check `why_not` first."""
    from safetensors.numpy import save

    config = model.config
    weights = {name: weight.detach().float().cpu().numpy() for name, weight in model.state_dict().items()}
    block = next(size for size in (64, 32) if config.n_embd % size == 0 or size == 32)
    shape = Shape(
        layers=config.n_layer,
        heads=config.n_head,
        width=config.n_embd,
        vocabulary=config.vocab_size,
        context=config.n_positions,
        epsilon=config.layer_norm_epsilon,
        gelu=GELUS[config.activation_function],
        block=block,
    )
    tensors = _quantised("head", weights["lm_head.weight"], block)
    tensors |= {"places": weights["transformer.wpe.weight"], **_norm(weights, "ln", "transformer.ln_f")}
    if not config.tie_word_embeddings:
        tensors |= _quantised("words", weights["transformer.wte.weight"], block)
    for layer in range(config.n_layer):
        block_name = f"transformer.h.{layer}"
        for ours, name in NORMS.items():
            tensors |= _norm(weights, f"{layer}.{ours}", f"{block_name}.{name}")
        for ours, name in MATRICES.items():  # (inputs, outputs) in transformers
            tensors |= _quantised(f"{layer}.{ours}", weights[f"{block_name}.{name}.weight"].T, block)
            tensors[f"{layer}.{ours}.b"] = weights[f"{block_name}.{name}.bias"]
    about = {"format": FORMAT, "shape": json.dumps(asdict(shape)), "start": str(start), "end": str(end)}
    return save({name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}, about)


def size_of(model: Any) -> int:
    """About the bytes of the file."""
    return int(sum(weight.numel() for weight in model.parameters()) * 1.15) + 2**20


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
    if about["format"] != FORMAT:
        raise ValueError(f"its format is {about['format']}, this program reads {FORMAT}")
    shape = Shape(**json.loads(about["shape"]))
    spans = {name: _span(entry, 8 + length) for name, entry in header.items()}
    if max(span.offset + span.length for span in spans.values()) != path.stat().st_size:
        raise ValueError("it is cut off")
    start, end = int(about["start"]), int(about["end"])
    if not (0 <= start < shape.vocabulary and 0 <= end < shape.vocabulary):
        raise ValueError("its first or last token is not in its vocabulary")
    return OnnxWeights(path, shape, start, end, spans)


def _span(entry: Mapping[str, Any], begin: int) -> Span:
    first, last = entry["data_offsets"]
    dims = tuple(map(int, entry["shape"]))
    if last - first != TYPES[entry["dtype"]].itemsize * int(np.prod(dims)):
        raise ValueError("a tensor is not as long as it says")
    return Span(entry["dtype"], dims, begin + first, last - first)


def _norm(weights: Mapping[str, Any], ours: str, theirs: str) -> dict[str, np.ndarray[Any, Any]]:
    return {f"{ours}.w": weights[f"{theirs}.weight"], f"{ours}.b": weights[f"{theirs}.bias"]}


def _quantised(name: str, matrix: np.ndarray[Any, Any], block: int) -> dict[str, np.ndarray[Any, Any]]:
    """`matrix` is (outputs, inputs)."""
    outputs, inputs = matrix.shape
    blocks = -(-inputs // block)
    padded = np.zeros((outputs, blocks * block), np.float32)
    padded[:, :inputs] = matrix
    padded = padded.reshape(outputs, blocks, block)
    scales = np.abs(padded).max(-1) / 127
    scales[scales == 0] = 1
    codes = np.rint(padded / scales[..., None]) + MIDDLE
    return {f"{name}.q": codes.astype(np.uint8), f"{name}.s": scales.astype(np.float32)}
