"""From the light form in a model folder to text, in a process with neither torch nor transformers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from training.errors import ModelError
from training.models import model_dir
from training.speak import onnx_weights
from training.speak.sampler import Sampler

if TYPE_CHECKING:
    from pathlib import Path

TOKENIZER = "tokenizer.json"


class OnnxSampler(Sampler):
    """A loaded light model that speaks."""

    @classmethod
    def open(cls, folder: Path, *, threads: int = 0) -> OnnxSampler:
        """All files but torch's weights are checked. `threads` bounds the processor threads, 0 leaves them to it."""
        from tokenizers import Tokenizer

        from training.speak.onnx_engine import OnnxEngine

        manifest = model_dir.check(folder, needs=(onnx_weights.FILE,), unread=(model_dir.WEIGHTS,))
        try:
            pieces = Tokenizer.from_file(str(folder / TOKENIZER))
        except Exception as error:  # it raises that itself
            raise ModelError(f"{folder / TOKENIZER} does not load ({error}): train the model again.") from error
        engine = OnnxEngine(folder / onnx_weights.FILE, threads=threads)
        return cls(engine, pieces, start=engine.model.start, end=engine.model.end, tags=manifest.tags)
