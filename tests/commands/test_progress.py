from __future__ import annotations

from typing import TYPE_CHECKING

from bot.commands.console.progress import TrainingBar
from training.job import Progress
from training.learn.finetune import Step

if TYPE_CHECKING:
    import pytest


def test_off_a_terminal_it_tells_each_stage_and_a_tenth_at_a_time(capsys: pytest.CaptureFixture[str]) -> None:
    seconds = iter(range(1000))
    with TrainingBar(lambda: float(next(seconds))) as bar:
        bar.show(Progress("read", note="tweets.zip"))
        for number in range(1, 21):
            bar.show(Progress("train", number, 20, step=Step(number, 20, 2.5, tokens=100)))
        bar.show(Progress("save"))

    said = capsys.readouterr().err.splitlines()
    assert [line.strip() for line in said[:2]] == ["reading the tweets", "tweets.zip"]
    assert sum("training the model" in line for line in said) == 10
    assert said[-1].strip() == "saving the model"


def test_the_first_step_shows_no_speed_and_the_others_a_true_one(capsys: pytest.CaptureFixture[str]) -> None:
    seconds = iter([10.0, 10.0, 12.0])  # begun behind the first step; 100 tokens in the two seconds after it
    with TrainingBar(lambda: next(seconds)) as bar:
        for number in (1, 2):
            bar.show(Progress("train", number, 2, step=Step(number, 2, 2.5, tokens=100)))

    first, second = capsys.readouterr().err.splitlines()
    assert first.endswith("loss 2.50")
    assert second.endswith("loss 2.50 · 50 tokens/s")
