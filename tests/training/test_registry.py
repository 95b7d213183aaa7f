from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from training import registry
from training.errors import ModelError, StateBusy

if TYPE_CHECKING:
    from pathlib import Path

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def test_a_version_is_named_for_its_time_and_its_seed(tmp_path: Path) -> None:
    assert registry.new_version(tmp_path, now=NOON, seed=0xABCDE).name == "20261120T120000Z-bcde"


def test_there_is_no_model_in_use_before_the_first(tmp_path: Path) -> None:
    assert registry.current(tmp_path) is None
    assert registry.current(tmp_path / "nowhere") is None


def test_the_version_promoted_last_is_in_use(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        registry.promote(tmp_path / name)

    assert registry.current(tmp_path) == tmp_path / "b"


def test_models_may_be_moved_as_a_whole(tmp_path: Path) -> None:
    (tmp_path / "old" / "a").mkdir(parents=True)
    registry.promote(tmp_path / "old" / "a")
    (tmp_path / "old").rename(tmp_path / "new")

    assert registry.current(tmp_path / "new") == tmp_path / "new" / "a"


def test_a_version_in_use_that_is_gone_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    registry.promote(tmp_path / "a")
    (tmp_path / "a").rmdir()

    with pytest.raises(ModelError, match="points to a, which is gone"):
        registry.current(tmp_path)


def test_what_was_left_half_made_is_cleared_away_and_the_rest_stays(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    registry.promote(tmp_path / "a")
    (tmp_path / "b.tmp").mkdir()
    (tmp_path / "b.tmp" / "model.safetensors").write_bytes(b"half")
    (tmp_path / "current.tmp").symlink_to("b")

    with registry.hold(tmp_path):
        left = sorted(path.name for path in tmp_path.iterdir())

    assert left == ["a", "current"]


def test_a_second_training_is_told_to_wait(tmp_path: Path) -> None:
    with registry.hold(tmp_path), pytest.raises(StateBusy, match="wait until it has finished"), registry.hold(tmp_path):
        pass


def test_a_training_that_was_killed_holds_nothing(tmp_path: Path) -> None:
    program = (
        "import os, pathlib, signal; from training import registry\n"
        f"with registry.hold(pathlib.Path({str(tmp_path)!r})): os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", program], check=False)

    with registry.hold(tmp_path):
        pass


def test_a_file_in_the_place_of_the_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("")

    with pytest.raises(ModelError, match="cannot hold models"), registry.hold(tmp_path / "models"):
        pass
