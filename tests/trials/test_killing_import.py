"""`mynah import`, killed before each call that opens a file and before each SQLite statement."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.installed import environment
from tests.training.archives import of_2024, tweet, zipped

ROOT = Path(__file__).parents[2]
FIRST = [tweet(1, "a wurm"), tweet(2, "the night train was late again")]
LATER = [tweet(1, "a worm"), tweet(2, "the night train was late again"), tweet(3, "nobody minded"), tweet(4, "caw")]

KILLED = """
import os, shutil, signal, sqlite3, sys
from contextlib import closing
from pathlib import Path
from bot import cli

CALLS = {"open", "os.mkdir", "os.rename", "os.remove", "sqlite3.connect"}
connect_untraced = sqlite3.connect
state, archive = Path(sys.argv[1]), sys.argv[2]
library, before = state / "library.db", state.with_name("before.db")

def held():
    if not library.exists():
        return []
    with closing(sqlite3.connect(library)) as plain:
        assert plain.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        if not plain.execute("SELECT 1 FROM sqlite_master WHERE name = 'tweet'").fetchone():
            return []
        assert not plain.execute("PRAGMA foreign_key_check").fetchall()
        return plain.execute("SELECT id, text, (SELECT count(*) FROM import) FROM tweet ORDER BY id").fetchall()

def imported(kill_at):
    child = os.fork()
    if child == 0:
        calls = iter(range(1, 10_000))
        def count(*_):
            if next(calls) == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
        def connect(*words, **more):
            connection = connect_untraced(*words, **more)
            connection.set_trace_callback(count)
            return connection
        sqlite3.connect = connect
        sys.addaudithook(lambda event, _: count() if event in CALLS else None)
        os._exit(cli.main(["--state", str(state), "import", archive]))
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)

def begin_again():
    for path in state.glob("*"):
        path.unlink()
    if before.exists():
        shutil.copy(before, library)

cli.main(["--state", str(state.with_name("elsewhere")), "import", archive])  # load modules before the forks
begin_again()
whole = held()
assert imported(0) == 0
done = held()
for step in range(1, 500):
    begin_again()
    code = imported(step)
    now = held()
    assert now in (whole, done), (step, now)
    if code == 0:
        assert now == done
        break
    assert code == -signal.SIGKILL, (step, code)
    if step % 3 == 0:
        assert imported(0) == 0, step
        assert [row[:2] for row in held()] == [row[:2] for row in done], step
else:
    sys.exit("it has more than 500 steps")
print("steps:", step)
"""


@pytest.mark.parametrize("into", ["nothing", "a library"])
def test_an_import_killed_at_any_step_is_all_or_nothing_and_the_next_completes_it(tmp_path: Path, into: str) -> None:
    state, archive = tmp_path / "state", zipped(tmp_path / "later.zip", of_2024(LATER))
    state.mkdir(mode=0o700)
    if into == "a library":
        run("-m", "bot", "--state", state, "import", zipped(tmp_path / "first.zip", of_2024(FIRST)))
        (state / "library.db").rename(tmp_path / "before.db")

    steps = run("-c", KILLED, state, archive).split()[-1]

    assert int(steps) > 25


def run(*words: str | Path) -> str:
    process = subprocess.run(
        [sys.executable, *words], cwd=ROOT, check=False, capture_output=True, text=True, env=environment()
    )
    assert process.returncode == 0, process.stderr
    return process.stdout
