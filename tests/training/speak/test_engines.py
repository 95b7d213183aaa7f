from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.installed import SENTENCES
from tests.training.lightened import lightened
from training.errors import ModelError
from training.speak import engines
from training.speak.onnx_sampler import OnnxSampler
from training.speak.torch_engine import TorchSampler

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def light(talker: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lightened(talker / "current", tmp_path_factory.mktemp("light") / "m", SENTENCES)[0]


@pytest.mark.parametrize(
    ("engine", "device", "expected"),
    [("auto", "cpu", "light"), ("light", "cpu", "light"), ("light", "auto", "light"), ("torch", "cpu", "torch"),
     ("auto", "cuda", "torch"), ("auto", "mps", "torch")],
)  # fmt: skip
def test_a_cpu_uses_the_light_engine_and_other_devices_use_torch(
    light: Path, engine: engines.Engine, device: str, expected: str
) -> None:
    assert engines.choose(light, engine=engine, device=device) == expected


def test_an_older_folder_uses_torch(model_folder: Path) -> None:
    assert engines.choose(model_folder, device="cpu") == "torch"


def test_an_older_folder_cannot_use_the_light_engine(model_folder: Path) -> None:
    with pytest.raises(ModelError, match="no light form: `mynah retrain`"):
        engines.choose(model_folder, engine="light")


def test_the_light_engine_refuses_a_gpu(light: Path) -> None:
    with pytest.raises(ModelError, match='not on "cuda"'):
        engines.choose(light, engine="light", device="cuda")


@pytest.mark.parametrize(("engine", "kind"), [("light", OnnxSampler), ("torch", TorchSampler)])
def test_either_engine_opens(light: Path, engine: str, kind: type) -> None:
    _, sampler = engines.open_sampler(light, engine="light" if engine == "light" else "torch", device="cpu", threads=1)

    assert isinstance(sampler, kind)
    assert len(sampler.draft("", n=2, seed=0)) == 2


def test_a_folder_without_a_manifest_is_reported(light: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(light, tmp_path / "copy")
    (copy / "manifest.json").unlink()

    with pytest.raises(ModelError, match="not a whole model"):
        engines.choose(copy)
