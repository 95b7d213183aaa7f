from __future__ import annotations

from typing import TYPE_CHECKING

from bot.commands.console.progress import TrainingBar
from training.learn.finetune import Step
from training.retraining.job import Progress

if TYPE_CHECKING:
    import pytest


def test_off_a_terminal_it_prints_each_stage_and_every_tenth_of_the_steps(capsys: pytest.CaptureFixture[str]) -> None:
    seconds = iter(range(1000))
    with TrainingBar(lambda: float(next(seconds))) as bar:
        bar.show(Progress("read", note="tweets.zip"))
        for number in range(1, 21):
            bar.show(Progress("train", number, 20, step=Step(number, 20, 2.5, tokens=100)))
        bar.show(Progress("save"))

    lines = capsys.readouterr().err.splitlines()
    assert [line.strip() for line in lines[:2]] == ["reading the tweets", "tweets.zip"]
    assert sum("training the model" in line for line in lines) == 10
    assert lines[-1].strip() == "saving the model"


def test_the_speed_is_measured_after_the_first_step(capsys: pytest.CaptureFixture[str]) -> None:
    seconds = iter([10.0, 10.0, 12.0])  # the clock starts after the first step; then 100 tokens in two seconds
    with TrainingBar(lambda: next(seconds)) as bar:
        for number in (1, 2):
            bar.show(Progress("train", number, 2, step=Step(number, 2, 2.5, tokens=100)))

    first, second = capsys.readouterr().err.splitlines()
    assert first.endswith("loss 2.50")
    assert second.endswith("loss 2.50 · 50 tokens/s")
