from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from bot.config.state_dir import StateDir
from bot.errors import Busy, ConfigError

if TYPE_CHECKING:
    from pathlib import Path

HOLD = """
import sys
from pathlib import Path
from bot.config.state_dir import StateDir
with StateDir(Path(sys.argv[1])).hold({"since": "noon"}):
    print("held", flush=True)
    sys.stdin.read()
"""


def holding(root: Path) -> subprocess.Popen[str]:
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout is not None
    assert other.stdout.readline() == "held\n"
    return other


def test_one_process_holds_the_folder_and_others_are_told_who(tmp_path: Path) -> None:
    with holding(tmp_path) as other:
        with (
            pytest.raises(Busy, match=rf"process {other.pid} \(since noon\)") as caught,
            StateDir(tmp_path).hold({}),
        ):
            pass

        assert caught.value.exit_code == 75
        assert StateDir(tmp_path).holder() == {"pid": other.pid, "since": "noon"}
        other.communicate("")


def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    with holding(tmp_path) as other:
        other.kill()
        other.communicate()

    assert StateDir(tmp_path).holder() is None
    with StateDir(tmp_path).hold({"since": "later"}):
        assert json.loads((tmp_path / "holder.json").read_text())["pid"] == os.getpid()


def test_the_folder_is_private(tmp_path: Path) -> None:
    StateDir(tmp_path / "new" / "state").make()

    assert (tmp_path / "new" / "state").stat().st_mode & 0o777 == 0o700


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(ConfigError, match="not a folder"):
        StateDir(tmp_path / "file").make()


def test_a_folder_that_is_not_there_is_held_by_nobody(tmp_path: Path) -> None:
    assert StateDir(tmp_path / "nowhere").holder() is None


def test_a_look_at_the_lock_does_not_turn_a_start_away(tmp_path: Path) -> None:
    looking = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(looking, fcntl.LOCK_SH)
    threading.Timer(0.1, os.close, [looking]).start()

    with StateDir(tmp_path).hold({"since": "now"}):
        held = (tmp_path / "holder.json").exists()

    assert held
