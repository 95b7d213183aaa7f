"""A model folder with its light form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from training.learn import batches
from training.models import model_dir
from training.profile import memory
from training.speak import onnx_export

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


def lightened(
    source: Path, folder: Path, texts: Sequence[str], *, tags: Mapping[str, str] | None = None
) -> tuple[Path, onnx_export.OnnxExport]:
    """A copy of the model `source` with a light form, and the result of its export."""
    loaded = model_dir.load(source, device="cpu")
    folder.parent.mkdir(parents=True, exist_ok=True)
    rows = batches.encode(loaded.tokenizer, texts, 64)
    light = onnx_export.export_onnx(loaded.model, loaded.tokenizer, rows, folder.parent)
    about = model_dir.Manifest(created="2026-11-20T12:00:00+00:00", base_model="tiny", tags=tags or {})
    files = {memory.FILE: memory.memorise([]), **light.files}
    model_dir.save(folder, loaded.model, loaded.tokenizer, about=about, files=files)
    return folder, light
