"""An adapter as the matrices that the light form of its base takes, read without torch."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from training.errors import ModelError
from training.models import adapter, architecture
from training.speak import onnx_graph

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from training.models.architecture import Architecture

    Floats = NDArray[np.float32]

LONGEST = 2**24  # bytes of a header that is accepted
DOWN, UP = ".lora_A.weight", ".lora_B.weight"


def read(folder: Path, about: Architecture) -> dict[str, Floats]:
    """The adapter in a model folder, for `OnnxEngine.with_adapter`; the manifest has the hash of its content."""
    try:
        config = json.loads((folder / adapter.CONFIG).read_bytes())
        model_type = json.loads((folder / "config.json").read_bytes())["model_type"]
        scale = int(config["lora_alpha"]) / int(config["r"])
        tensors = _tensors(folder / adapter.FILE)
        return _folded(tensors, about, model_type, scale)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
        raise ModelError(f"The adapter in {folder} does not load ({error}): train it again.") from error


def _folded(tensors: Mapping[str, Floats], about: Architecture, model_type: str, scale: float) -> dict[str, Floats]:
    """Matrices that are one in the light form, such as queries, keys and values, share one product here too."""
    modules = architecture.module_names(model_type, len(about.layers))
    left = {name.removesuffix(DOWN) for name in tensors if name.endswith(DOWN)}
    folded: dict[str, Floats] = {}
    for name, (inputs, outputs) in onnx_graph.adapted_matrices(about).items():
        pairs = [_pair(tensors, module) for module in modules[name]]
        left -= {adapter.PREFIX + module for module in modules[name]}
        down = np.concatenate([down.T for down, _ in pairs], axis=1)
        up = _diagonal([up.T for _, up in pairs], scale)
        if down.shape[0] != inputs or up.shape[1] != outputs:
            raise ValueError(f"{name} is {down.shape[0]} x {up.shape[1]} and not {inputs} x {outputs}")
        folded[f"{name}.A"], folded[f"{name}.B"] = np.ascontiguousarray(down), up
    if left:
        raise ValueError(f"{min(left)} is not a matrix of the layers")
    return folded


def _pair(tensors: Mapping[str, Floats], module: str) -> tuple[Floats, Floats]:
    """(rank, inputs) and (outputs, rank)."""
    name = adapter.PREFIX + module
    return tensors[name + DOWN], tensors[name + UP]


def _diagonal(blocks: Sequence[Floats], scale: float) -> Floats:
    """(rank, outputs) of each part along the diagonal of one matrix: each part's rank reaches its outputs alone."""
    matrix = np.zeros(np.sum([block.shape for block in blocks], axis=0), np.float32)
    row = column = 0
    for block in blocks:
        height, width = block.shape
        matrix[row : row + height, column : column + width] = block * np.float32(scale)
        row, column = row + height, column + width
    return matrix


def _tensors(path: Path) -> dict[str, Floats]:
    """The tensors of a safetensors file in bf16 or fp32, as floats."""
    content = path.read_bytes()
    (length,) = struct.unpack_from("<Q", content)
    if length > LONGEST:
        raise ValueError("its header is too long")
    header = json.loads(content[8 : 8 + length])
    data = memoryview(content)[8 + length :]
    return {name: _floats(entry, data) for name, entry in header.items() if name != "__metadata__"}


def _floats(entry: Mapping[str, Any], data: memoryview) -> Floats:
    first, last = entry["data_offsets"]
    raw = data[first:last]
    if entry["dtype"] == "F32":
        numbers = np.frombuffer(raw, "<f4").copy()
    elif entry["dtype"] == "BF16":  # the upper half of a float
        numbers = (np.frombuffer(raw, "<u2").astype(np.uint32) << 16).view(np.float32)
    else:
        raise ValueError(f"its numbers are {entry['dtype']}")
    return numbers.reshape(entry["shape"])
