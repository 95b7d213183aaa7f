"""Which engine speaks: torch, or the light form in a process that then loads no torch. It only chooses and opens."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from training.errors import ModelError
from training.models import model_dir
from training.speak import onnx_weights

if TYPE_CHECKING:
    from training.speak.types import Speaker

Engine = Literal["auto", "torch", "light"]
GPUS = tuple(map(Path, ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")))  # NVIDIA's, AMD's, and either's within Windows


def choose(folder: Path, *, engine: Engine = "auto", device: str = "auto") -> Literal["torch", "light"]:
    """`auto`: torch on a GPU; on a processor the light form, where the folder has one and its library is installed."""
    if engine == "torch":
        return engine
    there = onnx_weights.FILE in model_dir.read_manifest(folder).files
    if engine == "auto":
        return "light" if there and device in {"auto", "cpu"} and _better_light(device) else "torch"
    if device not in {"auto", "cpu"}:
        raise ModelError(f'The light voice speaks on the processor, not on "{device}": set one of the two to "auto".')
    if not there:
        raise ModelError(f'{folder.name} has no light form: `mynah retrain` makes one, or set voice.engine to "auto".')
    return engine


def open_speaker(folder: Path, *, engine: Literal["torch", "light"], device: str = "auto", threads: int = 0) -> Speaker:
    """Load a model folder, checked; a ModelError says what is wrong with it."""
    if engine == "light":
        from training.speak.onnx_sampler import OnnxSampler

        return OnnxSampler.open(folder, threads=threads)
    from training.speak.torch_engine import TorchSampler

    return TorchSampler.open(folder, device=device, threads=threads)


def _better_light(device: str) -> bool:
    if find_spec("torch") is None:
        return True
    return find_spec("onnxruntime") is not None and (device == "cpu" or not _has_gpu())


def _has_gpu() -> bool:
    """To ask torch takes seconds and hundreds of megabytes, so only a machine that looks like it has one asks."""
    if sys.platform != "darwin" and not any(path.exists() for path in GPUS):
        return False
    return model_dir.pick_device("auto").type != "cpu"
