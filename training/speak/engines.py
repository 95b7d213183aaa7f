"""Chooses and opens the engine: torch, or the light form in a process that then loads no torch."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from training.errors import ModelError
from training.models import model_dir
from training.speak import onnx_weights

if TYPE_CHECKING:
    from training.speak.sampler import Sampler

Engine = Literal["auto", "torch", "light"]
GPUS = tuple(map(Path, ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")))  # NVIDIA, AMD, and both under WSL


def choose(folder: Path, *, engine: Engine = "auto", device: str = "auto") -> Literal["torch", "light"]:
    """`auto` is torch on a GPU; on a processor the light form, if the folder has one and ONNX Runtime is installed."""
    if engine == "torch":
        return engine
    has_light = onnx_weights.FILE in model_dir.read_manifest(folder).files
    if engine == "auto":
        return "light" if has_light and device in {"auto", "cpu"} and prefers_light(device) else "torch"
    if device not in {"auto", "cpu"}:
        raise ModelError(f'The light voice speaks on the processor, not on "{device}": set one of the two to "auto".')
    if not has_light:
        raise ModelError(
            f'{folder.name} has no light form: `mynah retrain` with training.save = "merged" makes one, '
            'or set voice.engine to "auto".'
        )
    return engine


def open_sampler(
    folder: Path, *, engine: Engine, device: str = "auto", threads: int = 0
) -> tuple[Literal["torch", "light"], Sampler]:
    """Check and load a model folder, with the engine that was chosen; a ModelError says what is wrong with it."""
    chosen = choose(folder, engine=engine, device=device)
    if chosen == "light":
        from training.speak.onnx_sampler import OnnxSampler

        return chosen, OnnxSampler.open(folder, threads=threads)
    from training.speak.torch_engine import TorchSampler

    return chosen, TorchSampler.open(folder, device=device, threads=threads)


def prefers_light(device: str) -> bool:
    """Whether the light engine is the faster one on this machine, or the only one."""
    if find_spec("torch") is None:
        return True
    return find_spec("onnxruntime") is not None and (device == "cpu" or not _has_gpu())


def _has_gpu() -> bool:
    """Whether torch finds a GPU.

    Loading torch takes seconds and hundreds of megabytes, so the device files are checked first.
    """
    if sys.platform != "darwin" and not any(path.exists() for path in GPUS):
        return False
    return model_dir.pick_device("auto").type != "cpu"
