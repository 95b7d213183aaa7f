from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from training import registry
from training.__main__ import main

if TYPE_CHECKING:
    from pathlib import Path


def test_wrong_usage_exits_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["retrain"])

    assert ended.value.code == 2
    assert "--tweets" in capsys.readouterr().err


def test_a_failure_is_one_sentence_and_exits_with_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["retrain", "--tweets", str(tmp_path / "none.zip"), "--models", str(tmp_path / "models")])

    said = capsys.readouterr()
    assert code == 1
    assert said.err.splitlines()[-1].startswith("error: ")
    assert "none.zip" in said.err
    assert said.out == ""


def test_a_busy_folder_exits_with_75(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with registry.hold(tmp_path):
        code = main(["retrain", "--tweets", "any.zip", "--models", str(tmp_path)])

    assert code == 75
    assert "Another training is at work" in capsys.readouterr().err


def test_an_interrupted_training_exits_with_130_and_leaves_no_model(tmp_path: Path) -> None:
    tweets, models = tmp_path / "tweets.txt", tmp_path / "models"
    tweets.write_text("\n".join(f"The train number {number} was late again today." for number in range(1_000)))
    command = [sys.executable, "-m", "training", "retrain", "--as", "stationmynah"]
    training = subprocess.Popen(
        [*command, "--tweets", str(tweets), "--models", str(models)], stderr=subprocess.PIPE, text=True
    )
    assert training.stderr is not None
    while not training.stderr.readline().startswith("tokenise:"):
        pass

    training.send_signal(signal.SIGINT)  # half a minute of training lies ahead
    _, said = training.communicate(timeout=60)

    assert training.returncode == 130
    assert said.strip() == "error: Interrupted; the model in use stays in use."
    assert list(models.iterdir()) == []
