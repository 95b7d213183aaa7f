"""The bot on a machine without torch: the commands that generate text, with ONNX weights."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.installed import SENTENCES
from tests.training.lightened import lightened
from training import installation
from training.models import registry

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def state(talker: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    state = tmp_path_factory.mktemp("state")
    folder, info = lightened(talker / "current", state / "models" / "20261121T120000Z-0000", SENTENCES)
    assert not info.why
    registry.promote(folder)
    return state


# Hides libraries as if they had never been installed.
HIDE_LIBRARIES = """
import sys
class Without:
    def __init__(self, finder):
        self.finder = finder
    def __getattr__(self, name):
        return getattr(self.finder, name)
    def find_spec(self, name, *about):
        return None if name.split(".")[0] in {missing!r} else self.finder.find_spec(name, *about)
sys.meta_path = [Without(finder) for finder in sys.meta_path]
from bot.cli import main
sys.exit(main(sys.argv[1:]))
"""


def mynah(
    state: Path, *arguments: str, missing: tuple[str, ...] = (), **settings: str
) -> subprocess.CompletedProcess[str]:
    """Run in a separate process without the `missing` libraries."""
    variables = {f"MYNAH_VOICE__{key.upper()}": value for key, value in settings.items()}
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MYNAH_")}
    return subprocess.run(
        [sys.executable, "-c", HIDE_LIBRARIES.format(missing=missing), "--state", str(state), *arguments],
        capture_output=True, text=True, check=False, env={**environment, **variables},
    )  # fmt: skip


TORCH = ("torch", "transformers", "safetensors")


def test_the_bot_runs_without_torch(state: Path) -> None:
    result = mynah(state, "run", "--once", "--dry-run", missing=TORCH)

    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.returncode == 0, result.stderr
    assert lines[0]["engine"] == "light"
    assert lines[-1]["outcome"] == "dry"
    assert lines[-1]["text"]


@pytest.mark.parametrize("arguments", [("sample", "-n", "2"), ("doctor", "--json")], ids=["sample", "doctor"])
def test_sample_and_doctor_run_without_torch(state: Path, arguments: tuple[str, ...]) -> None:
    result = mynah(state, *arguments, missing=TORCH)

    assert "is not installed" not in result.stdout + result.stderr
    assert "Traceback" not in result.stderr


def test_the_message_for_a_missing_onnxruntime_says_what_to_install(state: Path) -> None:
    result = mynah(state, "sample", missing=("onnxruntime",), engine="light")

    assert result.returncode == 1
    assert result.stderr == f"mynah: onnxruntime is not installed: {installation.command('speak')}\n"


def test_the_doctor_says_what_to_install(state: Path) -> None:
    result = mynah(state, "doctor", "--json", missing=("onnxruntime",), engine="light")

    checks = {row["check"]: row for row in map(json.loads, result.stdout.splitlines())}
    assert result.returncode == 1
    assert checks["engine"]["detail"] == "onnxruntime not installed: the bot cannot start"
    assert checks["engine"]["do"] == installation.command("speak")


def test_without_onnxruntime_the_default_engine_is_torch(state: Path) -> None:
    result = mynah(state, "sample", "-n", "1", missing=("onnxruntime",))

    assert result.returncode == 0, result.stderr


def test_with_neither_library_the_smaller_one_is_suggested(state: Path) -> None:
    result = mynah(state, "sample", missing=("onnxruntime", *TORCH))

    assert result.stderr == f"mynah: onnxruntime is not installed: {installation.command('speak')}\n"


def test_the_light_engine_on_a_gpu_is_refused_with_one_message(state: Path) -> None:
    result = mynah(state, "sample", engine="light", device="cuda")

    assert result.returncode == 1
    assert 'not on "cuda"' in result.stderr
