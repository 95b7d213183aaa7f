"""How an adapter is best added to a base that several voices share: speed, memory and the time to change voices.

Four ways, each with SmolLM2's light form and a random adapter of rank 32 to all its matrices, in processes of
their own:

- merged: each voice has whole weights, the adapter merged into them. What a bot alone has.
- bound: the graph has the adapter's matrices as inputs; each call binds the arrays. What the fleet uses.
- LoraAdapter: ONNX Runtime's own, a file that is mapped into memory and named with each call.
- remerged: one set of weights, from which the adapter is merged anew when the voice changes.

Each process drafts 8 rows of 40 tokens, again and again, in turn with the others.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from training.speak.onnx_engine import OnnxEngine

RANK = 32
TOKENS = 40
SIDES = ("merged", "bound", "LoraAdapter", "remerged")
ONE = "from benchmarks.adapters import side; side()"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=8)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make(folder)
        processes = {side: begin(side, folder, args.rows) for side in SIDES}
        before = {side: ask(process) for side, process in processes.items()}
        speeds: dict[str, list[float]] = {side: [] for side in SIDES}
        changes: dict[str, list[float]] = {side: [] for side in SIDES}
        for _ in range(args.rounds):
            for side, process in processes.items():
                answer = ask(process)
                speeds[side].append(answer["speed"])
                changes[side].append(answer["change"])
        memory = {side: ask(process)["memory"] for side, process in processes.items()}
        for process in processes.values():
            process.communicate("end\n")
    show(speeds, changes, {side: (before[side]["memory"], memory[side]) for side in SIDES}, args)


def show(
    speeds: dict[str, list[float]],
    changes: dict[str, list[float]],
    memory: dict[str, tuple[float, float]],
    args: argparse.Namespace,
) -> None:
    load = f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    print(f"{args.rounds} rounds of {args.rows} rows, one thread, {load}; medians")
    print(f"{'':14}{'tokens/s':>10}{'ratio':>8}{'change of voice':>18}{'the first voice':>18}{'each further one':>18}")
    first = statistics.median(speeds["merged"])
    for side, values in speeds.items():
        speed, change, (one, two) = statistics.median(values), statistics.median(changes[side]), memory[side]
        line = f"{side:14}{speed:10.0f}{speed / first:8.2f}{change * 1e3:15.0f} ms"
        print(f"{line}{one:15.0f} MB{max(two - one, 0):15.0f} MB")


def make(folder: Path) -> None:
    """The light form of the base, and the adapters of two voices."""
    from training.models import base_model
    from training.recipe import Shape
    from training.speak import onnx_engine, onnx_graph, onnx_weights

    model, tokenizer = base_model.load_base("smollm2", texts=(), shape=Shape(), seed=0)
    start, end = tokenizer.bos_token_id, tokenizer.eos_token_id
    (folder / onnx_weights.FILE).write_bytes(onnx_weights.write(model, start=start, end=end))
    about = onnx_engine.OnnxEngine(folder / onnx_weights.FILE, threads=1).architecture
    rng = np.random.default_rng(0)
    for voice in range(2):
        arrays = {}
        for name, (inputs, outputs) in onnx_graph.adapted_matrices(about).items():
            rank = 3 * RANK if name.endswith("qkv") else RANK  # of three matrices that are one here
            arrays[f"{name}.A"] = rng.normal(0, 0.01, (inputs, rank)).astype(np.float32)
            arrays[f"{name}.B"] = rng.normal(0, 0.01, (rank, outputs)).astype(np.float32)
        np.savez(folder / f"{voice}.npz", **arrays)


def begin(side: str, folder: Path, rows: int) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", ONE, side, str(folder), str(rows)]
    root = Path(__file__).parents[1]
    return subprocess.Popen(words, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def ask(process: subprocess.Popen[str]) -> dict[str, float]:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("go\n")
    process.stdin.flush()
    line: dict[str, float] = json.loads(process.stdout.readline())
    return line


def side() -> None:
    """One process: prints its memory with one voice, and after each further line its speed and the time of a change."""
    name, folder, rows = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    voices = WAYS[name](folder)
    draft(voices(0), rows, 2)
    sys.stdin.readline()
    print(json.dumps({"memory": private()}), flush=True)
    number = 0
    while sys.stdin.readline().strip() == "go":
        number = 1 - number
        began = time.perf_counter()
        engine = voices(number)
        changed = time.perf_counter()
        draft(engine, rows, TOKENS)
        spoken = time.perf_counter()
        answer = {"speed": rows * TOKENS / (spoken - changed), "change": changed - began, "memory": private()}
        print(json.dumps(answer), flush=True)


def draft(engine: OnnxEngine, rows: int, tokens: int) -> None:
    batch = engine.begin([1, 30, 40, 50], rows, tokens)
    for number in range(tokens):
        batch.sample([lambda: 0.5] * rows, 0.7, 0.95)
        batch.advance([100 + number] * rows, range(rows))


def merged(folder: Path) -> Callable[[int], OnnxEngine]:
    """Both voices whole, in memory: what changing costs is nothing, and what a voice costs is everything."""
    from training.speak import onnx_engine, onnx_weights

    voices: dict[int, OnnxEngine] = {}

    def voice(number: int) -> OnnxEngine:
        if number not in voices:
            voices[number] = onnx_engine.OnnxEngine(folder / onnx_weights.FILE, threads=1)
        return voices[number]

    return voice


def bound(folder: Path) -> Callable[[int], OnnxEngine]:
    from training.speak import onnx_engine, onnx_weights

    base = onnx_engine.OnnxEngine(folder / onnx_weights.FILE, threads=1, adapted=True)
    voices: dict[int, OnnxEngine] = {}

    def voice(number: int) -> OnnxEngine:
        if number not in voices:
            voices[number] = base.with_adapter(dict(np.load(folder / f"{number}.npz")))
        return voices[number]

    return voice


def lora_adapter(folder: Path) -> Callable[[int], OnnxEngine]:
    """A session cannot be run with a binding and an adapter at once, so caches are copied from call to call."""
    import onnxruntime

    from training.speak import onnx_engine, onnx_weights

    class Binding:
        """Collects what is bound, and calls the session with it and an adapter."""

        def __init__(self, session: Any, options: Any) -> None:
            self.session, self.options = session, options
            self.inputs: dict[str, Any] = {}
            self.outputs: dict[str, Any] = {}

        def bind_input(self, name: str, _: str, __: int, kind: Any, dims: tuple[int, ...], address: int) -> None:
            self.inputs[name] = array_at(address, kind, dims)

        def bind_output(self, name: str, _: str, __: int, kind: Any, dims: tuple[int, ...], address: int) -> None:
            self.outputs[name] = array_at(address, kind, dims)

    class Engine(onnx_engine.OnnxEngine):
        options: Any

        def binding(self) -> Any:
            return Binding(self._session, self.options)

        def run(self, binding: Any) -> None:
            names = list(binding.outputs)
            results = self._session._sess.run(  # noqa: SLF001  the checks before it know no adapters
                names, binding.inputs, binding.options
            )
            for name, result in zip(names, results, strict=True):
                np.copyto(binding.outputs[name], result)

    base = Engine(folder / onnx_weights.FILE, threads=1, adapted=True)
    voices: dict[int, Engine] = {}

    def voice(number: int) -> OnnxEngine:
        if number not in voices:
            path = folder / f"{number}.onnx_adapter"
            form = onnxruntime.AdapterFormat()
            arrays = np.load(folder / f"{number}.npz")
            value = onnxruntime.OrtValue.ortvalue_from_numpy
            form.set_parameters({name: value(array) for name, array in arrays.items()})
            form.export_adapter(str(path))
            adapter = onnxruntime.LoraAdapter()
            adapter.Load(str(path))
            engine = base.with_adapter({})
            engine.options = onnxruntime.RunOptions()
            engine.options.add_active_adapter(adapter)
            engine.kept = (adapter, form, arrays)
            voices[number] = engine
        return voices[number]

    return voice


def array_at(address: int, kind: Any, dims: tuple[int, ...]) -> Any:
    import ctypes

    size = int(np.prod(dims)) * np.dtype(kind).itemsize
    return np.frombuffer((ctypes.c_char * size).from_address(address), kind).reshape(dims)


def remerged(folder: Path) -> Callable[[int], OnnxEngine]:
    """Takes the 8-bit weights apart, adds the adapter, and rounds and loads them again."""
    from training.speak import onnx_engine, onnx_graph, onnx_weights

    def voice(number: int) -> OnnxEngine:
        base = onnx_weights.read(folder / onnx_weights.FILE)
        arrays = np.load(folder / f"{number}.npz")
        content = bytearray((folder / onnx_weights.FILE).read_bytes())
        for name in onnx_graph.adapted_matrices(base.architecture):
            codes, scales = base.tensor(f"{name}.q"), base.tensor(f"{name}.s")
            whole = onnx_weights.unpacked(codes, scales, codes.shape[1] * codes.shape[2])
            whole += (arrays[f"{name}.A"] @ arrays[f"{name}.B"]).T
            blocks = whole.reshape(codes.shape)
            new = np.abs(blocks).max(-1) / 127
            rounded = (np.rint(blocks / new[..., None]) + 128).astype(np.uint8)
            for key, array in ((f"{name}.q", rounded), (f"{name}.s", new.astype(np.float32))):
                span = base.spans[key]
                content[span.offset : span.offset + span.length] = array.tobytes()
        path = folder / f"remerged-{number}.safetensors"
        path.write_bytes(content)
        return onnx_engine.OnnxEngine(path, threads=1)

    return voice


def private() -> float:
    lines = Path("/proc/self/smaps_rollup").read_text(encoding="ascii").splitlines()[1:]
    pages = {line.split(":")[0]: int(line.split()[1]) / 1e3 for line in lines}
    return pages["Private_Dirty"]


WAYS = {"merged": merged, "bound": bound, "LoraAdapter": lora_adapter, "remerged": remerged}

if __name__ == "__main__":
    main()
