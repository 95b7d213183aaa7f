"""The bot on a machine without torch: the commands that speak, with the light voice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.installed import HEARD
from tests.training.lightened import lightened
from training.models import registry

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def state(talker: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    state = tmp_path_factory.mktemp("state")
    folder, light = lightened(talker / "current", state / "models" / "20261121T120000Z-0000", HEARD)
    assert not light.why
    registry.promote(folder)
    return state


# As on a machine where these were never installed.
WITHOUT = """
import sys
class But:
    def __init__(self, finder):
        self.finder = finder
    def __getattr__(self, name):
        return getattr(self.finder, name)
    def find_spec(self, name, *about):
        return None if name.split(".")[0] in {missing!r} else self.finder.find_spec(name, *about)
sys.meta_path = [But(finder) for finder in sys.meta_path]
from bot.cli import main
sys.exit(main(sys.argv[1:]))
"""


def mynah(state: Path, *words: str, missing: tuple[str, ...] = (), **settings: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own, without these libraries."""
    chosen = {f"MYNAH_VOICE__{key.upper()}": value for key, value in settings.items()}
    known = {key: value for key, value in os.environ.items() if not key.startswith("MYNAH_")}
    return subprocess.run(
        [sys.executable, "-c", WITHOUT.format(missing=missing), "--state", str(state), *words],
        capture_output=True, text=True, check=False, env={**known, **chosen},
    )  # fmt: skip


TORCH = ("torch", "transformers", "safetensors")


def test_the_bot_lives_without_torch(state: Path) -> None:
    result = mynah(state, "run", "--once", "--dry-run", missing=TORCH)

    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.returncode == 0, result.stderr
    assert lines[0]["engine"] == "light"
    assert lines[-1]["outcome"] == "dry"
    assert lines[-1]["text"]


@pytest.mark.parametrize("words", [("sample", "-n", "2"), ("doctor", "--json")], ids=["sample", "doctor"])
def test_what_looks_at_the_voice_needs_no_torch_either(state: Path, words: tuple[str, ...]) -> None:
    result = mynah(state, *words, missing=TORCH)

    assert "is not installed" not in result.stdout + result.stderr
    assert "Traceback" not in result.stderr


def test_where_the_light_voice_is_asked_for_and_its_library_is_missing_the_way_out_is_said(state: Path) -> None:
    result = mynah(state, "sample", missing=("onnxruntime",), engine="light")

    assert result.returncode == 1
    assert result.stderr == "mynah: onnxruntime is not installed: pip install 'mynah-bot[light]'\n"


def test_the_doctor_names_the_same_way_out(state: Path) -> None:
    result = mynah(state, "doctor", "--json", missing=("onnxruntime",), engine="light")

    assert "pip install 'mynah-bot[light]'" in result.stdout


def test_where_nobody_asks_torch_speaks_in_its_place(state: Path) -> None:
    result = mynah(state, "sample", "-n", "1", missing=("onnxruntime",))

    assert result.returncode == 0, result.stderr


def test_where_neither_is_installed_the_smaller_one_is_proposed(state: Path) -> None:
    result = mynah(state, "sample", missing=("onnxruntime", *TORCH))

    assert result.stderr == "mynah: onnxruntime is not installed: pip install 'mynah-bot[light]'\n"


def test_a_light_voice_on_a_gpu_is_refused_in_a_sentence(state: Path) -> None:
    result = mynah(state, "sample", engine="light", device="cuda")

    assert result.returncode == 1
    assert 'not on "cuda"' in result.stderr
