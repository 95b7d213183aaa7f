from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from training.errors import ModelError
from training.models import adapter, base_model, loading, model_dir
from training.models.adapter import Adapter
from training.models.model_dir import Manifest
from training.recipe import Shape

if TYPE_CHECKING:
    from pathlib import Path


def test_a_version_that_is_an_adapter_is_opened_with_its_base(tmp_path: Path) -> None:
    base, tokenizer = base_model.load_base("tiny", texts=(), shape=Shape(), seed=0)
    name = "transformer.h.0.attn.c_attn"
    inputs, outputs = base.get_submodule(name).weight.shape
    added = Adapter(1, 2, {name: (torch.ones(1, inputs), torch.ones(outputs, 1))})
    about = Manifest(created="", base_model="tiny", base_digest=adapter.digest(base))
    model_dir.save(tmp_path / "m", base, tokenizer, about=about, files=added.files("tiny", "gpt2"), weights=False)

    loaded = loading.load(tmp_path / "m", device="cpu")

    weight = base.get_submodule(name).weight
    assert torch.equal(loaded.model.get_submodule(name).weight, weight + 2)
    assert not (tmp_path / "m" / model_dir.WEIGHTS).exists()


def test_an_adapter_to_another_base_is_refused(tmp_path: Path) -> None:
    base, tokenizer = base_model.load_base("tiny", texts=(), shape=Shape(), seed=0)
    about = Manifest(created="", base_model="tiny", base_digest="another")
    files = Adapter(1, 1, {}).files("tiny", "gpt2")
    model_dir.save(tmp_path / "m", base, tokenizer, about=about, files=files, weights=False)

    with pytest.raises(ModelError, match="is an adapter to other weights than tiny has on this machine"):
        loading.load(tmp_path / "m", device="cpu")


def test_an_adapter_is_made_whole(tmp_path: Path) -> None:
    base, tokenizer = base_model.load_base("tiny", texts=(), shape=Shape(), seed=0)
    name = "transformer.h.0.attn.c_attn"
    inputs, outputs = base.get_submodule(name).weight.shape
    added = Adapter(1, 2, {name: (torch.ones(1, inputs), torch.ones(outputs, 1))})
    about = Manifest(created="", base_model="tiny", base_digest=adapter.digest(base))
    files = {**added.files("tiny", "gpt2"), "README.md": b"a card"}
    model_dir.save(tmp_path / "m", base, tokenizer, about=about, files=files, weights=False)

    loading.write_whole(tmp_path / "m", tmp_path / "whole", {"README.md"})

    whole = model_dir.load(tmp_path / "whole", device="cpu").model.get_submodule(name).weight
    assert torch.equal(whole, (base.get_submodule(name).weight + 2).bfloat16().float())
    assert (tmp_path / "whole" / "README.md").read_bytes() == b"a card"
    with pytest.raises(ModelError, match="exists already, and no model is overwritten"):
        loading.write_whole(tmp_path / "m", tmp_path / "whole", {"README.md"})
