"""The file with the progress of a training: what a reader sees while it runs, after its end, and after a kill."""

from __future__ import annotations

import os
import stat
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bot.commands.model import training_log
from bot.commands.model.training_log import TrainingLog
from bot.errors import MynahError
from tests.fakes import NOON, FakeClock
from training.learn.finetune import Step
from training.retraining.job import Outcome, Progress

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / training_log.FILE


def train(log: TrainingLog, clock: FakeClock, steps: int, *, seconds: float = 1.0) -> None:
    log.show(Progress("read", note="240 tweets"))
    for number in range(1, steps + 1):
        looks = number % max(steps // 10, 1) == 0
        step = Step(number, steps, 5 / number, 100, 4.0 if looks else None, 0.1, "a\u202ebell" if looks else "")
        log.show(Progress("train", number, steps, step=step))
        clock.passes(timedelta(seconds=seconds))


def test_a_reader_follows_a_training_at_work(path: Path) -> None:
    clock = FakeClock()
    with TrainingLog(path, clock) as log:
        train(log, clock, 10)
        training = training_log.read(path)

    assert training is not None
    assert (training.is_running, training.outcome, training.pid) == (True, "", os.getpid())
    assert (training.began, training.stages, training.notes) == (NOON, ["read", "train"], ["240 tweets"])
    assert [step["number"] for step in training.steps] == list(range(1, 11))
    assert training.steps[-1]["said"] == "a\\u202ebell"
    assert training.tokens_per_second == 100


def test_the_time_left_follows_from_the_recent_pace(path: Path) -> None:
    clock = FakeClock()
    with TrainingLog(path, clock) as log:
        for number in range(1, 6):
            log.show(Progress("train", number, 20, step=Step(number, 20, 1.0, 100)))
            clock.passes(timedelta(seconds=2))
        training = training_log.read(path)

    assert training is not None
    assert training.seconds_left == 30


def test_of_many_quick_steps_some_are_written_and_every_evaluation(path: Path) -> None:
    clock = FakeClock()
    with TrainingLog(path, clock) as log:
        train(log, clock, 20_000, seconds=0.01)
        training = training_log.read(path)

    assert training is not None
    assert 500 <= len(training.steps) <= 520
    assert sum(step["held_out"] is not None for step in training.steps) == 10
    assert training.steps[-1]["tokens"] == 2_000_000


def test_the_end_is_told_in_full(path: Path, tmp_path: Path) -> None:
    with TrainingLog(path, FakeClock()) as log:
        log.finish(Outcome(tmp_path / "20261120T120000Z-0000", promoted=False, why=("It copies.",)))

    training = training_log.read(path)

    assert training is not None
    assert (training.is_running, training.outcome, training.why) == (False, "kept", ("It copies.",))
    assert (training.version, training.ended) == ("20261120T120000Z-0000", NOON)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("error", "outcome", "why"),
    [(MynahError("no tweets"), "failed", ("no tweets",)), (KeyboardInterrupt(), "stopped", ()), (None, "", ())],
    ids=["error", "interrupt", "kill"],
)
def test_how_a_training_ended_is_told(
    path: Path, error: BaseException | None, outcome: str, why: tuple[str, ...]
) -> None:
    log = TrainingLog(path, FakeClock()).__enter__()
    log.__exit__(type(error) if error else None, error, None)

    training = training_log.read(path)

    assert training is not None
    assert (training.is_running, training.outcome, training.why) == (False, outcome, why)


def test_a_second_training_leaves_the_file_of_the_first_alone(path: Path) -> None:
    clock = FakeClock()
    with TrainingLog(path, clock) as first:
        train(first, clock, 3)
        with pytest.raises(MynahError), TrainingLog(path, clock):
            raise MynahError("Another training is at work")
        training = training_log.read(path)

    assert training is not None
    assert (training.is_running, training.outcome, len(training.steps)) == (True, "", 3)


def test_a_new_training_begins_the_file_anew(path: Path) -> None:
    clock = FakeClock()
    with TrainingLog(path, clock) as log:
        train(log, clock, 3)
    with TrainingLog(path, clock):
        pass

    training = training_log.read(path)

    assert training is not None
    assert training.steps == []


def test_lines_that_are_not_whole_are_skipped_and_a_link_is_not_followed(path: Path, tmp_path: Path) -> None:
    path.write_text('{"event": "stage", "stage": "read", "note": ""}\n{"event": "step"}\nnull\n{"event": "sta')
    training = training_log.read(path)
    (tmp_path / "other").write_text("mine")
    path.unlink()
    path.symlink_to(tmp_path / "other")
    with TrainingLog(path, FakeClock()):
        pass

    assert training is not None
    assert training.stages == ["read"]
    assert training_log.read(path) is None
    assert (tmp_path / "other").read_text() == "mine"
