from __future__ import annotations

import signal
import subprocess
import sys
from functools import partial
from typing import TYPE_CHECKING

import pytest

from training.__main__ import main
from training.models import registry
from training.sources.sample import ARCHIVE

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
    models = tmp_path / "models"
    command = [sys.executable, "-m", "training", "retrain", "--tweets", str(ARCHIVE), "--models", str(models)]
    heed = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # ignored in the background, and so by us
    training = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=heed)  # noqa: PLW1509  no threads
    assert training.stderr is not None
    assert any(line.startswith("tokenise:") for line in training.stderr)

    training.send_signal(signal.SIGINT)  # half a minute of training lies ahead
    _, said = training.communicate(timeout=60)

    assert training.returncode == 130
    assert said.strip() == "error: Interrupted; the model in use stays in use."
    assert list(models.iterdir()) == []


SMALL = ("--base-model", "scratch", "--steps", "2", "--device", "cpu", "--samples", "24")


def test_a_plan_is_said_and_nothing_is_done(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["retrain", "--tweets", str(ARCHIVE), "--models", str(tmp_path / "models"), *SMALL, "--plan"])

    assert code == 0
    assert "2 steps from scratch (full, on cpu)" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_babbles_is_kept_and_exits_with_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["retrain", "--tweets", str(ARCHIVE), "--models", str(tmp_path), *SMALL])

    said = capsys.readouterr()
    assert code == 1
    assert "It babbles" in said.err
    assert registry.current(tmp_path) is None
    assert [str(version.folder) for version in registry.versions(tmp_path)] == [said.out.strip()]
