from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING

import pytest

from training.errors import ModelError, NothingNew
from training.judge.gate import Gate
from training.recipe import Recipe, Shape
from training.retraining.job import Job, Monitor, Progress
from training.retraining.plan import Plan, plan
from training.sources import recognise
from training.sources.sample import ARCHIVE

if TYPE_CHECKING:
    from pathlib import Path

    from training.sources.archive import Archive

QUICK = Recipe(shape=Shape(vocabulary=300, context=64, layers=1, width=32, heads=2), max_steps=40, looks=2)


def tweets() -> list[Archive]:
    return [recognise.read(ARCHIVE)]


def planned(models: Path, **change: object) -> Plan:
    seconds = count(step=2)  # each step takes two seconds
    watch = Monitor(lambda _: None, seconds=lambda: float(next(seconds)), due=lambda: True)
    job = Job(models, base="scratch", recipe=QUICK, device="cpu", gate=Gate())
    return plan(tweets, replace(job, **change), watch)  # type: ignore[arg-type]  fields by name


def test_a_plan_changes_nothing(tmp_path: Path) -> None:
    estimate = planned(tmp_path / "models")

    assert estimate.authors == ("stationmynah",)
    assert (estimate.steps, estimate.method, estimate.device) == (40, "full", "cpu")
    assert estimate.train > 600 > estimate.held_out > 50
    assert list(tmp_path.iterdir()) == []


def test_the_time_is_that_of_the_steps_and_of_the_evaluations(tmp_path: Path) -> None:
    estimate = planned(tmp_path / "models")
    unevaluated = planned(tmp_path / "models", recipe=replace(QUICK, looks=0))

    assert unevaluated.seconds == 80.0
    assert 80.0 < estimate.seconds < 120.0


def test_the_plan_is_described_in_sentences(tmp_path: Path) -> None:
    estimate = planned(tmp_path / "models").sentences()

    assert estimate[0].endswith("held out")
    assert estimate[1] == "40 steps from scratch (full, on cpu)"
    assert estimate[-1] == "nothing was changed"


def test_from_the_current_model_only_what_is_new_is_planned(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="retrain from the base first"):
        planned(tmp_path / "models", begin="current")

    assert list(tmp_path.iterdir()) == []


def test_the_stages_up_to_the_training_are_reported(tmp_path: Path) -> None:
    reports: list[Progress] = []
    plan(
        tweets,
        Job(tmp_path / "models", base="scratch", recipe=QUICK, device="cpu"),
        Monitor(reports.append, seconds=lambda: 0.0, due=lambda: False),
    )

    assert list(dict.fromkeys(progress.stage for progress in reports)) == ["read", "clean", "tokenise"]


def test_nothing_new_is_an_exception_of_its_own() -> None:
    assert issubclass(NothingNew, Exception)
