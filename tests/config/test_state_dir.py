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


def process_holding(root: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_one_process_holds_the_folder_and_the_error_names_it(tmp_path: Path) -> None:
    with process_holding(tmp_path) as process:
        with (
            pytest.raises(Busy, match=rf"process {process.pid} \(since noon\)") as excinfo,
            StateDir(tmp_path).hold({}),
        ):
            pass

        assert excinfo.value.exit_code == 75
        assert StateDir(tmp_path).holder() == {"pid": process.pid, "since": "noon"}
        process.communicate("")


def test_a_killed_process_releases_the_folder(tmp_path: Path) -> None:
    with process_holding(tmp_path) as process:
        process.kill()
        process.communicate()

    assert StateDir(tmp_path).holder() is None
    with StateDir(tmp_path).hold({"since": "later"}):
        assert json.loads((tmp_path / "holder.json").read_text())["pid"] == os.getpid()


def test_the_folder_is_private(tmp_path: Path) -> None:
    StateDir(tmp_path / "new" / "state").make()

    assert (tmp_path / "new" / "state").stat().st_mode & 0o777 == 0o700


def test_a_file_cannot_be_the_state_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(ConfigError, match="not a folder"):
        StateDir(tmp_path / "file").make()


def test_a_missing_folder_has_no_holder(tmp_path: Path) -> None:
    assert StateDir(tmp_path / "nowhere").holder() is None


def test_checking_the_lock_does_not_prevent_a_start(tmp_path: Path) -> None:
    handle = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_SH)
    threading.Timer(0.1, os.close, [handle]).start()

    with StateDir(tmp_path).hold({"since": "now"}):
        exists = (tmp_path / "holder.json").exists()

    assert exists
