from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING

import pytest

from training.errors import ModelError, NothingNew
from training.job import Job, Monitor, Progress
from training.judge.gate import Gate
from training.plan import Plan, plan
from training.recipe import Recipe, Shape
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
    wanted = Job(models, base="scratch", recipe=QUICK, device="cpu", gate=Gate())
    return plan(tweets, replace(wanted, **change), watch)  # type: ignore[arg-type]  fields by name


def test_it_says_what_would_be_done_and_does_nothing(tmp_path: Path) -> None:
    said = planned(tmp_path / "models")

    assert said.authors == ("stationmynah",)
    assert (said.steps, said.method, said.device) == (40, "full", "cpu")
    assert said.learnt > 600 > said.held_out > 50
    assert list(tmp_path.iterdir()) == []


def test_the_time_is_that_of_the_steps_and_of_the_looks(tmp_path: Path) -> None:
    said = planned(tmp_path / "models")
    blind = planned(tmp_path / "models", recipe=replace(QUICK, looks=0))

    assert blind.seconds == 80.0
    assert 80.0 < said.seconds < 120.0


def test_the_sentences_are_for_a_person(tmp_path: Path) -> None:
    said = planned(tmp_path / "models").sentences()

    assert said[0].endswith("held out")
    assert said[1] == "40 steps from scratch (full, on cpu)"
    assert said[-1] == "nothing was changed"


def test_from_the_model_in_use_only_what_is_new_is_planned(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="retrain from the base first"):
        planned(tmp_path / "models", begin="current")

    assert list(tmp_path.iterdir()) == []


def test_the_stages_up_to_the_training_are_told(tmp_path: Path) -> None:
    seen: list[Progress] = []
    plan(
        tweets,
        Job(tmp_path / "models", base="scratch", recipe=QUICK, device="cpu"),
        Monitor(seen.append, seconds=lambda: 0.0, due=lambda: False),
    )

    assert list(dict.fromkeys(progress.stage for progress in seen)) == ["read", "clean", "tokenise"]


def test_nothing_new_is_an_answer_too() -> None:
    assert issubclass(NothingNew, Exception)
