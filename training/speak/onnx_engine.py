"""The light form at work, an engine for sampler.py: ONNX Runtime computes on the processor, its memory kept small.

LOG: 2026-11-21, the light voice. It does not know what is said, only tokens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime

from training.errors import ModelError, first_line
from training.speak import nucleus, onnx_graph, onnx_weights

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Integers = NDArray[np.int64]


class OnnxEngine:
    """A light form, ready to be read through."""

    most = 32  # GPT-2's cache for them is 260 MB

    def __init__(self, path: Path, *, threads: int = 0) -> None:
        """`threads` bounds the runtime's, 0 leaves them to it."""
        self.model = onnx_weights.read(path)
        self.shape = self.model.shape
        self.context = self.shape.context
        words = "words" if "words.q" in self.model.spans else "head"
        self._words, self._scales = self.model.tensor(f"{words}.q"), self.model.tensor(f"{words}.s")
        self._places = self.model.tensor("places")
        try:
            graph = onnx_graph.graph(self.shape, self.model.spans, path.name)
            self._session: Any = onnxruntime.InferenceSession(graph, _options(path, threads), ["CPUExecutionProvider"])
        except Exception as error:  # the runtime has no tree of errors of its own
            raise ModelError(
                f'{path} does not load ({first_line(error)}): set voice.engine to "torch", or train the model again.'
            ) from error

    def begin(self, ids: Sequence[int], rows: int, room: int) -> OnnxBatch:
        """The beginning is read once for all."""
        cache = Cache(self, rows, len(ids) + room)
        logits = cache.read(np.asarray([ids]), np.asarray([len(ids) - 1]))
        cache.spread()
        return OnnxBatch(cache, np.repeat(logits, rows, axis=0))

    def log_likelihoods(self, begun: Sequence[int], tails: Sequence[Sequence[int]]) -> list[float]:
        cache = Cache(self, 1, len(begun) + max(map(len, tails)))
        first = cache.read(np.asarray([begun]), np.asarray([len(begun) - 1]))
        weights = []
        for tail in tails:
            nats = nucleus.likelihoods(first, tail[:1])
            if rest := tail[:-1]:
                cache.forget(len(begun))
                nats += nucleus.likelihoods(cache.read(np.asarray([rest]), np.arange(len(rest))), tail[1:])
            weights.append(nats)
        return weights

    def follow(self, ids: Sequence[int]) -> tuple[float, list[int]]:
        """The log-likelihood of all tokens but the first, and for each the token that would have been likeliest."""
        logits = Cache(self, 1, len(ids) - 1).read(np.asarray([ids[:-1]]), np.arange(len(ids) - 1))
        return nucleus.likelihoods(logits, ids[1:]), logits.argmax(-1).tolist()

    def embed(self, ids: Integers, past: int) -> Floats:
        words = onnx_weights.unpacked(self._words[ids], self._scales[ids], self.shape.width)
        embedded: Floats = words + self._places[past : past + ids.shape[1]]
        return embedded

    def binding(self) -> Any:
        return self._session.io_binding()

    def run(self, binding: Any) -> None:
        try:
            self._session.run_with_iobinding(binding)
        except Exception as error:  # see above: some of what it cannot do, it only finds when it is to do it
            raise ModelError(f"ONNX Runtime cannot read through {self.model.path} ({first_line(error)}).") from error


class OnnxBatch:
    """Rows that grow together. Where a row lies in the cache is its own affair: one from behind fills a gap."""

    def __init__(self, cache: Cache, logits: Floats) -> None:
        self._cache = cache
        self._logits = logits  # (rows as they lie, vocabulary)
        self._lying = list(range(len(logits)))

    def choose(self, dice: Sequence[Callable[[], float]], temperature: float, top_p: float) -> list[tuple[int, float]]:
        return nucleus.choose(self._logits[self._lying], temperature, top_p, dice)

    def go_on(self, tokens: Sequence[int], kept: Sequence[int]) -> None:
        lying = [self._lying[row] for row in kept]
        gaps = iter(sorted(set(range(len(lying))).difference(lying)))
        for number, place in enumerate(lying):
            if place >= len(lying):
                lying[number] = next(gaps)
                self._cache.move(place, lying[number])
        self._cache.narrow(len(lying))
        self._lying = lying
        ids = np.empty((len(lying), 1), np.int64)
        ids[lying, 0] = tokens
        self._logits = self._cache.read(ids, np.arange(len(lying)))


class Cache:
    """What the model keeps of each text that it reads: keys and values, in place, of at most `length` tokens.

    The first rows are read and written where they lie; nothing is copied from step to step.
    """

    def __init__(self, engine: OnnxEngine, rows: int, length: int) -> None:
        shape = engine.shape
        self._engine = engine
        self._binding = engine.binding()
        self._kept: Floats = np.empty(
            (shape.layers * 2, rows, shape.heads, length, shape.width // shape.heads), np.float32
        )
        self._past = 0
        self.narrow(1)

    def read(self, ids: Integers, wanted: Integers) -> Floats:
        """`ids` (rows, tokens) are read; the logits (wanted, vocabulary) after those of the rows x tokens places."""
        rows, tokens = ids.shape
        given: dict[str, NDArray[Any]] = {
            "x": np.ascontiguousarray(self._engine.embed(ids, self._past)),
            "wanted": wanted.astype(np.int64),
            "last": np.full(rows, self._past + tokens - 1, np.int32),
            "total": np.asarray([self._past + tokens], np.int32),
        }
        logits = np.empty((len(wanted), self._engine.shape.vocabulary), np.float32)
        for name, array in given.items():
            self._binding.bind_input(name, "cpu", 0, array.dtype.type, array.shape, array.ctypes.data)
        self._binding.bind_output("logits", "cpu", 0, np.float32, logits.shape, logits.ctypes.data)
        self._engine.run(self._binding)
        self._past += tokens
        return logits

    def spread(self) -> None:
        """What the first row has read, all have read."""
        self._kept[:, 1:, :, : self._past] = self._kept[:, :1, :, : self._past]
        self.narrow(self._kept.shape[1])

    def move(self, row: int, to: int) -> None:
        self._kept[:, to, :, : self._past] = self._kept[:, row, :, : self._past]

    def forget(self, after: int) -> None:
        self._past = after

    def narrow(self, rows: int) -> None:
        """Only the first so many rows go on."""
        dims = (rows, *self._kept.shape[2:])
        for name, part in zip(onnx_graph.caches(self._engine.shape), self._kept, strict=True):
            self._binding.bind_input(name, "cpu", 0, np.float32, dims, part.ctypes.data)
            self._binding.bind_output(f"new_{name}", "cpu", 0, np.float32, dims, part.ctypes.data)


def _options(path: Path, threads: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors, which are raised as well
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL  # it is written as it is run
    options.enable_cpu_mem_arena = False  # what a round needed goes back
    options.enable_mem_pattern = False
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", str(path.parent))
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # a bot mostly waits
    return options
