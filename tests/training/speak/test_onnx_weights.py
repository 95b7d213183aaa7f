from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel, GPTNeoXConfig

from training.errors import ModelError
from training.speak import onnx_weights

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


def test_the_file_has_the_models_shape(path: Path) -> None:
    read = onnx_weights.read(path)

    assert (read.shape.layers, read.shape.heads, read.shape.width, read.shape.context) == (2, 2, 48, 40)
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
        _header(lambda header: header["__metadata__"].update(format="2")),
        _header(lambda header: header["__metadata__"].update(shape="{}")),
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
        (GPT2Config(scale_attn_weights=False), "attention"),
        (GPT2Config(n_inner=1000), "1000 wide"),
    ],
    ids=["architecture", "activation", "layers", "scale", "inner"],
)
def test_an_unsupported_configuration_is_reported(config: Any, why: str) -> None:
    assert why in onnx_weights.why_not(config)


@pytest.mark.parametrize("gelu", ["gelu_new", "gelu_pytorch_tanh", "gelu"])
def test_gpt2_has_a_light_form(gelu: str) -> None:
    assert onnx_weights.why_not(GPT2Config(activation_function=gelu)) == ""
