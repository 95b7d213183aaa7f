"""Loads a version of a model, also one that was saved as an adapter to its base."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

from training.errors import ModelError
from training.models import adapter, base_model, model_dir
from training.recipe import Shape

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from training.models.model_dir import Loaded, Manifest


def load(folder: Path, *, device: str = "auto") -> Loaded:
    """Check, then load: a whole folder by itself, an adapter together with its base, which may be downloaded."""
    if (folder / model_dir.WEIGHTS).exists() or not (folder / adapter.FILE).exists():
        return model_dir.load(folder, device=device)
    manifest = model_dir.check(folder)
    model, tokenizer = _base(folder, manifest)
    added = adapter.Adapter.open(folder)
    if added:
        added.merge(model)
    return model_dir.Loaded(model.to(model_dir.pick_device(device)).eval(), tokenizer, manifest)


def write_whole(folder: Path, target: Path) -> None:
    """Write a version as a whole model to a new folder, with its other files."""
    if target.exists() or target.is_symlink():
        raise ModelError(f"{target} exists already, and no model is overwritten: choose another name.")
    loaded = load(folder, device="cpu")
    written = {model_dir.WEIGHTS, "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json"}
    others = {name: (folder / name).read_bytes() for name in loaded.manifest.files if name not in written}
    model_dir.save(target, loaded.model, loaded.tokenizer, about=loaded.manifest, files=others, dtype=torch.bfloat16)


@contextmanager
def as_whole(folder: Path) -> Iterator[Path]:
    """The folder of a version; of one that was saved as an adapter, a temporary folder with the whole model."""
    if (folder / model_dir.WEIGHTS).exists():
        yield folder
        return
    target = folder.with_name(f"{folder.name}-whole{model_dir.HALF_MADE}")  # the next training deletes what is left
    shutil.rmtree(target, ignore_errors=True)
    try:
        write_whole(folder, target)
        yield target
    finally:
        shutil.rmtree(target, ignore_errors=True)


def _base(folder: Path, manifest: Manifest) -> tuple[Any, Any]:
    model, tokenizer = base_model.load_base(manifest.base_model, texts=(), shape=Shape(), seed=0)
    if adapter.digest(model) != manifest.base_digest:
        raise ModelError(
            f"{folder.name} is an adapter to other weights than {manifest.base_model} has on this machine: "
            "install the base that it was made from, or train it again."
        )
    return model, tokenizer
