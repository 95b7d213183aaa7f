"""The engine of the light form: ONNX Runtime on the processor, with little memory. LOG: 2026-11-21, the light voice."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime

from training.errors import ModelError, first_line
from training.speak import nucleus, onnx_graph, onnx_weights

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Integers = NDArray[np.int64]


class OnnxEngine:
    """A loaded light form."""

    max_rows = 32  # GPT-2's cache for them is 260 MB

    def __init__(self, path: Path, *, threads: int = 0, adapted: bool = False) -> None:
        """`threads` limits the processor threads; 0 leaves them to the runtime. `adapted`: for `with_adapter`."""
        self.model = onnx_weights.read(path)
        self.architecture = self.model.architecture
        self.context = self.architecture.context
        embedding = "words" if "words.q" in self.model.spans else "head"
        self._codes, self._scales = self.model.tensor(f"{embedding}.q"), self.model.tensor(f"{embedding}.s")
        self._positions = self.model.tensor(onnx_graph.PLACES) if onnx_graph.PLACES in self.model.spans else None
        self.adapter: Mapping[str, Floats] = {}
        try:
            graph = onnx_graph.graph(self.architecture, self.model.spans, path.name, adapted=adapted)
            self._session: Any = onnxruntime.InferenceSession(graph, _options(path, threads), ["CPUExecutionProvider"])
        except Exception as error:  # the runtime has no common base class for its errors
            raise ModelError(
                f'{path} does not load ({first_line(error)}): set voice.engine to "torch", or train the model again.'
            ) from error

    def with_adapter(self, matrices: Mapping[str, Floats]) -> OnnxEngine:
        """The same weights, which are in memory once, with an adapter: see `onnx_graph.adapted_matrices`."""
        engine = copy(self)
        engine.adapter = matrices
        return engine

    def begin(self, ids: Sequence[int], rows: int, max_tokens: int) -> OnnxBatch:
        """The prefix is read once for all rows."""
        cache = Cache(self, rows, len(ids) + max_tokens)
        logits = cache.read(np.asarray([ids]), np.asarray([len(ids) - 1]))
        cache.repeat()
        return OnnxBatch(cache, np.repeat(logits, rows, axis=0))

    def log_likelihoods(self, prefix: Sequence[int], continuations: Sequence[Sequence[int]]) -> list[float]:
        cache = Cache(self, 1, len(prefix) + max(map(len, continuations)))
        first = cache.read(np.asarray([prefix]), np.asarray([len(prefix) - 1]))
        likelihoods = []
        for ids in continuations:
            nats = nucleus.log_likelihood(first, ids[:1])
            if read := ids[:-1]:
                cache.truncate(len(prefix))
                nats += nucleus.log_likelihood(cache.read(np.asarray([read]), np.arange(len(read))), ids[1:])
            likelihoods.append(nats)
        return likelihoods

    def follow(self, ids: Sequence[int]) -> tuple[float, list[int]]:
        """The log-likelihood of all tokens after the first, and the likeliest token in the place of each."""
        logits = Cache(self, 1, len(ids) - 1).read(np.asarray([ids[:-1]]), np.arange(len(ids) - 1))
        return nucleus.log_likelihood(logits, ids[1:]), logits.argmax(-1).tolist()

    def embed(self, ids: Integers, past: int) -> Floats:
        pieces: Floats = onnx_weights.unpacked(self._codes[ids], self._scales[ids], self.architecture.width)
        pieces *= np.float32(self.architecture.embedding_scale)
        return pieces if self._positions is None else pieces + self._positions[past : past + ids.shape[1]]

    def binding(self) -> Any:
        binding = self._session.io_binding()
        for name, matrix in self.adapter.items():
            binding.bind_input(name, "cpu", 0, np.float32, matrix.shape, matrix.ctypes.data)
        return binding

    def run(self, binding: Any) -> None:
        try:
            self._session.run_with_iobinding(binding)
        except Exception as error:  # no common base class; the runtime rejects some operations only when they run
            raise ModelError(f"ONNX Runtime cannot run {self.model.path} ({first_line(error)}).") from error


class OnnxBatch:
    """Rows that grow together. The cache has an order of its own: its last row moves into a gap."""

    def __init__(self, cache: Cache, logits: Floats) -> None:
        self._cache = cache
        self._logits = logits  # (rows in the cache's order, vocabulary)
        self._slots = list(range(len(logits)))  # of each row in the cache

    def sample(
        self, uniforms: Sequence[Callable[[], float]], temperature: float, top_p: float
    ) -> list[tuple[int, float]]:
        return nucleus.choose(self._logits[self._slots], temperature, top_p, uniforms)

    def advance(self, tokens: Sequence[int], kept: Sequence[int]) -> None:
        slots = [self._slots[row] for row in kept]
        gaps = iter(sorted(set(range(len(slots))).difference(slots)))
        for row, slot in enumerate(slots):
            if slot >= len(slots):
                slots[row] = next(gaps)
                self._cache.move(slot, slots[row])
        self._cache.resize(len(slots))
        self._slots = slots
        ids = np.empty((len(slots), 1), np.int64)
        ids[slots, 0] = tokens
        self._logits = self._cache.read(ids, np.arange(len(slots)))


class Cache:
    """Keys and values of at most `length` tokens a row, updated in place: nothing is copied from step to step."""

    def __init__(self, engine: OnnxEngine, rows: int, length: int) -> None:
        about = engine.architecture
        self._engine = engine
        self._binding = engine.binding()
        self._cached: Floats = np.empty(
            (len(about.layers) * 2, rows, about.kv_heads, length, about.head_width), np.float32
        )
        self._tables = {  # the binding has only their addresses
            name: table
            for theta, names in onnx_graph.tables(about).items()
            for name, table in zip(names, _rotary(theta, about.head_width, length), strict=True)
        }
        for name, table in self._tables.items():
            self._binding.bind_input(name, "cpu", 0, np.float32, table.shape, table.ctypes.data)
        self._past = 0
        self.resize(1)

    def read(self, ids: Integers, positions: Integers) -> Floats:
        """Read `ids` (rows, tokens); the logits (positions, vocabulary) at those of the rows x tokens positions."""
        rows, tokens = ids.shape
        inputs: dict[str, NDArray[Any]] = {
            "x": np.ascontiguousarray(self._engine.embed(ids, self._past)),
            "wanted": positions.astype(np.int64),
            "last": np.full(rows, self._past + tokens - 1, np.int32),
            "total": np.asarray([self._past + tokens], np.int32),
        }
        logits = np.empty((len(positions), self._engine.architecture.vocabulary), np.float32)
        for name, array in inputs.items():
            self._binding.bind_input(name, "cpu", 0, array.dtype.type, array.shape, array.ctypes.data)
        self._binding.bind_output("logits", "cpu", 0, np.float32, logits.shape, logits.ctypes.data)
        self._engine.run(self._binding)
        self._past += tokens
        return logits

    def repeat(self) -> None:
        """Copy the first row to all other rows."""
        self._cached[:, 1:, :, : self._past] = self._cached[:, :1, :, : self._past]
        self.resize(self._cached.shape[1])

    def move(self, row: int, to: int) -> None:
        self._cached[:, to, :, : self._past] = self._cached[:, row, :, : self._past]

    def truncate(self, length: int) -> None:
        self._past = length

    def resize(self, rows: int) -> None:
        """Keep only the first `rows` rows in use."""
        dims = (rows, *self._cached.shape[2:])
        for name, part in zip(onnx_graph.caches(self._engine.architecture), self._cached, strict=True):
            self._binding.bind_input(name, "cpu", 0, np.float32, dims, part.ctypes.data)
            self._binding.bind_output(f"new_{name}", "cpu", 0, np.float32, dims, part.ctypes.data)


def _rotary(theta: float, width: int, length: int) -> tuple[Floats, Floats]:
    """Cosines and sines of the angles by which each pair of a head's numbers is turned, (length, width / 2)."""
    angles = np.arange(length)[:, None] / theta ** (np.arange(0, width, 2) / width)
    return np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)


def _options(path: Path, threads: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors only, which are raised as well
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = (
        onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    )  # the graph is written as it should run
    options.enable_cpu_mem_arena = False  # memory is given back after a round
    options.enable_mem_pattern = False
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", str(path.parent))
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # a bot mostly waits
    return options
