"""Loads a version of a model, also one that was saved as an adapter to its base."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from training.errors import ModelError
from training.models import adapter, base_model, model_dir

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    import torch

    from training.models.model_dir import Loaded, Manifest


def load(folder: Path, *, device: str = "auto") -> Loaded:
    """Check, then load: a whole folder by itself, an adapter together with its base, which may be downloaded."""
    if (folder / model_dir.WEIGHTS).exists() or not (folder / adapter.FILE).exists():
        return model_dir.load(folder, device=device)
    manifest = model_dir.check(folder)
    model, tokenizer = base_of(folder, manifest)
    added = adapter.Adapter.open(folder)
    if added:
        added.merge(model)
    return model_dir.Loaded(model.to(model_dir.pick_device(device)).eval(), tokenizer, manifest)


def write_whole(folder: Path, target: Path, names: Collection[str]) -> None:
    """Write a version as a whole model to a new folder, with those of its other files that are among `names`."""
    if target.exists() or target.is_symlink():
        raise ModelError(f"{target} exists already, and no model is overwritten: choose another name.")
    loaded = load(folder, device="cpu")
    written = {model_dir.WEIGHTS, "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json"}
    files = {name: (folder / name).read_bytes() for name in loaded.manifest.files if name in {*names} - written}
    model_dir.save(target, loaded.model, loaded.tokenizer, about=loaded.manifest, files=files, dtype=_dtype(loaded))


def _dtype(loaded: Loaded) -> torch.dtype:
    """What the version's own weights are stored in; an adapter is bf16."""
    import torch

    _, size = loaded.manifest.files.get(model_dir.WEIGHTS, ("", 0))
    is_half = size < 3 * sum(weight.numel() for weight in loaded.model.parameters())
    return torch.bfloat16 if is_half else torch.float32


@contextmanager
def as_whole(folder: Path) -> Iterator[Path]:
    """The folder of a version; of one that was saved as an adapter, a temporary folder with the whole model."""
    if (folder / model_dir.WEIGHTS).exists():
        yield folder
        return
    with TemporaryDirectory(dir=folder.parent, prefix="whole-") as parent:
        target = Path(parent) / folder.name
        write_whole(folder, target, model_dir.read_manifest(folder).files)
        yield target


def base_of(folder: Path, manifest: Manifest) -> tuple[Any, Any]:
    """The base of an adapter, and its tokenizer: the same weights that it was trained beside."""
    for model, tokenizer in base_model.load_all(manifest.base_model):
        if adapter.digest(model) == manifest.base_digest:
            return model, tokenizer
    raise ModelError(
        f"{folder.name} is an adapter to other weights than {manifest.base_model} has on this machine: "
        "install the base that it was made from, or train it again."
    )
