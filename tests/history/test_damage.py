"""Damage of every kind, to the model and to the history: it is one sentence, and what is sound goes on."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import shutil
from typing import TYPE_CHECKING, Any, cast

import pytest
from structlog.testing import CapturingLogger

from bot.errors import Damaged, MynahError, StoreError
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


def flip(path: Path, place: float) -> None:
    content = bytearray(path.read_bytes())
    content[int(len(content) * place)] ^= 0x10
    path.write_bytes(content)


def told(folder: Path, name: str, **changes: Any) -> None:
    """A JSON file that says something else, and is vouched for."""
    path = folder / name
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | changes), encoding="utf-8")
    if name != "manifest.json":
        revouch(folder)


def spoilt(tensors: dict[str, torch.Tensor], value: float) -> None:
    next(iter(tensors.values())).view(-1)[0] = value


def revouch(folder: Path, *more: str) -> None:
    """A manifest that is true of the folder's files, and of some more."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    files = {name: (folder / name).read_bytes() for name in (*manifest["files"], *more)}
    manifest["files"] = {name: [hashlib.sha256(content).hexdigest(), len(content)] for name, content in files.items()}
    path.write_text(json.dumps(manifest), encoding="utf-8")


def pickled(folder: Path) -> None:
    weights(folder).unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps({"a": 1}))


def other_tokenizer(folder: Path) -> None:
    """One whose pieces the model has no rows for."""
    path = folder / "tokenizer.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["model"]["vocab"] |= {f"strange{number}": 5000 + number for number in range(9)}
    path.write_text(json.dumps(manifest), encoding="utf-8")
    revouch(folder)


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
    "a manifest that lies": lambda folder: told(folder, "manifest.json", files={"model.safetensors": ["0" * 64, 7]}),
    "a manifest that leads away": lambda folder: told(folder, "manifest.json", files={"../../x": ["0" * 64, 7]}),
    "a manifest of a newer program": lambda folder: told(folder, "manifest.json", format=99),
    "not a number": lambda folder: rewrite(folder, lambda tensors: spoilt(tensors, float("nan"))),
    "infinity": lambda folder: rewrite(folder, lambda tensors: spoilt(tensors, float("inf"))),
    "a tensor is missing": lambda folder: rewrite(folder, lambda tensors: tensors.pop(min(tensors))),
    "a config of another size": lambda folder: told(folder, "config.json", n_embd=64),
    "a config of nothing": lambda folder: told(folder, "config.json", model_type="no such thing"),
    "a tokenizer of another model": other_tokenizer,
    "a link in the place of the weights": lambda folder: (
        weights(folder).unlink(), weights(folder).symlink_to("/etc/passwd"),
    ),
    "a folder in the place of the weights": lambda folder: (weights(folder).unlink(), weights(folder).mkdir()),
}  # fmt: skip


@pytest.fixture
def models(model_folder: Path, tmp_path: Path) -> Path:
    """Two versions, both whole; the newer one is in use."""
    folder = tmp_path / "models"
    old = shutil.copytree(model_folder, folder / model_folder.name)
    registry.promote(old)
    registry.promote(shutil.copytree(model_folder, folder / NEW))
    return folder


def load(engine: Any) -> Callable[[Path], ModelVoice]:
    how = {"device": "cpu", "threads": 1, "temperature": 1.0, "top_p": 0.95, "max_tokens": 12}
    return lambda folder: open_voice(folder, engine=engine, **cast("Any", how))


def voice(models: Path, log: CapturingLogger, engine: str) -> CurrentVoice:
    return CurrentVoice(lambda: promoted(models), load(engine), cast("Any", log), lambda: earlier(models))


@pytest.fixture(scope="module")
def light(model_folder: Path) -> bytes:
    loaded = model_dir.load(model_folder, device="cpu")
    end = loaded.tokenizer.eos_token_id
    return onnx_weights.write(loaded.model, start=end, end=end)


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
def test_a_damaged_light_form_is_refused_and_the_one_before_it_speaks(models: Path, light: bytes, damage: str) -> None:
    for version in registry.versions(models):
        (version.folder / onnx_weights.FILE).write_bytes(light)
        revouch(version.folder, onnx_weights.FILE)
    old, log = registry.before(models)[-1], CapturingLogger()
    assert voice(models, log, "light").name == NEW
    LIGHT[damage](models / NEW / onnx_weights.FILE)

    speaking = voice(models, log, "light")

    assert (speaking.name, speaking.engine) == (old, "light")
    assert len(speaking.draft("", n=1, seed=0)) == 1


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_model_is_refused_and_the_one_before_it_speaks(models: Path, damage: str) -> None:
    old, log = registry.before(models)[-1], CapturingLogger()
    DAMAGES[damage](models / NEW)

    speaking = voice(models, log, "torch")

    assert speaking.name == old
    (call,) = log.calls
    assert (call.args, call.kwargs["model"], call.kwargs["speaking"]) == (("model.refused",), NEW, old)
    assert len(call.kwargs["why"].splitlines()) == 1
    assert "Traceback" not in call.kwargs["why"]


@pytest.mark.parametrize("damage", ["cut", "a bit in the middle", "not a number", "no manifest"])
def test_a_damaged_model_is_not_taken_over_by_one_that_speaks(models: Path, model_folder: Path, damage: str) -> None:
    log = CapturingLogger()
    speaking = voice(models, log, "torch")
    third = shutil.copytree(model_folder, models / "20261122T120000Z-0002")
    registry.promote(third)
    DAMAGES[damage](third)

    for _ in range(3):
        speaking.refresh()

    assert speaking.name == NEW
    assert [call.args for call in log.calls] == [("model.refused",)]
    assert len(speaking.draft("", n=1, seed=0)) == 1


def test_a_link_to_a_version_that_is_gone_falls_back_too(models: Path) -> None:
    old, log = registry.before(models)[-1], CapturingLogger()
    shutil.rmtree(models / NEW)

    assert voice(models, log, "torch").name == old


def test_where_no_version_is_whole_it_says_so_and_does_not_train_over_it(models: Path, tmp_path: Path) -> None:
    for version in registry.versions(models):
        DAMAGES["cut"](version.folder)

    told_ = mynah("run", "--once", "--dry-run", state=tmp_path)

    assert told_.returncode == 1
    assert "model.safetensors has" in told_.stderr
    assert len(told_.stderr.splitlines()) == 1
    assert len(registry.versions(models)) == 2


def test_a_round_of_the_real_command_speaks_with_the_version_before(models: Path, tmp_path: Path) -> None:
    old = registry.before(models)[-1]
    DAMAGES["a bit in the middle"](models / NEW)

    ran = mynah("run", "--once", "--dry-run", state=tmp_path, MYNAH_VOICE__MAX_TOKENS="12")

    (line,) = [line for line in lines(ran.stdout) if line["event"] == "model.refused"]
    assert (line["level"], line["model"], line["speaking"]) == ("error", NEW, old)
    assert len(rounds(ran.stdout)) == 1


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


@pytest.mark.parametrize("words", [("run", "--once"), ("status",), ("history",), ("pause",), ("backup",)], ids=" ".join)
@pytest.mark.parametrize("damage", ["header", "page"])
def test_a_damaged_history_is_one_sentence_whatever_is_asked(
    history: Path, damage: str, words: tuple[str, ...]
) -> None:
    HISTORIES[damage][0](history)

    result = mynah(*words, state=history.parent)

    assert (
        result.returncode in {0, 78} if damage == "page" else result.returncode == 78
    )  # a page may be one nobody reads
    assert len(result.stderr.splitlines()) == (result.returncode != 0), result.stderr
    if result.returncode:
        assert "mynah restore" in result.stderr
        assert str(history.parent / "backups") in result.stderr


@pytest.mark.parametrize("damage", HISTORIES)
def test_a_bot_does_not_start_with_a_damaged_history_and_leaves_it_as_it_is(history: Path, damage: str) -> None:
    break_, code = HISTORIES[damage]
    break_(history)
    before = history.read_bytes() if history.is_file() else None

    result = mynah("run", "--dry-run", state=history.parent)

    assert result.returncode == code, result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert "Traceback" not in result.stderr
    assert (history.read_bytes() if history.is_file() else None) == before
    if code == Damaged.exit_code:
        assert "history-2" in result.stderr  # the backup that is to be restored


def test_any_byte_of_a_history_may_be_wrong_and_only_our_errors_follow(history: Path) -> None:
    content = history.read_bytes()
    refused = 0
    for place in range(0, len(content), 509):  # a prime, so that every part of a page has its turn
        history.write_bytes(content[:place] + bytes([content[place] ^ 0x15]) + content[place + 1 :])
        history.with_name("history.db-journal").unlink(missing_ok=True)
        try:
            with Store.open(history) as store:
                store.damage()
                store.history(limit=100)
                store.counts(dry=True)
                store.last_moment()
        except StoreError:
            refused += 1

    assert refused > 5


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_history_that_may_not_be_written_is_a_sentence(history: Path) -> None:
    history.chmod(0o400)

    with pytest.raises(MynahError, match="read-only"), Store.open(history) as store:
        store.keep_meta("a", "b")


def test_an_empty_file_is_an_empty_history(tmp_path: Path) -> None:
    """As SQLite itself leaves one that was made and never written."""
    (tmp_path / "history.db").touch()

    with Store.open(tmp_path / "history.db") as store:
        assert store.history() == []
