"""Runs commands as root in a folder of another user, as the guide has an administrator do it for a bot."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.installed import environment

BOT = 54321  # the id of a user and a group that no machine has
ROOT = Path(__file__).parents[1]


@cache
def python() -> str:
    """An interpreter that another user can run too; one in /root it could not."""
    for candidate in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
        code = "import bot.cli, pydantic, sqlite3"
        try:
            done = subprocess.run(
                [candidate, "-c", code],
                check=False, capture_output=True, env=variables(), user=BOT, group=BOT, extra_groups=[], cwd="/",
            )  # fmt: skip
        except OSError:
            continue
        if done.returncode == 0:
            return candidate
    pytest.skip("no Python here can be run by another user")


def variables(**changes: str) -> dict[str, str]:
    packages = [path for path in sys.path if path.endswith("-packages")]
    return environment(PYTHONPATH=os.pathsep.join([str(ROOT), *packages]), **changes)


def mynah_as_root(*arguments: str | Path, state: Path, **changes: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [python(), "-m", "bot", "--state", state, *arguments],
        check=False, capture_output=True, text=True, timeout=120, env=variables(**changes),
    )  # fmt: skip


def give(folder: Path, uid: int = BOT) -> None:
    for path in (folder, *folder.rglob("*")):
        os.chown(path, uid, uid, follow_symlinks=False)
