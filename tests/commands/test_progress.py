from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bot.commands.console.progress import TrainingBar
from training.learn.finetune import Step
from training.retraining.job import Progress

if TYPE_CHECKING:
    import pytest

CONTROLS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


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


def test_off_a_terminal_what_the_model_says_by_now_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    with TrainingBar(lambda: 0.0) as bar:
        bar.show(
            Progress("train", 3, 20, step=Step(3, 20, 2.5, tokens=100, said="Soup is\na \x1b[31mred\u202e umbrella."))
        )

    assert r"    step 3     Soup is a \x1b[31mred\u202e umbrella." in capsys.readouterr().err.splitlines()


def test_on_a_terminal_the_last_texts_stand_below_the_bar_cut_to_its_width(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "40")
    with TrainingBar(lambda: 0.0) as bar:
        for number in range(1, 13):
            bar.show(
                Progress("train", number, 12, step=Step(number, 12, 2.5, tokens=9, said=f"text {number} {'a' * 60}"))
            )

    screen, end = capsys.readouterr().err.rsplit("12/12", 1)[1].split("\x1b[?25h")
    last = [line for line in CONTROLS.sub("", screen).splitlines() if line.strip()]
    assert [line.split()[1] for line in last[-10:]] == [str(number) for number in range(3, 13)]
    assert last[-1].startswith("    step 12    text 12 aaa")
    assert (len(last[-1].rstrip()), last[-1].rstrip()[-1]) == (40, "…")
    assert end.count("\x1b[2K") == 11  # the bar and its lines are erased: nothing of them stays


def test_on_a_terminal_a_line_stays_of_the_steps_and_the_evaluation_counts(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    with TrainingBar(iter([5.0, 5.0, 70.0]).__next__) as bar:
        bar.show(Progress("train", 2, 2, step=Step(2, 2, 2.5, tokens=9)))
        bar.show(Progress("judge"))
        bar.show(Progress("judge", 64, 256))

    lines = [line.rstrip() for line in CONTROLS.sub("", capsys.readouterr().err).splitlines()]
    assert "    going on from step 1" in lines
    assert "  training the model: 2 steps in 1 min, loss 2.50" in lines
    assert any("evaluating the model" in line and "64/256" in line for line in lines)
