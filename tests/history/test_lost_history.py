"""A missing history: the bot waits and says why, and no command creates another one by accident."""

from __future__ import annotations

import json
import signal
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bot.config.state_dir import StateDir
from tests.fake_x.server import FakeX
from tests.fake_x.state import World, newcomer
from tests.installed import dry_run, lines, mynah
from tests.running.test_live import keys

if TYPE_CHECKING:
    from pathlib import Path


def lose(state: Path) -> None:
    for path in state.glob("history.db*"):
        path.unlink()


def test_beside_a_bot_that_lost_its_history_no_command_begins_another(state: Path) -> None:
    with dry_run(state) as process:
        try:
            assert process.stdout
            next(line for line in process.stdout if '"backup.made"' in line)
            lose(state)
            waits = json.loads(next(line for line in process.stdout if '"daemon.waits"' in line))
            before = StateDir(state).last_beat()
            resumed, blocked = mynah("resume", state=state), mynah("block", "@magpie", state=state)
            status = json.loads(mynah("status", "--json", state=state).stdout)
            after = StateDir(state).last_beat()
            process.send_signal(signal.SIGTERM)
            process.stdout.read()
        finally:
            with suppress(ProcessLookupError):
                process.kill()

    assert "history.db" in waits["why"]
    assert (resumed.returncode, blocked.returncode) == (1, 1)
    assert "`mynah restore " in resumed.stderr
    assert not (state / "history.db").exists()
    assert any("history.db is missing, but there are backups of it" in alert for alert in status["alerts"])
    assert before == after, "a bot that waits does not look well"


def test_a_live_bot_that_lost_its_history_does_not_begin_another_and_names_the_backup(state: Path) -> None:
    with FakeX(World(newcomer(), now=lambda: datetime.now(UTC))) as x:
        live = keys(x) | {"MYNAH_LIVE": "true"}
        mynah("run", "--once", state=state, **live)
        (copy,) = mynah("backup", state=state).stdout.splitlines()
        lose(state)
        commands = (("run", "--once"), ("post", "A bell hums."), ("pause",))
        refused = [mynah(*words, state=state, **live) for words in commands]
        mynah("restore", copy, state=state, **live)
        (row,) = lines(mynah("history", "--live", "--json", state=state).stdout)

    assert [result.returncode for result in refused] == [78, 78, 78]
    assert all(f"`mynah restore {copy}`" in result.stderr for result in refused)
    assert x.world.texts == [row["text"]]


def test_a_dry_run_may_begin_a_new_history(state: Path) -> None:
    for _ in range(2):
        assert mynah("run", "--dry-run", "--once", state=state).returncode == 0
        assert mynah("backup", state=state).returncode == 0
        lose(state)
