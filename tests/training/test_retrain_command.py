"""`mynah retrain` as it is installed: how each kind of ending is reported, and what it leaves behind."""

from __future__ import annotations

import math
import random
import re
import signal
import subprocess
from functools import partial
from pathlib import Path

import pytest

from tests.installed import MYNAH, environment, mynah
from tests.training.retraining.runs import WORDS
from training.models import registry

FIGURES = re.compile(r"([\d,]+) training tweets .*\(([\d,]+) tokens\)")
SMALL = {"MYNAH_TRAINING__BASE_MODEL": "scratch", "MYNAH_TRAINING__DEVICE": "cpu", "MYNAH_TRAINING__SEED": "1"}


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state folder with a library of 240 made-up tweets: 24 are held out, enough for every figure of the report."""
    tweets = tmp_path_factory.mktemp("tweets") / "tweets.txt"
    tweets.write_text("".join(f"{' '.join(random.Random(seed).sample(WORDS, 9))}.\n" for seed in range(240)))
    state = tmp_path_factory.mktemp("state")
    process = mynah("import", tweets, "--as", "stationmynah", state=state)
    assert process.returncode == 0, process.stderr
    return state


@pytest.fixture
def state(imported: Path, tmp_path: Path) -> Path:
    state = tmp_path / "state"
    subprocess.run(["cp", "-r", imported, state], check=True)
    return state


def test_wrong_usage_exits_with_2(tmp_path: Path) -> None:
    process = mynah("retrain", "--from", "nowhere", state=tmp_path)

    assert process.returncode == 2
    assert "--from" in process.stderr


def test_a_failure_is_one_error_message(state: Path) -> None:
    process = mynah("retrain", state=state, MYNAH_TRAINING__BASE_MODEL="./no-such-folder")

    assert process.returncode == 1
    assert process.stdout == ""
    assert process.stderr.splitlines()[-1].startswith('mynah: base_model is "./no-such-folder"')


def test_a_busy_folder_exits_with_75(state: Path) -> None:
    with registry.hold(state / "models"):
        process = mynah("retrain", state=state, **SMALL)

    assert process.returncode == 75
    assert "Another training is at work" in process.stderr


def test_an_interrupted_training_exits_with_130_and_leaves_no_model(state: Path) -> None:
    reset_sigint = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # ignored in the background, and so by us
    training = subprocess.Popen(
        [MYNAH, "--state", state, "retrain"],
        stderr=subprocess.PIPE, text=True, env=environment(), preexec_fn=reset_sigint,  # noqa: PLW1509  no threads
    )  # fmt: skip
    assert training.stderr is not None
    assert any("held out" in line for line in training.stderr)

    training.send_signal(signal.SIGINT)  # a while of training lies ahead
    _, stderr = training.communicate(timeout=60)

    assert training.returncode == 130
    assert stderr.splitlines()[-1].startswith("mynah: interrupted")
    assert list((state / "models").iterdir()) == []


def test_a_plan_is_printed_and_nothing_is_written(state: Path) -> None:
    before = sorted(state.rglob("*"))

    process = mynah("retrain", "--plan", state=state, **SMALL)

    assert process.returncode == 0, process.stderr
    assert "steps from scratch (full, on cpu)" in process.stdout
    assert not (state / "models").exists()
    assert [path for path in sorted(state.rglob("*")) if path.suffix != ".lock"] == before


def test_a_preset_trains_as_huggingtweets_did_whatever_is_configured(
    state: Path, model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gpt2").symlink_to(model_folder)  # a folder of this name comes before the model hub
    monkeypatch.chdir(tmp_path)
    own = {"MYNAH_TRAINING__METHOD": "lora", "MYNAH_TRAINING__RULES": "mynah", **SMALL}

    plans = [
        mynah("retrain", "--plan", *words, state=state, **own | changes).stdout
        for words, changes in (
            (("--preset", "huggingtweets"), {}),
            ((), {"MYNAH_TRAINING__RULES": "huggingtweets", "MYNAH_TRAINING__METHOD": "full"}),
        )
    ]

    (train, tokens), steps = FIGURES.findall(plans[0])[0], re.findall(r"([\d,]+) steps from gpt2 \(full", plans[0])[0]
    assert FIGURES.findall(plans[1])[0][0] == train  # the published rules keep as many
    assert int(steps) == math.ceil(4 * int(tokens.replace(",", "")) / 1024)


def test_a_preset_does_not_go_on_from_the_current_model(state: Path) -> None:
    process = mynah("retrain", "--preset", "huggingtweets", "--from", "current", state=state)

    assert process.returncode == 1
    assert process.stderr == "mynah: --preset huggingtweets trains from gpt2: leave out --from current\n"


def test_a_training_ends_with_posts_the_verdict_the_picture_and_what_to_do_next(state: Path) -> None:
    process = mynah("retrain", "--as-is", state=state, **SMALL)

    version = process.stdout.strip()
    lines = process.stderr.splitlines()
    start = lines.index("five posts that the bot would choose:")
    verdict, picture, following = lines[-3:]
    assert process.returncode == 0
    assert registry.current(state / "models") == Path(version)
    assert 1 <= len([line for line in lines[start:-3] if line.startswith("  ")]) <= 5
    assert re.match(r"measured on newer tweets: \d\.\d{3} bits per character, .*; copied \d+\.\d%", verdict)
    assert picture == f"a picture to share: {version}/predictions.png"
    assert following.startswith("next: `mynah run` shows what it would post, and when; `mynah blindtest`")


def test_a_model_that_the_gate_refuses_is_kept_and_exits_with_1(state: Path) -> None:
    process = mynah("retrain", state=state, **SMALL, MYNAH_GATE__TOLD_APART_MOST="0.01")

    assert process.returncode == 1
    assert "It babbles" in process.stderr
    assert "five posts that the bot would choose:" in process.stderr
    assert "next: " not in process.stderr  # but how to promote it
    assert registry.current(state / "models") is None
    assert [str(version.folder) for version in registry.versions(state / "models")] == [process.stdout.strip()]
