from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel, GPTNeoXConfig, LlamaConfig

from tests.training.families import FAMILIES, family
from training.errors import ModelError
from training.models import architecture
from training.speak import onnx_weights
from training.speak.onnx_engine import OnnxEngine

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def model(**changes: Any) -> Any:
    torch.manual_seed(0)
    shape = {"n_embd": 48, "n_layer": 2, "n_head": 2, "vocab_size": 90, "n_positions": 40}
    return GPT2LMHeadModel(GPT2Config(**shape, **changes)).eval()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / onnx_weights.FILE
    file.write_bytes(onnx_weights.write(model(), start=3, end=4))
    return file


def test_a_weight_is_off_by_half_a_step_at_most(path: Path) -> None:
    read = onnx_weights.read(path)
    codes, scales = read.tensor("1.up.q"), read.tensor("1.up.s")

    ours = onnx_weights.unpacked(np.asarray(codes), np.asarray(scales), 48)

    theirs = model().transformer.h[1].mlp.c_fc.weight.detach().numpy().T
    assert np.all(np.abs(ours - theirs) <= scales.repeat(32, 1)[:, :48] / 2 * 1.001)


def test_the_file_has_the_models_architecture(path: Path) -> None:
    read = onnx_weights.read(path)

    assert read.architecture == architecture.read(model().config)
    assert (read.start, read.end) == (3, 4)


def test_tied_embeddings_are_stored_once(tmp_path: Path) -> None:
    apart = tmp_path / "apart"
    apart.write_bytes(onnx_weights.write(model(tie_word_embeddings=False), start=0, end=0))

    assert "words.q" in onnx_weights.read(apart).spans


def test_a_tied_model_has_no_separate_head(path: Path) -> None:
    assert "words.q" not in onnx_weights.read(path).spans


def _header(change: Callable[[dict[str, Any]], object]) -> Callable[[bytes], bytes]:
    def changed(whole: bytes) -> bytes:
        (length,) = struct.unpack("<Q", whole[:8])
        header = json.loads(whole[8 : 8 + length])
        change(header)
        encoded = json.dumps(header).encode().ljust(length)[:length]
        return whole[:8] + encoded + whole[8 + length :]

    return changed


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: b"",
        lambda whole: whole[:5],
        lambda whole: whole[:-1],
        lambda whole: whole + b"\0",
        lambda whole: b"\xff" * 8 + whole[8:],
        lambda whole: whole[:8] + b"[]" + whole[10:],
        _header(lambda header: header.pop("__metadata__")),
        _header(lambda header: header["__metadata__"].update(format="3")),
        _header(lambda header: header["__metadata__"].update(architecture="{}")),
        _header(lambda header: header["0.up.q"].update(dtype="I64")),
        _header(lambda header: header["0.up.q"].update(shape=[1])),
    ],
    ids=["empty", "cut", "short", "long", "endless", "list", "nothing", "newer", "shapeless", "type", "size"],
)
def test_an_incomplete_file_is_refused(path: Path, damage: Callable[[bytes], bytes]) -> None:
    path.write_bytes(damage(path.read_bytes()))

    with pytest.raises(ModelError, match="not a readable light form"):
        onnx_weights.read(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="not a readable light form"):
        onnx_weights.read(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("config", "why"),
    [
        (GPTNeoXConfig(), "gpt_neox"),
        (GPT2Config(activation_function="relu"), "relu"),
        (GPT2Config(scale_attn_by_inverse_layer_idx=True), "attention"),
        (LlamaConfig(head_dim=24), "heads of 16, 32, … numbers, and these are 24 wide"),
    ],
    ids=["architecture", "activation", "layers", "heads"],
)
def test_an_unsupported_configuration_is_reported(config: Any, why: str) -> None:
    assert why in onnx_weights.why_not(config)


@pytest.mark.parametrize("gelu", ["gelu_new", "gelu_pytorch_tanh", "gelu"])
def test_gpt2_has_a_light_form(gelu: str) -> None:
    assert onnx_weights.why_not(GPT2Config(activation_function=gelu)) == ""


def _as_format_1(whole: bytes) -> bytes:
    """The file as earlier versions of this program wrote it."""
    shape = {
        "layers": 2, "heads": 2, "width": 48, "vocabulary": 90, "context": 40, "epsilon": 1e-5, "gelu": "tanh",
        "block": 32,
    }  # fmt: skip
    (length,) = struct.unpack("<Q", whole[:8])
    header = json.loads(whole[8 : 8 + length])
    header["__metadata__"] = {"format": "1", "shape": json.dumps(shape), "start": "3", "end": "4"}
    encoded = json.dumps(header).encode()
    return struct.pack("<Q", len(encoded)) + encoded + whole[8 + length :]


def test_a_file_of_an_earlier_version_speaks_as_before(path: Path, tmp_path: Path) -> None:
    earlier = tmp_path / "earlier.safetensors"
    earlier.write_bytes(_as_format_1(path.read_bytes()))
    tails = [[5, 6, 7], [8]]

    engine = OnnxEngine(earlier, threads=1)

    assert (engine.model.start, engine.model.end) == (3, 4)
    assert engine.architecture == architecture.read(model().config)
    assert engine.log_likelihoods([3, 1], tails) == OnnxEngine(path, threads=1).log_likelihoods([3, 1], tails)


@pytest.mark.parametrize("name", FAMILIES)
def test_the_size_is_about_the_size_of_the_file(name: str) -> None:
    other = family(name)

    size = len(onnx_weights.write(other, start=0, end=0))

    assert size < onnx_weights.size_of(other) < size + 2**21
