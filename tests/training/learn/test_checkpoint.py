from __future__ import annotations

import resource
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest
import torch

from training.errors import ModelError, OutOfRoom
from training.learn.batches import encode
from training.learn.checkpoint import Checkpoints, read, write
from training.learn.finetune import Step, finetune
from training.models import base_model
from training.recipe import Recipe, Shape

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SHAPE = Shape(vocabulary=300, context=64, layers=1, width=32, heads=2)
SHORT = Recipe(shape=SHAPE, epochs=20, batch_tokens=64, looks=5, learning_rate=3e-3, dropout=0.2, max_steps=20)
CPU = torch.device("cpu")


def always() -> bool:
    return True


def taught(
    sayings: tuple[str, ...], checkpoints: Checkpoints | None, *, steps: int | None = None, recipe: Recipe = SHORT
) -> tuple[Any, list[Step]]:
    """A tiny model after its training, or killed after so many steps."""
    model, tokenizer = base_model.load_base("scratch", texts=sayings, shape=SHAPE, seed=0)
    rows = encode(tokenizer, sayings, SHAPE.context)
    decks: dict[str, Any] = {"authors": ["a", "a", "a", "b"], "weights": [1.0, 0.5, 1.0, 1.0]}
    training = finetune(model, rows[:4], rows[4:], recipe, seed=0, checkpoints=checkpoints, **decks)
    return model, list(islice(training, steps))


@pytest.mark.parametrize("killed_after", [1, 2, 7, 19])
@pytest.mark.parametrize("method", ["full", "lora"])
def test_a_killed_training_resumes_to_the_same_weights(
    sayings: tuple[str, ...], tmp_path: Path, killed_after: int, method: Any
) -> None:
    recipe = replace(SHORT, method=method, lora_rank=2)
    unbroken, all_steps = taught(sayings, None, recipe=recipe)
    checkpoints = Checkpoints(tmp_path / "checkpoint.pt", "mark", always)
    taught(sayings, checkpoints, steps=killed_after, recipe=recipe)

    resumed, steps = taught(sayings, checkpoints, recipe=recipe)

    assert steps == all_steps[max(killed_after - 1, 0) :]
    assert all(map(torch.equal, resumed.parameters(), unbroken.parameters()))


def test_another_training_starts_again_and_frees_the_disk_space(sayings: tuple[str, ...], tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    taught(sayings, Checkpoints(path, "mark", always), steps=5)
    other = Checkpoints(path, "another mark", lambda: False)

    other.clear_others()
    _, steps = taught(sayings, other, steps=1)

    assert steps[0].number == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 half a zip", b"\x80\x04."], ids=["empty", "half", "a pickle"])
def test_an_unreadable_checkpoint_is_ignored(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(content)

    assert read(path, CPU) is None
    assert Checkpoints(path, "mark", always).resume(CPU) is None


def test_a_checkpoint_of_another_format_is_not_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoints = Checkpoints(tmp_path / "checkpoint.pt", "mark", always)
    monkeypatch.setattr("training.learn.checkpoint.FORMAT", 1)
    checkpoints.save({"step": 1})
    monkeypatch.undo()

    assert checkpoints.resume(CPU) is None
    checkpoints.clear_others()
    assert list(tmp_path.iterdir()) == []


def test_an_incomplete_checkpoint_leaves_no_file(tmp_path: Path) -> None:
    (tmp_path / "checkpoint.pt.half").write_bytes(b"x" * 1_000)

    Checkpoints(tmp_path / "checkpoint.pt", "mark", always).clear_others()

    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def small_files() -> Iterator[None]:
    """Limit files to 100 kB, to simulate a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.usefixtures("small_files")
def test_a_full_disk_is_reported_and_the_last_checkpoint_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    write(path, {"step": 1})

    with pytest.raises(OutOfRoom, match="make room in"):
        write(path, {"step": 2, "weights": torch.zeros(1_000_000)})

    assert read(path, CPU) == {"step": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_folder_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="check its folder"):
        write(tmp_path / "no" / "checkpoint.pt", {"step": 1})
