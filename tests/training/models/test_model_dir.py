from __future__ import annotations

import hashlib
import json
import pickle
import resource
import shutil
from typing import TYPE_CHECKING, Any

import pytest
import safetensors.torch
import torch
import transformers

from training.errors import ModelError, OutOfRoom
from training.models.model_dir import Manifest, check, load, save
from training.profile import memory
from training.profile.memory import Memory

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def folder(model_folder: Path, tmp_path: Path) -> Path:
    return shutil.copytree(model_folder, tmp_path / "model")


@pytest.fixture(scope="module")
def loaded(model_folder: Path) -> Any:
    return load(model_folder, device="cpu")


def revouch(folder: Path) -> None:
    """Write a manifest that is true of the folder's files, as an attacker or a careless hand would."""
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"] = {
        name: [hashlib.sha256((folder / name).read_bytes()).hexdigest(), (folder / name).stat().st_size]
        for name in manifest["files"]
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))


def rewrite(folder: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    """Change the weights and vouch for them."""
    weights = safetensors.torch.load_file(folder / "model.safetensors")
    change(weights)
    safetensors.torch.save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    revouch(folder)


def test_a_saved_model_is_loaded_unchanged(loaded: Any, tmp_path: Path) -> None:
    about = Manifest(
        created="2026-11-20T12:00:00+00:00",
        base_model="tiny",
        authors=("a", "b"),
        funnel={"a": {"kept": 3}, "b": {"kept": 4}},
        figures={"bits_per_character": 2.5},
    )
    save(tmp_path / "m", loaded.model, loaded.tokenizer, about=about, files={"memory.bin": memory.memorise(["hello"])})

    again = load(tmp_path / "m", device="cpu")

    assert all(torch.equal(a, b) for a, b in zip(loaded.model.parameters(), again.model.parameters(), strict=True))
    assert again.tokenizer("Rain ☔").input_ids == loaded.tokenizer("Rain ☔").input_ids
    assert (again.manifest.authors, again.manifest.funnel, again.manifest.figures) == (
        about.authors,
        about.funnel,
        about.figures,
    )
    assert Memory.open(tmp_path / "m").said("Hello!")
    assert not (tmp_path / "m.tmp").exists()


def test_the_manifest_lists_every_file(model_folder: Path) -> None:
    files = {path.name for path in model_folder.iterdir()}

    assert set(check(model_folder).files) == files - {"manifest.json"}


def test_a_loaded_model_uses_no_dropout(loaded: Any) -> None:
    assert not loaded.model.training


def test_transformers_own_pipeline_generates_from_the_folder(model_folder: Path) -> None:
    pipeline = transformers.pipeline("text-generation", model=str(model_folder), device="cpu")

    (answer,) = pipeline("My dream is")

    assert answer["generated_text"].startswith("My dream is")
    assert pipeline.tokenizer("My").input_ids[0] == pipeline.tokenizer.bos_token_id
    assert pipeline.model.generation_config.top_k == 0
    assert pipeline.model.generation_config.min_length in (None, 0)


def truncate(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])


def flip(folder: Path) -> None:
    content = bytearray((folder / "model.safetensors").read_bytes())
    content[-100] ^= 4
    (folder / "model.safetensors").write_bytes(content)


def blank(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(bytes(weights.stat().st_size))


def lose(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def say(**change: object) -> Callable[[Path], None]:
    def rewrite_manifest(folder: Path) -> None:
        manifest = json.loads((folder / "manifest.json").read_text())
        (folder / "manifest.json").write_text(json.dumps(manifest | change))

    return rewrite_manifest


def fill_manifest(content: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / "manifest.json").write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        pytest.param(shutil.rmtree, "There is no model folder", id="no folder"),
        pytest.param(lose("manifest.json"), "has no manifest", id="no manifest"),
        pytest.param(fill_manifest(bytes(500)), r"manifest\.json is damaged", id="manifest of zeros"),
        pytest.param(fill_manifest(b"\xff\xfe{"), r"manifest\.json is damaged", id="manifest of other bytes"),
        pytest.param(fill_manifest(b"{"), r"manifest\.json is damaged", id="half a manifest"),
        pytest.param(fill_manifest(b"[]"), "lacks a field", id="manifest of nothing"),
        pytest.param(say(format=2), "format 2.*newer program", id="format of tomorrow"),
        pytest.param(say(files={}), r"does not list config\.json", id="files unnamed"),
        pytest.param(say(files={"../x": ["", 1]}), "not a plain file name", id="a file elsewhere"),
        pytest.param(lose("model.safetensors"), r"model\.safetensors cannot be read", id="no weights"),
        pytest.param(lose("tokenizer.json"), r"tokenizer\.json cannot be read", id="no tokenizer"),
        pytest.param(lose("memory.bin"), r"memory\.bin cannot be read", id="no memory"),
        pytest.param(truncate, r"model\.safetensors has \d+ bytes", id="weights cut off"),
        pytest.param(flip, r"model\.safetensors is not what was written", id="one bit flipped"),
        pytest.param(blank, r"model\.safetensors is not what was written", id="weights of zeros"),
    ],
)
def test_a_damaged_folder_is_refused_in_one_sentence(
    folder: Path, damage: Callable[[Path], object], sentence: str
) -> None:
    damage(folder)

    with pytest.raises(ModelError, match=sentence):
        check(folder)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        pytest.param(lambda weights: weights.pop("transformer.h.1.mlp.c_fc.weight"), "lacks weights", id="missing"),
        pytest.param(
            lambda weights: weights["transformer.ln_f.weight"].fill_(float("nan")), "finite numbers", id="not a number"
        ),
        pytest.param(
            lambda weights: weights.update({"transformer.ln_f.weight": torch.ones(7)}), "does not load", id="wrong size"
        ),
    ],
)
def test_weights_with_a_valid_manifest_are_still_checked(
    folder: Path, change: Callable[[dict[str, torch.Tensor]], object], sentence: str
) -> None:
    rewrite(folder, change)

    with pytest.raises(ModelError, match=sentence):
        load(folder, device="cpu")


class Evil:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return (pytest.fail, ("the pickle was opened",))


def test_a_pickle_in_place_of_the_weights_is_never_opened(folder: Path) -> None:
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Evil()))
    (folder / "model.safetensors").write_bytes(pickle.dumps(Evil()))
    revouch(folder)

    with pytest.raises(ModelError, match="does not load"):
        load(folder, device="cpu")


def test_code_that_comes_with_a_folder_is_never_run(folder: Path) -> None:
    (folder / "evil.py").write_text("raise SystemExit('the code was run')")
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "evil", "auto_map": {"AutoConfig": "evil.C", "AutoModelForCausalLM": "evil.M"}}
    (folder / "config.json").write_text(json.dumps(config))
    revouch(folder)

    with pytest.raises(ModelError, match="does not load"):
        load(folder, device="cpu")


def test_a_folder_that_cannot_be_finished_leaves_nothing_behind(loaded: Any, tmp_path: Path) -> None:
    about = Manifest(created="", base_model="tiny")

    with pytest.raises(ModelError, match="cannot be written"):
        save(tmp_path / "m", loaded.model, loaded.tokenizer, about=about, files={"no/such/place": b""})

    assert list(tmp_path.iterdir()) == []


def test_a_half_made_folder_in_the_way_is_replaced(loaded: Any, tmp_path: Path) -> None:
    (tmp_path / "m.tmp").mkdir()
    (tmp_path / "m.tmp" / "stale.bin").write_bytes(b"stale")
    save(tmp_path / "m", loaded.model, loaded.tokenizer, about=Manifest(created="", base_model="tiny"), files={})

    assert not (tmp_path / "m" / "stale.bin").exists()


def test_a_whole_folder_is_never_overwritten(loaded: Any, folder: Path) -> None:
    with pytest.raises(ModelError, match="cannot be written"):
        save(folder, loaded.model, loaded.tokenizer, about=Manifest(created="", base_model="tiny"), files={})

    assert check(folder).base_model == "tiny"


def test_a_model_that_does_not_fit_the_disk_is_refused_before_it_is_written(loaded: Any, tmp_path: Path) -> None:
    huge = torch.nn.Linear(2**40, 2**20, device="meta")  # meta: a shape without memory

    with pytest.raises(OutOfRoom, match="make room"):
        save(tmp_path / "m", huge, loaded.tokenizer, about=Manifest(created="", base_model="tiny"), files={})


@pytest.mark.parametrize("size", [100, 20_000], ids=["at the first file", "at the weights"])
def test_a_disk_that_fills_up_is_reported_and_nothing_is_left(loaded: Any, tmp_path: Path, size: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))  # no file may grow beyond it
    try:
        with pytest.raises(OutOfRoom, match="is full: make room"):
            save(
                tmp_path / "m", loaded.model, loaded.tokenizer, about=Manifest(created="", base_model="tiny"), files={}
            )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert list(tmp_path.iterdir()) == []


def test_checking_needs_no_torch(model_folder: Path) -> None:
    program = (
        "import sys, pathlib; from training.models.model_dir import check;"
        f"check(pathlib.Path({str(model_folder)!r})); sys.exit('torch' in sys.modules)"
    )

    assert _run(program) == 0


def _run(program: str) -> int:
    import subprocess
    import sys

    return subprocess.run([sys.executable, "-c", program], check=False).returncode
