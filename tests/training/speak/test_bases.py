"""Voices that are adapters share one base, whose light form is made once and checked when it is opened."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Literal

import pytest

from tests.adapters import VERSION, make_adapted, make_base
from tests.talker import SAYINGS
from training.errors import ModelError
from training.models import registry
from training.speak import bases, onnx_weights
from training.speak.bases import Bases
from training.speak.torch_engine import TorchSampler
from training.speak.types import Sampling

if TYPE_CHECKING:
    from pathlib import Path

    from training.speak.sampler import Sampler

SHARP = Sampling(temperature=0.0, max_tokens=32)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models, `one` and `two`, that are adapters to `base`, and the folder of shared bases, `store`."""
    folder = tmp_path_factory.mktemp("world")
    base = make_base(folder / "base")
    for number, name in enumerate(("one", "two")):
        make_adapted(folder / name, base, SAYINGS[number * 8 : number * 8 + 8])
    bases.make(folder / "store", folder / "one" / VERSION)
    return folder


def opened(shared: Bases, model: Path, engine: Literal["auto", "torch", "light"] = "light") -> tuple[str, Sampler]:
    return shared.open_sampler(model, engine=engine, device="cpu", threads=1)


def test_an_adapter_says_what_the_merged_model_says(world: Path) -> None:
    shared = Bases(world / "store")
    for name in ("one", "two"):
        model = world / name / VERSION

        kind, sampler = opened(shared, model)

        assert kind == "light"
        assert sampler.draft("", n=1, seed=0, sampling=SHARP)[0].text == (
            TorchSampler.open(model, device="cpu").draft("", n=1, seed=0, sampling=SHARP)[0].text
        )


def test_all_adapters_share_the_weights_and_the_tokenizer(world: Path) -> None:
    shared = Bases(world / "store")

    samplers = [opened(shared, world / name / VERSION)[1] for name in ("one", "two")]

    assert samplers[0]._engine._session is samplers[1]._engine._session  # type: ignore[attr-defined]
    assert samplers[0]._pieces is samplers[1]._pieces


def test_a_base_that_was_not_made_yet_is_missing(world: Path, tmp_path: Path) -> None:
    model = world / "one" / VERSION

    assert Bases(tmp_path).missing(model, engine="auto", device="cpu")
    assert not Bases(world / "store").missing(model, engine="auto", device="cpu")
    assert not Bases(tmp_path).missing(model, engine="torch", device="cpu")


def test_a_whole_model_needs_no_base(talker: Path, tmp_path: Path) -> None:
    model = registry.find(talker, registry.CURRENT)
    shared = Bases(tmp_path)

    assert not shared.missing(model, engine="auto", device="cpu")
    assert opened(shared, model)[1].draft("", n=1, seed=0)


def test_a_damaged_base_is_refused(world: Path, tmp_path: Path) -> None:
    home = bases.make(tmp_path, world / "one" / VERSION)
    content = bytearray((home / onnx_weights.FILE).read_bytes())
    content[-1] ^= 1
    (home / onnx_weights.FILE).write_bytes(content)

    with pytest.raises(ModelError, match="is not what was written"):
        opened(Bases(tmp_path), world / "one" / VERSION)


def test_a_base_is_made_once(world: Path) -> None:
    home = bases.make(world / "store", world / "one" / VERSION)
    stamp = (home / onnx_weights.FILE).stat().st_mtime_ns

    bases.make(world / "store", world / "two" / VERSION)

    assert (home / onnx_weights.FILE).stat().st_mtime_ns == stamp
    assert [path.name for path in (world / "store").iterdir()] == [home.name]


SPEAK = """
import sys
from pathlib import Path
from training.speak.bases import Bases
_, sampler = Bases(Path(sys.argv[1])).open_sampler(Path(sys.argv[2]), engine="light", device="cpu", threads=1)
sampler.draft("", n=2, seed=0)
print(sorted({"torch", "transformers", "safetensors"} & set(sys.modules)))
"""


def test_a_shared_base_speaks_without_torch(world: Path) -> None:
    words = [sys.executable, "-c", SPEAK, world / "store", world / "one" / VERSION]
    process = subprocess.run(words, capture_output=True, text=True, check=True)

    assert process.stdout == "[]\n"


def test_a_folder_that_holds_no_model_is_one_sentence(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "training.speak.bases", tmp_path, tmp_path / "none"]
    process = subprocess.run(words, capture_output=True, text=True, check=False)

    assert process.returncode == 1
    assert process.stderr.startswith("There is no model folder at")
