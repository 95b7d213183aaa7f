"""The power trial without a machine: its guest program as a subprocess, and damaged histories."""

from __future__ import annotations

import io
import random
import shutil
import sqlite3
import sys
from contextlib import closing, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from tests.trials.power import __main__ as power
from tests.trials.power import disk, guest
from tests.trials.power.judge import Judge, Told
from tests.trials.qemu.emulator import Guest

SAID = 45  # commits: at least one life of each kind that is tried below


def run(history: Path, most: int, journal: str = "") -> Told:
    """The guest's program, up to so many commits."""
    said = io.StringIO()
    with redirect_stdout(said):
        guest.main(str(history), journal, str(most))
    told = Told()
    told.hear(said.getvalue().splitlines())
    return told


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    history = tmp_path_factory.mktemp("made") / "history.db"
    run(history, SAID)
    return history


@pytest.fixture
def history(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copyfile(made, tmp_path / "history.db"))


@pytest.fixture
def judge(tmp_path: Path) -> Judge:
    """It has heard of all that was made."""
    (tmp_path / "judge").mkdir()
    judge = Judge(tmp_path / "judge")
    judge.acked = SAID
    return judge


def test_what_was_acknowledged_and_is_there_is_sound(history: Path, judge: Judge) -> None:
    verdict = judge.judge(run(history, SAID))

    assert (verdict.lost, verdict.wrong) == (0, [])


def test_commits_that_nobody_heard_of_are_no_fault(history: Path, judge: Judge) -> None:
    judge.acked = SAID - 3

    verdict = judge.judge(run(history, SAID))

    assert (verdict.lost, verdict.wrong, judge.acked) == (0, [], SAID)


def test_commits_that_are_gone_are_counted_and_the_rest_goes_on(history: Path, judge: Judge, made: Path) -> None:
    told = run(history, SAID + 5)
    judge.judge(told)
    judge.acked = told.acked()
    shutil.copyfile(made, history)

    verdict = judge.judge(run(history, SAID))
    after = judge.judge(run(history, SAID))

    assert (verdict.lost, verdict.wrong) == (5, [])
    assert (after.lost, after.wrong) == (0, [])


def test_commits_that_were_found_before_may_be_gone_too(history: Path, judge: Judge) -> None:
    """With a worse setting than ours; what there is left is judged by itself."""
    judge.judge(run(history, SAID))
    history.unlink()
    run(history, 10)

    verdict = judge.judge(run(history, 10))

    assert (verdict.lost, verdict.wrong) == (SAID - 10, [])


@pytest.mark.parametrize(
    ("table", "done"),
    [
        ("event", "DELETE FROM event WHERE id = 7"),
        ("event", "INSERT INTO event (post, before, after, at) SELECT post, before, after, at FROM event WHERE id = 7"),
        ("slot", "UPDATE slot SET outcome = 'skipped' WHERE key = 'slot 2'"),
        ("post", "UPDATE post SET state = 'abandoned', x_id = NULL WHERE id = 1"),
        ("post", "UPDATE post SET cost = 0 WHERE id = 1"),
        ("look", "DELETE FROM look WHERE id = 1"),
        ("expense", "DELETE FROM expense WHERE id = 1"),
        ("refusal", "DELETE FROM refusal WHERE id = 1"),
        ("nearness", "DELETE FROM nearness WHERE source = 1"),
        ("meta", "UPDATE meta SET value = '1'"),
    ],
)
def test_half_a_commit_is_found_in_each_table(judge: Judge, history: Path, table: str, done: str) -> None:
    with closing(sqlite3.connect(history, isolation_level=None)) as db:
        for (trigger,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            db.execute(f"DROP TRIGGER {trigger}")
        assert db.execute(done).rowcount > 0

    (wrong,) = judge.judge(run(history, SAID)).wrong

    assert wrong.startswith(f"table {table}: ")


def test_a_damaged_file_is_found(judge: Judge, history: Path) -> None:
    with history.open("r+b") as file:
        file.seek(3 * 4096)
        file.write(bytes(4096))

    assert judge.judge(run(history, SAID)).wrong


def test_the_setting_of_the_control_is_really_set(history: Path) -> None:
    """TRUNCATE leaves an empty journal behind, DELETE none."""
    journal = history.with_name("history.db-journal")
    run(history, SAID + 1)
    assert journal.exists()

    run(history, SAID + 2, "DELETE/FULL")
    assert not journal.exists()


class Here:
    """A machine without QEMU: what is killed is a process, and what it wrote is with the system already."""

    name = "here"

    def __init__(self, history: Path, *, spoils: bool) -> None:
        self._history = history
        self._spoils = spoils
        self._before = history.with_name("before.db")

    def fresh(self) -> None:
        for path in self._history.parent.glob("*.db*"):
            path.unlink()

    def start(self, journal: str) -> Guest:
        if self._history.exists():
            shutil.copyfile(self._history, self._before)
        return Guest([sys.executable, "-m", "tests.trials.power.guest", str(self._history), journal])

    def sent(self) -> int:
        return 0

    def keep_all(self) -> None:
        if self._spoils and self._before.exists():  # it takes back all that was done since it was started
            shutil.copyfile(self._before, self._history)

    def forget(self, _: random.Random) -> disk.Left:
        self.keep_all()
        return disk.Left(0, 0)

    def keep(self, name: str) -> Path:
        return self._history.with_name(name)


def series(history: Path, *, spoils: bool, cuts: int) -> power.Figures:
    machine: Any = Here(history, spoils=spoils)
    return power.Series(machine, random.Random(1)).run(cuts)


def test_a_process_that_is_killed_loses_nothing(history: Path) -> None:
    figures = series(history, spoils=False, cuts=5)

    assert (figures.cuts, figures.lost, figures.wrong) == (5, 0, [])
    assert figures.acked > 0
    assert figures.early > 0


def test_a_disk_that_takes_everything_back_is_found_out(history: Path) -> None:
    figures = series(history, spoils=True, cuts=3)

    assert figures.lost > 0
    assert figures.lossy > 0


@pytest.mark.parametrize(
    ("ours", "control", "code"),
    [
        ({"cuts": 3}, {"cuts": 3, "lost": 2}, 0),
        ({"cuts": 3}, {"cuts": 3, "lost": 0}, 1),
        ({"cuts": 3}, {"cuts": 0}, 0),
        ({"cuts": 3, "lost": 1}, {"cuts": 3, "lost": 2}, 1),
        ({"cuts": 3, "wrong": ["table post"]}, {"cuts": 3, "lost": 2}, 1),
    ],
    ids=["as it should be", "a control that loses nothing", "no control", "a lost commit", "half a commit"],
)
def test_it_fails_where_something_is_lost_and_where_it_could_not_have_seen_it(
    ours: dict[str, Any], control: dict[str, Any], code: int
) -> None:
    assert power.ended(power.Figures(**ours), power.Figures(**control)) == code


def logged(*done: tuple[int, bytes] | None) -> io.BytesIO:
    """What QEMU's blklogwrites leaves: a sector and what was written to it, or None for a flush."""
    log = bytes(disk.SECTOR)
    for entry in done:
        sector, content = entry or (0, b"")
        head = disk.ENTRY.pack(sector, len(content) // disk.SECTOR, 0 if entry else disk.FLUSH, 0)
        log += head.ljust(disk.SECTOR, b"\0") + content
    return io.BytesIO(log + bytes(disk.SECTOR))


def test_a_disk_forgets_only_what_it_was_not_told_to_keep() -> None:
    one, two, three = (bytes([n]) * 2 * disk.SECTOR for n in (1, 2, 3))
    log = logged((0, one), (2, two), None, (2, three), (4, three))
    whole = list(disk.entries(log))[-1].end
    seen = set()
    for seed in range(3000):
        written = io.BytesIO(bytes(8 * disk.SECTOR))

        left = disk.forget(written, log, random.Random(seed))

        first, _, third, fourth, fifth, *_ = written.getvalue()[:: disk.SECTOR]
        if left.until == whole:
            assert first == 1
            assert {third, fourth} <= {2, 3}
            seen.add((left.forgotten, third, fourth, fifth))
    assert {(2, 2, 2, 0), (1, 3, 3, 0), (1, 2, 2, 3), (0, 3, 3, 3)} <= seen
    assert (2, 3, 2, 0) in seen  # torn in the middle


def test_the_power_fails_at_any_moment_of_the_log() -> None:
    log = logged((0, bytes([1]) * disk.SECTOR), None, (0, bytes([2]) * disk.SECTOR), None)
    ends = [0, *(entry.end for entry in disk.entries(log))]
    found = set()
    for seed in range(200):
        written = io.BytesIO(bytes(disk.SECTOR))

        left = disk.forget(written, log, random.Random(seed))

        found.add((ends.index(left.until), written.getvalue()[0]))
    assert found == {(0, 0), (1, 0), (1, 1), (2, 1), (3, 1), (3, 2), (4, 2)}


def test_what_was_acknowledged_after_the_power_failed_is_not_owed() -> None:
    sizes = iter([10, 20, 30])
    told = Told(sent=lambda: next(sizes))
    told.hear(["ack 7", "ack 8", "ack 9"])

    assert [told.acked(until) for until in (9, 10, 25, 30)] == [0, 7, 8, 9]
    assert told.acked() == 9


def test_a_log_that_was_cut_off_ends_there() -> None:
    whole = logged((0, bytes([1]) * disk.SECTOR), None).getvalue()

    found = list(disk.entries(io.BytesIO(whole + b"\1" * 20)))

    assert found == [disk.Write(3 * disk.SECTOR, 0, 1), disk.Write(4 * disk.SECTOR, 0, 0)]
