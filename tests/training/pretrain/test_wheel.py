"""The pretraining of the base is not in the wheel, and nothing in the wheel needs it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PRETRAIN = ROOT / "training" / "pretrain"
PRODUCT = sorted({*ROOT.glob("bot/**/*.py"), *ROOT.glob("training/**/*.py")} - {*PRETRAIN.glob("**/*.py")})


@pytest.fixture(scope="module")
def wheel() -> set[str]:
    """The names of the files that hatchling would pack."""
    builder = pytest.importorskip("hatchling.builders.wheel").WheelBuilder(str(ROOT))
    files = [*builder.recurse_included_files(), *builder.recurse_forced_files(builder.config.force_include)]
    return {Path(file.distribution_path).as_posix() for file in files}


def test_the_pretraining_is_not_in_the_wheel(wheel: set[str]) -> None:
    assert [name for name in wheel if "pretrain" in name] == []
    assert PRETRAIN.is_dir()


@pytest.mark.parametrize(
    "name",
    [
        "mynah_bot/training/sources/sample/stationmynah.zip",
        "mynah_bot/training/models/tiny/model.safetensors",
        "mynah_bot/bot/running/systemd/mynah@.service",
        "mynah_bot/bot/running/systemd/config.example.toml",
        "mynah_bot/bot/cli.py",
    ],
)
def test_the_files_that_the_program_needs_are_in_the_wheel(name: str, wheel: set[str]) -> None:
    assert name in wheel


def test_nothing_in_the_wheel_imports_the_pretraining() -> None:
    importing = re.compile(
        r"^\s*(from|import) training\.pretrain|^\s*from training import .*\bpretrain\b", re.MULTILINE
    )

    assert [str(path.relative_to(ROOT)) for path in PRODUCT if importing.search(path.read_text("utf-8"))] == []
