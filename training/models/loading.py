"""Loads a version of a model, also one that was saved as an adapter to its base."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from training.errors import ModelError
from training.models import adapter, base_model, model_dir
from training.recipe import Shape

if TYPE_CHECKING:
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


def _base(folder: Path, manifest: Manifest) -> tuple[Any, Any]:
    model, tokenizer = base_model.load_base(manifest.base_model, texts=(), shape=Shape(), seed=0)
    if adapter.digest(model) != manifest.base_digest:
        raise ModelError(
            f"{folder.name} is an adapter to other weights than {manifest.base_model} has on this machine: "
            "install the base that it was made from, or train it again."
        )
    return model, tokenizer
