"""An adapter beside the light form of its base says what the merged model says, for every known architecture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from tests.training.families import END, FAMILIES, family
from training.errors import ModelError
from training.learn.lora import matrices, shape_of
from training.models.adapter import CONFIG, FILE, Adapter
from training.speak import onnx_adapter, onnx_engine, onnx_export, onnx_weights

if TYPE_CHECKING:
    from pathlib import Path

ROWS = [[END, *range(first, first + 20)] for first in (3, 11, 29, 40)]


def adapter_for(model: Any, *, seed: int = 0, rank: int = 3) -> Adapter:
    """Random products of a size that changes what the model says."""
    chance = torch.Generator().manual_seed(seed)
    factors = {}
    for name, matrix in matrices(model).items():
        outputs, inputs = shape_of(matrix)
        down, up = torch.randn(rank, inputs, generator=chance), torch.randn(outputs, rank, generator=chance)
        factors[name] = (down.bfloat16() * 0.2, up.bfloat16() * 0.2)
    return Adapter(rank, 2 * rank, factors)


def write(folder: Path, model: Any, adapter: Adapter) -> None:
    for name, content in adapter.files("a base", model.config.model_type).items():
        (folder / name).write_bytes(content)
    (folder / "config.json").write_text(f'{{"model_type": "{model.config.model_type}"}}')
    (folder / onnx_weights.FILE).write_bytes(onnx_weights.write(model, start=END, end=END))


@pytest.mark.parametrize("name", FAMILIES)
def test_an_adapter_beside_its_base_is_the_merged_model(name: str, tmp_path: Path) -> None:
    model = family(name)
    adapter = adapter_for(model)
    write(tmp_path, model, adapter)
    base = onnx_engine.OnnxEngine(tmp_path / onnx_weights.FILE, threads=1, adapted=True)
    engine = base.with_adapter(onnx_adapter.read(tmp_path, base.architecture))
    before = onnx_export.compare(model, engine, ROWS)
    adapter.merge(model)

    after = onnx_export.compare(model, engine, ROWS)

    assert after.mean < onnx_export.MEAN_OFF_MOST
    assert after.same >= onnx_export.SAME_LEAST
    assert before.mean > 4 * after.mean  # the adapter does something


def test_two_adapters_share_the_weights_and_do_not_mix(tmp_path: Path) -> None:
    model = family("Llama")
    write(tmp_path, model, adapter_for(model, seed=1))
    base = onnx_engine.OnnxEngine(tmp_path / onnx_weights.FILE, threads=1, adapted=True)
    one = base.with_adapter(onnx_adapter.read(tmp_path, base.architecture))
    write(tmp_path, model, adapter_for(model, seed=2))
    two = base.with_adapter(onnx_adapter.read(tmp_path, base.architecture))

    alone = [engine.follow(ROWS[0]) for engine in (one, two)]
    in_turn = [engine.follow(ROWS[0]) for engine in (one, two, one, two)]

    assert alone[0] != alone[1]
    assert in_turn == [*alone, *alone]


def test_an_adapter_to_other_matrices_is_refused(tmp_path: Path) -> None:
    model = family("Llama")
    adapter = adapter_for(model)
    wrong = {name.replace("mlp.up_proj", "mlp.other"): pair for name, pair in adapter.factors.items()}
    write(tmp_path, model, Adapter(adapter.rank, adapter.alpha, wrong))
    architecture = onnx_weights.read(tmp_path / onnx_weights.FILE).architecture

    with pytest.raises(ModelError, match=r"The adapter in .* does not load .*mlp\.up_proj"):
        onnx_adapter.read(tmp_path, architecture)


@pytest.mark.parametrize("damage", [b"", b"\xff" * 64, (1 << 40).to_bytes(8, "little") + b"{}"])
def test_a_damaged_adapter_is_refused(damage: bytes, tmp_path: Path) -> None:
    model = family("Llama")
    write(tmp_path, model, adapter_for(model))
    (tmp_path / FILE).write_bytes(damage)
    architecture = onnx_weights.read(tmp_path / onnx_weights.FILE).architecture

    with pytest.raises(ModelError, match="train it again"):
        onnx_adapter.read(tmp_path, architecture)


def test_an_adapter_with_a_configuration_that_is_no_json_is_refused(tmp_path: Path) -> None:
    model = family("Llama")
    write(tmp_path, model, adapter_for(model))
    (tmp_path / CONFIG).write_text("[")
    architecture = onnx_weights.read(tmp_path / onnx_weights.FILE).architecture

    with pytest.raises(ModelError, match="train it again"):
        onnx_adapter.read(tmp_path, architecture)


def test_fp32_and_bf16_are_read_alike(tmp_path: Path) -> None:
    model = family("GPT-2")
    half = adapter_for(model)
    whole = Adapter(half.rank, half.alpha, {name: (a.float(), b.float()) for name, (a, b) in half.factors.items()})
    write(tmp_path, model, half)
    architecture = onnx_weights.read(tmp_path / onnx_weights.FILE).architecture
    from_half = onnx_adapter.read(tmp_path, architecture)
    write(tmp_path, model, whole)

    from_whole = onnx_adapter.read(tmp_path, architecture)

    assert from_half.keys() == from_whole.keys()
    assert all(np.array_equal(from_half[name], from_whole[name]) for name in from_half)
