"""Text from the light form in a model folder, in a process without torch and transformers."""

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
    """A loaded light form."""

    @classmethod
    def open(cls, folder: Path, *, threads: int = 0) -> OnnxSampler:
        """Checks all files except torch's weights. `threads` limits the processor threads; 0 sets no limit."""
        from tokenizers import Tokenizer

        from training.speak.onnx_engine import OnnxEngine

        manifest = model_dir.check(folder, needs=(onnx_weights.FILE,), unread=(model_dir.WEIGHTS,))
        try:
            pieces = Tokenizer.from_file(str(folder / TOKENIZER))
        except Exception as error:  # tokenizers raises plain Exception
            raise ModelError(f"{folder / TOKENIZER} does not load ({error}): train the model again.") from error
        engine = OnnxEngine(folder / onnx_weights.FILE, threads=threads)
        return cls(engine, pieces, start=engine.model.start, end=engine.model.end, tags=manifest.tags)
