from __future__ import annotations

import json
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import torch

from tests.training.retraining.runs import LATER, QUICK, Killed, run, small, version_of, weights
from training.corpus.corpus import Choices
from training.errors import HubUnreachable, ModelError, OutOfMemory, OutOfRoom, Stopped, TrainingError
from training.learn import finetune
from training.models import model_dir, registry
from training.models.registry import UNFINISHED

if TYPE_CHECKING:
    from pathlib import Path

    from training.retraining.job import Job, Progress


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return small(tmp_path / "models")


@pytest.mark.parametrize("moment", [("train", 1), ("train", 3), ("judge", 0), ("save", 0), ("promote", 0)], ids=str)
def test_a_killed_training_resumes_to_the_same_model(job: Job, moment: tuple[str, int], tmp_path: Path) -> None:
    uninterrupted = version_of(run(replace(job, models=tmp_path / "unbroken")))
    with pytest.raises(Killed):
        run(job, kill_at=moment)
    reports: list[Progress] = []

    resumed = version_of(run(job, now=LATER, reports=reports))

    assert weights(resumed) == weights(uninterrupted)
    steps = [progress.done for progress in reports if progress.stage == "train"]
    assert steps == {("train", 1): [1, 2, 3, 4], ("train", 3): [3, 4]}.get(moment, [])
    assert not (job.models / UNFINISHED).exists()
    numbers = [json.loads(line).get("number") for line in (resumed / "metrics.jsonl").read_text().splitlines()]
    assert numbers == [1, 2, 3, 4, None]


@pytest.mark.parametrize(
    "other",
    [{"seed": 2}, {"recipe": replace(QUICK, learning_rate=1e-4)}, {"choices": Choices(held_out_share=0.2)}],
    ids=lambda other: next(iter(other)),
)
def test_a_changed_job_starts_again(job: Job, other: dict[str, Any]) -> None:
    with pytest.raises(Killed):
        run(job, kill_at=("train", 3))
    reports: list[Progress] = []

    run(replace(job, **other), reports=reports)

    assert [progress.done for progress in reports if progress.stage == "train"] == [1, 2, 3, 4]


def test_a_training_that_is_stopped_goes_on_after_its_last_step(job: Job, tmp_path: Path) -> None:
    uninterrupted = version_of(run(replace(job, models=tmp_path / "unbroken")))
    reports: list[Progress] = []
    with pytest.raises(Stopped, match="stopped after step 2 of 4"):
        run(job, reports=reports, stops=lambda: len([one for one in reports if one.step]) == 2)
    reports.clear()

    resumed = version_of(run(job, now=LATER, reports=reports))

    assert [progress.done for progress in reports if progress.stage == "train"] == [3, 4]
    assert weights(resumed) == weights(uninterrupted)


def test_an_interrupted_training_without_a_checkpoint_leaves_nothing(job: Job) -> None:
    with pytest.raises(Killed):
        run(job, kill_at=("train", 1))

    assert list(job.models.iterdir()) == []


def test_a_failed_training_keeps_the_current_model(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    first = version_of(run(job))
    with pytest.raises(HubUnreachable):
        run(replace(job, base="nobody/no-such-bird"), now=LATER)

    assert registry.current(job.models) == first
    assert sorted(path.name for path in job.models.iterdir()) == [first.name, "current"]


def test_a_loss_that_is_not_a_number_keeps_the_current_model(job: Job) -> None:
    first = version_of(run(job))
    wild = replace(QUICK, learning_rate=1e30, warmup=0.0)

    with pytest.raises(TrainingError, match=r"The loss is (nan|inf) at step \d: lower the learning_rate"):
        run(replace(job, recipe=wild), now=LATER)

    assert registry.current(job.models) == first
    assert sorted(path.name for path in job.models.iterdir()) == [first.name, "current"]


def test_weights_that_are_not_numbers_after_the_last_step_are_an_error(job: Job) -> None:
    wild = replace(QUICK, learning_rate=1e30, warmup=0.0, max_steps=1)

    with pytest.raises(TrainingError, match=r"after the last step is not a number: lower the learning_rate"):
        run(replace(job, recipe=wild))

    assert list(job.models.iterdir()) == []


@pytest.mark.parametrize("link", [True, False], ids=["a link", "a file"])
def test_another_file_named_unfinished_is_left_alone(job: Job, tmp_path: Path, link: bool) -> None:
    job.models.mkdir()
    (tmp_path / "mine").mkdir()
    path = job.models / UNFINISHED
    path.symlink_to(tmp_path / "mine") if link else path.touch()

    with pytest.raises(ModelError, match=r"unfinished (is|cannot be) .*: move"):
        run(job)

    assert path.exists()


def test_a_broken_current_model_is_replaced_by_a_new_one(job: Job) -> None:
    first = version_of(run(job))
    (first / "model.safetensors").write_bytes(b"broken")

    second = version_of(run(job, now=LATER))

    assert registry.current(job.models) == second


def test_too_little_memory_is_reported() -> None:
    cpu = torch.device("cpu")

    with (
        pytest.raises(OutOfMemory, match="too small for the model: lower batch_tokens"),
        finetune.within_memory(cpu, "the model"),
    ):
        torch.empty(2**60)


def test_too_little_disk_space_is_reported_before_the_training(job: Job, tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free
    with pytest.raises(OutOfRoom, match="make room"):
        model_dir.require_disk_space(tmp_path / "models", torch.nn.Linear(1, 1), besides=2 * free)
