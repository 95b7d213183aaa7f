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
from tests.trials.power.judge import GuestReport, Judge
from tests.trials.qemu.emulator import Guest

COMMITS = 45  # commits: at least one post of each kind that is tested below


def run(history: Path, most: int, journal: str = "") -> GuestReport:
    """Run the guest's program for up to `most` commits."""
    output = io.StringIO()
    with redirect_stdout(output):
        guest.main(str(history), journal, str(most))
    report = GuestReport()
    report.parse(output.getvalue().splitlines())
    return report


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    history = tmp_path_factory.mktemp("template") / "history.db"
    run(history, COMMITS)
    return history


@pytest.fixture
def history(template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copyfile(template, tmp_path / "history.db"))


@pytest.fixture
def judge(tmp_path: Path) -> Judge:
    """All commits were acknowledged to it."""
    (tmp_path / "judge").mkdir()
    judge = Judge(tmp_path / "judge")
    judge.acked = COMMITS
    return judge


def test_a_history_with_all_acknowledged_commits_is_sound(history: Path, judge: Judge) -> None:
    verdict = judge.judge(run(history, COMMITS))

    assert (verdict.lost, verdict.wrong) == (0, [])


def test_commits_that_were_not_acknowledged_are_no_fault(history: Path, judge: Judge) -> None:
    judge.acked = COMMITS - 3

    verdict = judge.judge(run(history, COMMITS))

    assert (verdict.lost, verdict.wrong, judge.acked) == (0, [], COMMITS)


def test_lost_commits_are_counted_and_the_next_report_is_sound(history: Path, judge: Judge, template: Path) -> None:
    report = run(history, COMMITS + 5)
    judge.judge(report)
    judge.acked = report.acked()
    shutil.copyfile(template, history)

    verdict = judge.judge(run(history, COMMITS))
    after = judge.judge(run(history, COMMITS))

    assert (verdict.lost, verdict.wrong) == (5, [])
    assert (after.lost, after.wrong) == (0, [])


def test_commits_of_an_earlier_report_may_be_lost_too(history: Path, judge: Judge) -> None:
    """As with a worse setting than ours; the remaining commits are judged by themselves."""
    judge.judge(run(history, COMMITS))
    history.unlink()
    run(history, 10)

    verdict = judge.judge(run(history, 10))

    assert (verdict.lost, verdict.wrong) == (COMMITS - 10, [])


@pytest.mark.parametrize(
    ("table", "statement"),
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
def test_half_a_commit_is_detected_in_each_table(judge: Judge, history: Path, table: str, statement: str) -> None:
    with closing(sqlite3.connect(history, isolation_level=None)) as db:
        for (trigger,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            db.execute(f"DROP TRIGGER {trigger}")
        assert db.execute(statement).rowcount > 0

    (wrong,) = judge.judge(run(history, COMMITS)).wrong

    assert wrong.startswith(f"table {table}: ")


def test_a_damaged_file_is_detected(judge: Judge, history: Path) -> None:
    with history.open("r+b") as file:
        file.seek(3 * 4096)
        file.write(bytes(4096))

    assert judge.judge(run(history, COMMITS)).wrong


def test_the_setting_of_the_control_takes_effect(history: Path) -> None:
    """TRUNCATE leaves an empty journal behind, DELETE none."""
    journal = history.with_name("history.db-journal")
    run(history, COMMITS + 1)
    assert journal.exists()

    run(history, COMMITS + 2, "DELETE/FULL")
    assert not journal.exists()


class ProcessMachine:
    """A machine without QEMU: a process is killed, and the system keeps what it wrote."""

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
        if self._spoils and self._before.exists():  # undoes all writes since the start
            shutil.copyfile(self._before, self._history)

    def forget(self, _: random.Random) -> disk.Left:
        self.keep_all()
        return disk.Left(0, 0)

    def keep(self, name: str) -> Path:
        return self._history.with_name(name)


def series(history: Path, *, spoils: bool, cuts: int) -> power.Figures:
    machine: Any = ProcessMachine(history, spoils=spoils)
    return power.Series(machine, random.Random(1)).run(cuts)


def test_a_killed_process_loses_nothing(history: Path) -> None:
    figures = series(history, spoils=False, cuts=5)

    assert (figures.cuts, figures.lost, figures.wrong) == (5, 0, [])
    assert figures.acked > 0
    assert figures.early > 0


def test_a_disk_that_loses_everything_is_detected(history: Path) -> None:
    figures = series(history, spoils=True, cuts=8)

    assert figures.lost or figures.wrong  # a disk that forgets some writes of a commit leaves a damaged history


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
def test_it_fails_if_something_is_lost_or_the_control_loses_nothing(
    ours: dict[str, Any], control: dict[str, Any], code: int
) -> None:
    assert power.exit_code(power.Figures(**ours), power.Figures(**control)) == code


def logged(*writes: tuple[int, bytes] | None) -> io.BytesIO:
    """A log of QEMU's blklogwrites: (sector, content) for a write, None for a flush."""
    log = bytes(disk.SECTOR)
    for entry in writes:
        sector, content = entry or (0, b"")
        head = disk.ENTRY.pack(sector, len(content) // disk.SECTOR, 0 if entry else disk.FLUSH, 0)
        log += head.ljust(disk.SECTOR, b"\0") + content
    return io.BytesIO(log + bytes(disk.SECTOR))


def test_a_disk_forgets_only_writes_that_were_not_flushed() -> None:
    one, two, three = (bytes([n]) * 2 * disk.SECTOR for n in (1, 2, 3))
    log = logged((0, one), (2, two), None, (2, three), (4, three))
    whole = list(disk.entries(log))[-1].end
    results = set()
    for seed in range(3000):
        image = io.BytesIO(bytes(8 * disk.SECTOR))

        left = disk.forget(image, log, random.Random(seed))

        first, _, third, fourth, fifth, *_ = image.getvalue()[:: disk.SECTOR]
        if left.until == whole:
            assert first == 1
            assert {third, fourth} <= {2, 3}
            results.add((left.forgotten, third, fourth, fifth))
    assert {(2, 2, 2, 0), (1, 3, 3, 0), (1, 2, 2, 3), (0, 3, 3, 3)} <= results
    assert (2, 3, 2, 0) in results  # torn in the middle


def test_the_power_fails_at_any_moment_of_the_log() -> None:
    log = logged((0, bytes([1]) * disk.SECTOR), None, (0, bytes([2]) * disk.SECTOR), None)
    ends = [0, *(entry.end for entry in disk.entries(log))]
    results = set()
    for seed in range(200):
        image = io.BytesIO(bytes(disk.SECTOR))

        left = disk.forget(image, log, random.Random(seed))

        results.add((ends.index(left.until), image.getvalue()[0]))
    assert results == {(0, 0), (1, 0), (1, 1), (2, 1), (3, 1), (3, 2), (4, 2)}


def test_commits_acknowledged_after_the_power_failed_do_not_count() -> None:
    sizes = iter([10, 20, 30])
    report = GuestReport(sent=lambda: next(sizes))
    report.parse(["ack 7", "ack 8", "ack 9"])

    assert [report.acked(until) for until in (9, 10, 25, 30)] == [0, 7, 8, 9]
    assert report.acked() == 9


def test_a_log_that_was_cut_off_ends_there() -> None:
    whole = logged((0, bytes([1]) * disk.SECTOR), None).getvalue()

    entries = list(disk.entries(io.BytesIO(whole + b"\1" * 20)))

    assert entries == [disk.Write(3 * disk.SECTOR, 0, 1), disk.Write(4 * disk.SECTOR, 0, 0)]
