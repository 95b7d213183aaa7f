"""Bases that many voices share: the light form of each in memory once, and an adapter for each voice.

A base is kept in a folder of its own, named for the digest of its weights. It is made once, by a process with torch:
`python -m training.speak.bases STORE MODEL_FOLDER`.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from training import private_files
from training.errors import ModelError, TrainingError
from training.models import adapter, model_dir
from training.speak import engines, onnx_weights
from training.speak.onnx_sampler import TOKENIZER

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from training.models.model_dir import Manifest
    from training.speak.engines import Engine
    from training.speak.onnx_engine import OnnxEngine
    from training.speak.sampler import Sampler

SHA256 = "sha256"  # a file beside the light form: its hash
DIGITS = 32  # of a base's digest, in the name of its folder


class Bases:
    """The bases in one folder, opened when they are first needed. Threads may share it."""

    def __init__(self, store: Path) -> None:
        self.store = store
        self._engines: dict[tuple[str, int], OnnxEngine] = {}
        self._tokenizers: dict[str, Tokenizer] = {}
        self._lock = threading.Lock()

    def missing(self, model: Path, *, engine: Engine, device: str) -> str:
        """The name of the base by which this model speaks, if the folder lacks it: `make` puts it there."""
        manifest = model_dir.read_manifest(model)
        if not _is_shared(manifest, engine, device):
            return ""
        home = _home(self.store, manifest)
        return "" if (home / SHA256).exists() else home.name

    def open_sampler(
        self, model: Path, *, engine: Engine, device: str, threads: int
    ) -> tuple[Literal["torch", "light"], Sampler]:
        """As `engines.open_sampler`; a version that is an adapter alone shares the light form of its base."""
        manifest = model_dir.read_manifest(model)
        if not _is_shared(manifest, engine, device):
            return engines.open_sampler(model, engine=engine, device=device, threads=threads)
        from training.speak import onnx_adapter
        from training.speak.sampler import Sampler

        manifest = model_dir.check(model, needs=(adapter.CONFIG,))
        base = self._engine(manifest, threads)
        matrices = onnx_adapter.read(model, base.architecture)
        pieces = self._tokenizer(model, manifest)
        voice = base.with_adapter(matrices)
        return "light", Sampler(voice, pieces, start=base.model.start, end=base.model.end, tags=manifest.tags)

    def _engine(self, manifest: Manifest, threads: int) -> OnnxEngine:
        from training.speak.onnx_engine import OnnxEngine

        home = _home(self.store, manifest)
        with self._lock:
            key = manifest.base_digest, threads
            if key not in self._engines:
                _check(home)
                self._engines[key] = OnnxEngine(home / onnx_weights.FILE, threads=threads, adapted=True)
            return self._engines[key]

    def _tokenizer(self, model: Path, manifest: Manifest) -> Tokenizer:
        """One for all models with the same file: SmolLM2's takes 30 MB."""
        from tokenizers import Tokenizer

        digest, _ = manifest.files[TOKENIZER]
        with self._lock:
            if digest not in self._tokenizers:
                try:
                    self._tokenizers[digest] = Tokenizer.from_file(str(model / TOKENIZER))
                except Exception as error:  # tokenizers raises plain Exception
                    raise ModelError(f"{model / TOKENIZER} does not load ({error}): train the model again.") from error
            return self._tokenizers[digest]


def make(store: Path, model: Path) -> Path:
    """The light form of the base of an adapter, compared with the base by torch; the folder that holds it."""
    from training.models import loading
    from training.speak import onnx_export

    manifest = model_dir.check(model, needs=(adapter.CONFIG,))
    home = _home(store, manifest)
    if (home / SHA256).exists():
        return home
    base, tokenizer = loading.base_of(model, manifest)
    home.mkdir(parents=True, exist_ok=True)
    new = home / "new"
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir()
    light = onnx_export.export_onnx(base, tokenizer, (), new)
    if light.why:
        raise ModelError(f'{model.name} cannot share its base: {light.why} Set voice.engine to "torch".')
    content = light.files[onnx_weights.FILE]
    private_files.replace(home / onnx_weights.FILE, content, temporary=home / "light.tmp")
    digest = hashlib.sha256(content).hexdigest()
    private_files.replace(home / SHA256, f"{digest}\n".encode(), temporary=home / "sha256.tmp")
    new.rmdir()
    return home


def _is_shared(manifest: Manifest, engine: Engine, device: str) -> bool:
    """Whether a version holds an adapter and no whole weights, and would speak on the processor."""
    if model_dir.WEIGHTS in manifest.files or adapter.FILE not in manifest.files or engine == "torch":
        return False
    return device in {"auto", "cpu"} and (engine == "light" or engines.prefers_light(device))


def _home(store: Path, manifest: Manifest) -> Path:
    if not manifest.base_digest[:DIGITS].isalnum():  # it becomes part of a path
        raise ModelError("The manifest does not say which base the adapter belongs to: train it again.")
    return store / manifest.base_digest[:DIGITS]


def _check(home: Path) -> None:
    path = home / onnx_weights.FILE
    try:
        expected = private_files.read(home / SHA256).decode("ascii", "replace").strip()
        with path.open("rb") as file:
            actual = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(f"{path} cannot be read ({error.strerror}): delete {home}, it is made again.") from error
    if actual != expected:
        raise ModelError(f"{path} is not what was written (its sha256 differs): delete {home}, it is made again.")


def main() -> None:
    try:
        make(Path(sys.argv[1]), Path(sys.argv[2]))
    except TrainingError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
