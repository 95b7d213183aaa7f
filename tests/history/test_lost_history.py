"""A missing history: the bot waits and says why, and no command creates another one by accident."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from bot.config.state_dir import StateDir
from bot.history import blocks
from bot.history.store import Store
from tests.fake_x.server import FakeX
from tests.fake_x.state import World, newcomer
from tests.installed import dry_run, lines, mynah
from tests.running.test_live import keys

if TYPE_CHECKING:
    from pathlib import Path


def remove_history(state: Path) -> None:
    for path in state.glob("history.db*"):
        path.unlink()


def test_while_a_bot_waits_for_its_history_no_command_creates_another(state: Path) -> None:
    with dry_run(state) as process:
        try:
            assert process.stdout
            next(line for line in process.stdout if '"backup.made"' in line)
            remove_history(state)
            event = json.loads(next(line for line in process.stdout if '"daemon.waits"' in line))
            before = StateDir(state).last_beat()
            resume, block = mynah("resume", state=state), mynah("block", "@magpie", state=state)
            status = json.loads(mynah("status", "--json", state=state).stdout)
            after = StateDir(state).last_beat()
            process.send_signal(signal.SIGTERM)
            process.stdout.read()
        finally:
            with suppress(ProcessLookupError):
                process.kill()

    assert "history.db" in event["why"]
    assert (resume.returncode, block.returncode) == (1, 1)
    assert "`mynah restore " in resume.stderr
    assert not (state / "history.db").exists()
    assert any("history.db is missing, but there are backups of it" in alert for alert in status["alerts"])
    assert before == after, "a bot that waits does not look well"


def test_a_live_bot_without_its_history_creates_no_other_and_names_the_backup(state: Path) -> None:
    with FakeX(World(newcomer(), now=lambda: datetime.now(UTC))) as x:
        variables = keys(x) | {"MYNAH_LIVE": "true"}
        mynah("run", "--once", state=state, **variables)
        (copy,) = mynah("backup", state=state).stdout.splitlines()
        remove_history(state)
        commands = (("run", "--once"), ("post", "A bell hums."), ("pause",))
        results = [mynah(*arguments, state=state, **variables) for arguments in commands]
        mynah("restore", copy, state=state, **variables)
        (row,) = lines(mynah("history", "--live", "--json", state=state).stdout)

    assert [result.returncode for result in results] == [78, 78, 78]
    assert all(f"`mynah restore {copy}`" in result.stderr for result in results)
    assert x.world.texts == [row["text"]]


def test_a_dry_run_may_create_a_new_history(state: Path) -> None:
    for _ in range(2):
        assert mynah("run", "--dry-run", "--once", state=state).returncode == 0
        assert mynah("backup", state=state).returncode == 0
        remove_history(state)


@pytest.mark.parametrize("content", [b"", None], ids=["of 0 bytes", "of another program"])
def test_a_history_that_lost_its_content_is_not_begun_anew(state: Path, content: bytes | None) -> None:
    with Store.open(state / "history.db") as store:
        blocks.block(store, user="7", handle="magpie", because="by hand", at=datetime.now(UTC))
    (copy,) = mynah("backup", state=state).stdout.splitlines()
    (state / "history.db").write_bytes(content or foreign(state.with_name("foreign.db")))
    commands = (("run", "--once", "--dry-run"), ("post", "A bell hums."), ("pause",), ("block", "@x"), ("history",))

    results = [mynah(*arguments, state=state) for arguments in commands]
    restored = mynah("restore", copy, state=state)
    listed = mynah("block", state=state)

    assert [result.returncode for result in results] == [78] * len(commands), [result.stderr for result in results]
    assert all(f"`mynah restore {copy}`" in result.stderr for result in results)
    assert restored.returncode == 0
    assert "magpie" in listed.stdout


def foreign(path: Path) -> bytes:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE other (text)")
    return path.read_bytes()


def test_a_bot_whose_history_is_emptied_while_it_runs_stops_with_the_backup(state: Path) -> None:
    with dry_run(state) as process:
        try:
            assert process.stdout
            next(line for line in process.stdout if '"backup.made"' in line)
            (state / "history.db").write_bytes(b"")
            event = json.loads(next(line for line in process.stdout if '"tick.failed"' in line))
        finally:
            process.kill()

    assert "it is empty or was made by another program" in event["why"]
    assert "`mynah restore " in event["why"]
    assert (state / "history.db").read_bytes() == b""


def test_a_creation_that_is_killed_leaves_no_file_in_its_place(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from bot.history.store import Store\n"
        "os.link = lambda *_: os._exit(9)\n"
        "Store.open(Path(sys.argv[1]))"
    )
    process = subprocess.run([sys.executable, "-c", code, str(tmp_path / "history.db")], check=False)

    assert process.returncode == 9
    assert not (tmp_path / "history.db").exists()
    Store.open(tmp_path / "history.db").close()
