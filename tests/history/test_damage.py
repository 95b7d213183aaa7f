"""Damage to the model and to the history: one message, and the bot goes on with an intact version if there is one."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import random
import shutil
from typing import TYPE_CHECKING, Any, cast

import pytest
from structlog.testing import CapturingLogger

from bot.errors import Damaged, ModelError, MynahError, StoreError
from bot.history.store import Store
from bot.values import Draft, Slot
from bot.voice.model_voice import earlier, open_voice, promoted
from bot.voice.voice import CurrentVoice
from tests.fakes import NOON
from tests.installed import lines, mynah, rounds
from tests.training.models.test_model_dir import rewrite
from training.models import model_dir, registry
from training.speak import onnx_weights

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import torch

    from bot.voice.model_voice import ModelVoice

NEW = "20261121T120000Z-0001"


def weights(folder: Path) -> Path:
    return folder / "model.safetensors"


def flip(path: Path, position: float) -> None:
    content = bytearray(path.read_bytes())
    content[int(len(content) * position)] ^= 0x10
    path.write_bytes(content)


def rewrite_json(folder: Path, name: str, **changes: Any) -> None:
    """Change a JSON file, and its checksum in the manifest."""
    path = folder / name
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | changes), encoding="utf-8")
    if name != "manifest.json":
        update_manifest(folder)


def set_first_value(tensors: dict[str, torch.Tensor], value: float) -> None:
    next(iter(tensors.values())).view(-1)[0] = value


def update_manifest(folder: Path, *names: str) -> None:
    """Write the checksums of the files, and of those in `names`, to the manifest."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    files = {name: (folder / name).read_bytes() for name in (*manifest["files"], *names)}
    manifest["files"] = {name: [hashlib.sha256(content).hexdigest(), len(content)] for name, content in files.items()}
    path.write_text(json.dumps(manifest), encoding="utf-8")


def pickled(folder: Path) -> None:
    weights(folder).unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps({"a": 1}))


def other_tokenizer(folder: Path) -> None:
    """A tokenizer with more tokens than the model has embeddings."""
    path = folder / "tokenizer.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["model"]["vocab"] |= {f"strange{number}": 5000 + number for number in range(9)}
    path.write_text(json.dumps(manifest), encoding="utf-8")
    update_manifest(folder)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "cut": lambda folder: os.truncate(weights(folder), weights(folder).stat().st_size // 2),
    "empty": lambda folder: weights(folder).write_bytes(b""),
    "all NUL": lambda folder: weights(folder).write_bytes(b"\0" * weights(folder).stat().st_size),
    "a bit in the header": lambda folder: flip(weights(folder), 0.0001),
    "a bit in the middle": lambda folder: flip(weights(folder), 0.5),
    "a bit at the end": lambda folder: flip(weights(folder), 0.99999),
    "a bit in the tokenizer": lambda folder: flip(folder / "tokenizer.json", 0.5),
    "a bit in the memory": lambda folder: flip(folder / "memory.bin", 0.5),
    "no weights": lambda folder: weights(folder).unlink(),
    "weights in a pickle": pickled,
    "no tokenizer": lambda folder: (folder / "tokenizer.json").unlink(),
    "no manifest": lambda folder: (folder / "manifest.json").unlink(),
    "a manifest that is no JSON": lambda folder: (folder / "manifest.json").write_text("{"),
    "a manifest of lists": lambda folder: (folder / "manifest.json").write_text("[[]]"),
    "a manifest with wrong checksums": lambda folder: (
        rewrite_json(folder, "manifest.json", files={"model.safetensors": ["0" * 64, 7]})
    ),
    "a manifest with a path outside the folder": lambda folder: (
        rewrite_json(folder, "manifest.json", files={"../../x": ["0" * 64, 7]})
    ),
    "a manifest of a newer program": lambda folder: rewrite_json(folder, "manifest.json", format=99),
    "not a number": lambda folder: rewrite(folder, lambda tensors: set_first_value(tensors, float("nan"))),
    "infinity": lambda folder: rewrite(folder, lambda tensors: set_first_value(tensors, float("inf"))),
    "a tensor is missing": lambda folder: rewrite(folder, lambda tensors: tensors.pop(min(tensors))),
    "a config of another size": lambda folder: rewrite_json(folder, "config.json", n_embd=64),
    "a config of an unknown type": lambda folder: rewrite_json(folder, "config.json", model_type="no such thing"),
    "a tokenizer of another model": other_tokenizer,
    "a link in the place of the weights": lambda folder: (
        weights(folder).unlink(), weights(folder).symlink_to("/etc/passwd"),
    ),
    "a folder in the place of the weights": lambda folder: (weights(folder).unlink(), weights(folder).mkdir()),
}  # fmt: skip


@pytest.fixture
def models(model_folder: Path, tmp_path: Path) -> Path:
    """Two intact versions; the newer one is in use."""
    folder = tmp_path / "models"
    previous = shutil.copytree(model_folder, folder / model_folder.name)
    registry.promote(previous)
    registry.promote(shutil.copytree(model_folder, folder / NEW))
    return folder


def load(engine: Any) -> Callable[[Path], ModelVoice]:
    options = {"device": "cpu", "threads": 1, "temperature": 1.0, "top_p": 0.95, "max_tokens": 12}
    return lambda folder: open_voice(folder, engine=engine, **cast("Any", options))


def voice(models: Path, log: CapturingLogger, engine: str) -> CurrentVoice:
    return CurrentVoice(lambda: promoted(models), load(engine), cast("Any", log), lambda: earlier(models))


@pytest.fixture(scope="module")
def light_weights(model_folder: Path) -> bytes:
    model = model_dir.load(model_folder, device="cpu")
    token = model.tokenizer.eos_token_id
    return onnx_weights.write(model.model, start=token, end=token)


LIGHT: dict[str, Callable[[Path], object]] = {
    "cut": lambda path: os.truncate(path, path.stat().st_size // 2),
    "empty": lambda path: path.write_bytes(b""),
    "all NUL": lambda path: path.write_bytes(b"\0" * path.stat().st_size),
    "a bit in the header": lambda path: flip(path, 0.0001),
    "a bit in the middle": lambda path: flip(path, 0.5),
    "a bit at the end": lambda path: flip(path, 0.99999),
    "missing": lambda path: path.unlink(),
    "a link": lambda path: (path.unlink(), path.symlink_to("/etc/passwd")),
}


@pytest.mark.parametrize("damage", LIGHT)
def test_damaged_onnx_weights_are_refused_and_the_previous_version_is_used(
    models: Path, light_weights: bytes, damage: str
) -> None:
    for version in registry.versions(models):
        (version.folder / onnx_weights.FILE).write_bytes(light_weights)
        update_manifest(version.folder, onnx_weights.FILE)
    previous, log = registry.before(models)[-1], CapturingLogger()
    assert voice(models, log, "light").name == NEW
    LIGHT[damage](models / NEW / onnx_weights.FILE)

    speaking = voice(models, log, "light")

    assert (speaking.name, speaking.engine) == (previous, "light")
    assert len(speaking.draft("", n=1, seed=0)) == 1


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_model_is_refused_and_the_previous_version_is_used(models: Path, damage: str) -> None:
    previous, log = registry.before(models)[-1], CapturingLogger()
    DAMAGES[damage](models / NEW)

    speaking = voice(models, log, "torch")

    assert speaking.name == previous
    (call,) = log.calls
    assert (call.args, call.kwargs["model"], call.kwargs["speaking"]) == (("model.refused",), NEW, previous)
    assert len(call.kwargs["why"].splitlines()) == 1
    assert "Traceback" not in call.kwargs["why"]


@pytest.mark.parametrize("damage", ["cut", "a bit in the middle", "not a number", "no manifest"])
def test_a_running_voice_does_not_switch_to_a_damaged_model(models: Path, model_folder: Path, damage: str) -> None:
    log = CapturingLogger()
    speaking = voice(models, log, "torch")
    newest = shutil.copytree(model_folder, models / "20261122T120000Z-0002")
    registry.promote(newest)
    DAMAGES[damage](newest)

    for _ in range(3):
        speaking.refresh()

    assert speaking.name == NEW
    assert [call.args for call in log.calls] == [("model.refused",)]
    assert len(speaking.draft("", n=1, seed=0)) == 1


def test_a_link_to_a_missing_version_falls_back_too(models: Path) -> None:
    previous, log = registry.before(models)[-1], CapturingLogger()
    shutil.rmtree(models / NEW)

    assert voice(models, log, "torch").name == previous


def test_without_an_intact_version_it_reports_that_and_trains_no_other(models: Path, tmp_path: Path) -> None:
    for version in registry.versions(models):
        DAMAGES["cut"](version.folder)

    result = mynah("run", "--once", "--dry-run", state=tmp_path)

    assert result.returncode == 1
    assert "model.safetensors has" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert len(registry.versions(models)) == 2


def test_a_round_of_the_installed_command_uses_the_previous_version(models: Path, tmp_path: Path) -> None:
    previous = registry.before(models)[-1]
    DAMAGES["a bit in the middle"](models / NEW)

    result = mynah("run", "--once", "--dry-run", state=tmp_path, MYNAH_VOICE__MAX_TOKENS="12")

    (line,) = [line for line in lines(result.stdout) if line["event"] == "model.refused"]
    assert (line["level"], line["model"], line["speaking"]) == ("error", NEW, previous)
    assert len(rounds(result.stdout)) == 1


# The history

HISTORIES: dict[str, tuple[Callable[[Path], object], int]] = {
    "cut": (lambda path: os.truncate(path, path.stat().st_size // 3), 78),
    "header": (lambda path: flip(path, 0.00001), 78),
    "garbage": (lambda path: path.write_bytes(b"no database at all, and long enough to be looked at\n" * 99), 78),
    "all NUL": (lambda path: path.write_bytes(b"\0" * path.stat().st_size), 78),
    "page": (lambda path: path.write_bytes(path.read_bytes()[:8192] + b"\xff" * (path.stat().st_size - 8192)), 78),
    "folder": (lambda path: (path.unlink(), path.mkdir()), 1),
}


@pytest.fixture
def history(tmp_path: Path) -> Path:
    with Store.open(tmp_path / "history.db") as store:
        for number in range(50):
            slot, text = Slot(str(number), NOON), f"text {number} " * 20
            store.add_draft(Draft(text), slot=slot, norm=text, length=9, dry=True, model="m", at=NOON)
    assert mynah("backup", state=tmp_path).returncode == 0
    return tmp_path / "history.db"


@pytest.mark.parametrize(
    "arguments", [("run", "--once"), ("status",), ("history",), ("pause",), ("backup",)], ids=" ".join
)
@pytest.mark.parametrize("damage", ["header", "page"])
def test_a_damaged_history_is_one_message_for_every_command(
    history: Path, damage: str, arguments: tuple[str, ...]
) -> None:
    HISTORIES[damage][0](history)

    result = mynah(*arguments, state=history.parent)

    assert (
        result.returncode in {0, 78} if damage == "page" else result.returncode == 78
    )  # no command may read the damaged page
    assert len(result.stderr.splitlines()) == (result.returncode != 0), result.stderr
    if result.returncode:
        assert "mynah restore" in result.stderr
        assert str(history.parent / "backups") in result.stderr


@pytest.mark.parametrize("damage", HISTORIES)
def test_a_bot_does_not_start_with_a_damaged_history_and_does_not_change_it(history: Path, damage: str) -> None:
    break_, code = HISTORIES[damage]
    break_(history)
    before = history.read_bytes() if history.is_file() else None

    result = mynah("run", "--dry-run", state=history.parent)

    assert result.returncode == code, result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert "Traceback" not in result.stderr
    assert (history.read_bytes() if history.is_file() else None) == before
    if code == Damaged.exit_code:
        assert "history-2" in result.stderr  # the backup to restore


def test_a_wrong_byte_anywhere_in_a_history_raises_only_our_errors(history: Path) -> None:
    content = history.read_bytes()
    errors = 0
    for position in range(0, len(content), 509):  # a prime, so that every part of a page is tested
        history.write_bytes(content[:position] + bytes([content[position] ^ 0x15]) + content[position + 1 :])
        history.with_name("history.db-journal").unlink(missing_ok=True)
        try:
            with Store.open(history) as store:
                store.damage()
                store.history(limit=100)
                store.counts(dry=True)
                store.last_moment()
        except StoreError:
            errors += 1

    assert errors > 5


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_history_without_write_permission_is_one_message(history: Path) -> None:
    history.chmod(0o400)

    with pytest.raises(MynahError, match="read-only"), Store.open(history) as store:
        store.keep_meta("a", "b")


def test_an_empty_file_is_a_damaged_history(tmp_path: Path) -> None:
    """Begun anew, it would have lost blocks, limits and what may have been posted."""
    (tmp_path / "history.db").touch()

    with (
        pytest.raises(Damaged, match="it is empty or was made by another program"),
        Store.open(tmp_path / "history.db"),
    ):
        pass


# Weights that a program writes into while the bot speaks, as `rsync --inplace` and `cp` do


def write_into(path: Path, content: bytes) -> None:
    """Into the same file, so that what is mapped into memory changes too."""
    with path.open("r+b") as file:
        file.write(content)
        file.truncate()


NONSENSE: dict[str, Callable[[bytes], bytes]] = {
    "random": lambda intact: random.Random(1).randbytes(len(intact)),
    "not numbers": lambda intact: intact[:4000] + b"\xff" * (len(intact) - 4000),
    "all NUL": lambda intact: b"\0" * len(intact),
    "longer": lambda intact: intact + b"\0" * 999,
}


@pytest.fixture
def light_models(models: Path, light_weights: bytes) -> Path:
    for version in registry.versions(models):
        (version.folder / onnx_weights.FILE).write_bytes(light_weights)
        update_manifest(version.folder, onnx_weights.FILE)
    return models


@pytest.mark.parametrize("nonsense", NONSENSE)
def test_weights_that_are_written_into_are_never_spoken(
    light_models: Path, light_weights: bytes, nonsense: str
) -> None:
    previous, log = registry.before(light_models)[-1], CapturingLogger()
    speaking = voice(light_models, log, "light")
    write_into(light_models / NEW / onnx_weights.FILE, NONSENSE[nonsense](light_weights))

    with pytest.raises(ModelError, match=r"light\.safetensors of .* was written into while the model was in use"):
        speaking.draft("", n=2, seed=0)
    speaking.refresh()

    assert speaking.name == previous
    assert len(speaking.draft("", n=1, seed=0)) == 1
    assert [call.args for call in log.calls] == [("model.changed",), ("model.refused",)]


def test_a_model_is_used_again_when_the_writing_has_ended(light_models: Path, light_weights: bytes) -> None:
    log = CapturingLogger()
    speaking = voice(light_models, log, "light")
    for content in (light_weights[: len(light_weights) // 2], light_weights):
        write_into(light_models / NEW / onnx_weights.FILE, content)
        speaking.refresh()

    speaking.refresh()

    assert speaking.name == NEW
    assert [call.args for call in log.calls] == [("model.changed",), ("model.refused",), ("model.taken_over",)]


def test_without_another_version_the_bot_waits_and_goes_on_when_the_files_are_whole(
    light_models: Path, light_weights: bytes
) -> None:
    speaking = CurrentVoice(lambda: promoted(light_models), load("light"), cast("Any", CapturingLogger()), tuple)
    path = light_models / NEW / onnx_weights.FILE
    write_into(path, light_weights[:-1])

    for _ in range(2):
        with pytest.raises(ModelError, match=r"light\.safetensors has \d+ bytes where its manifest says"):
            speaking.refresh()
    write_into(path, light_weights)
    speaking.refresh()

    assert len(speaking.draft("", n=1, seed=0)) == 1


def test_files_that_are_replaced_or_deleted_are_held_open(light_models: Path) -> None:
    log = CapturingLogger()
    speaking = voice(light_models, log, "light")
    path = light_models / NEW / onnx_weights.FILE
    new = path.with_name("new")
    new.write_bytes(b"?")
    new.replace(path)
    (light_models / NEW / "tokenizer.json").unlink()

    speaking.refresh()

    assert (speaking.name, log.calls) == (NEW, [])
    assert len(speaking.draft("", n=1, seed=0)) == 1
