from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bot.errors import Busy, Damaged, StoreError
from bot.history import backup, blocks
from bot.history.backup import Backups
from bot.history.store import Store
from bot.replies import polling
from bot.sending import pause
from bot.values import Draft, Slot
from bot.x.payloads import time_of
from tests.fakes import NOON
from tests.history.test_upgrades import HISTORIES, load_dump, shape
from tests.installed import environment, mynah
from training.library.library import Library
from training.sources.archive import Archive
from training.sources.tweets import Tweet

if TYPE_CHECKING:
    from collections.abc import Callable

DAY = timedelta(days=1)
BY_A_NEWER_MYNAH = "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('mynah', '9999_x', '')"
OLDEST = HISTORIES[0]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state folder with one live post and one person's tweets."""
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    add_post(folder, "good morning")
    with Library.open(folder / "library.db") as library:
        tweet = Tweet("1", "magpie", "Caw.", NOON, "original", "en", ())
        library.add(Archive("magpie", "Magpie", (tweet,), kind="a test"), source="test", at=NOON)
    return folder


def add_post(folder: Path, text: str, at: datetime = NOON) -> None:
    with Store.open(folder / "history.db") as store:
        post = store.add_draft(
            Draft(text), slot=Slot(text, at), norm=text, length=9, dry=False, model="m", at=at
        )  # fmt: skip
        for move in ("approved", "sending", "posted"):
            store.move(post, move, at=at, x_id=str(post) if move == "posted" else None)


def texts(path: Path) -> list[str]:
    with Store.open(path, create=False, read_only=True) as store:
        return [post.text for post in reversed(store.history())]


def backups(state: Path, *, keep: int = 7) -> Backups:
    return Backups(state / "backups", [state / "history.db", state / "library.db"], keep=keep, every=DAY)


def names(state: Path) -> list[str]:
    return sorted(path.name for path in (state / "backups").iterdir())


def test_a_backup_is_a_complete_private_copy_of_history_and_library(state: Path) -> None:
    history, library = backups(state).make(NOON)

    assert (history.name, library.name) == ("history-20261120T120000Z.db", "library-20261120T120000Z.db")
    assert texts(history) == ["good morning"]
    with Library.open(library, read_only=True) as copy:
        assert [tweet.text for tweet in copy.archive("magpie").tweets] == ["Caw."]
    assert {path.stat().st_mode & 0o777 for path in (history, library)} == {0o600}
    assert (state / "backups").stat().st_mode & 0o777 == 0o700


def test_a_backup_is_made_while_another_connection_is_open_and_in_the_middle_of_a_commit(state: Path) -> None:
    with Store.open(state / "history.db") as store, store.atomic():
        store.keep_meta("half", "done")
        (history, _) = backups(state).make(NOON)

    with Store.open(history, read_only=True) as copy:
        assert copy.meta("half") is None


def test_a_backup_is_due_once_a_day_even_after_the_clock_was_ahead(state: Path) -> None:
    schedule = backups(state)
    assert schedule.due(NOON)
    schedule.make(NOON + 3650 * DAY)  # the clock was wrong
    assert schedule.due(NOON)
    schedule.make(NOON)

    assert not schedule.due(NOON + DAY - timedelta(seconds=1))
    assert schedule.due(NOON + DAY)


def test_a_period_of_zero_turns_backups_off(state: Path) -> None:
    assert not Backups(state / "backups", [state / "history.db"], keep=1, every=timedelta(0)).due(NOON)


def test_no_backup_is_due_without_a_history(tmp_path: Path) -> None:
    assert not backups(tmp_path).due(NOON)
    assert backups(tmp_path).make(NOON) == []


def test_rotation_keeps_the_newest_and_the_last_of_each_of_four_weeks(state: Path) -> None:
    schedule = Backups(state / "backups", [state / "history.db"], keep=3, every=DAY)
    for number in range(60):  # from a Friday on
        add_post(state, f"text {number}")
        schedule.make(NOON + number * DAY)

    times = [copy.at for copy in backup.copies(state / "backups")]
    sundays = [datetime(2026, 12, 27, 12, tzinfo=UTC), *(datetime(2027, 1, day, 12, tzinfo=UTC) for day in (3, 10))]
    newest = [datetime(2027, 1, day, 12, tzinfo=UTC) for day in (16, 17, 18)]
    assert times == [*sundays, datetime(2027, 1, 15, 12, tzinfo=UTC), *newest]


def test_rotation_removes_copies_with_a_future_date_first(state: Path) -> None:
    schedule = Backups(state / "backups", [state / "history.db"], keep=2, every=DAY)
    for number, at in enumerate((NOON + 3650 * DAY, NOON + 3651 * DAY, NOON, NOON + DAY)):
        add_post(state, f"text {number}")
        schedule.make(at)

    assert [copy.at for copy in backup.copies(state / "backups")] == [NOON, NOON + DAY]


def test_an_unchanged_library_is_copied_once(state: Path) -> None:
    for number in range(3):
        add_post(state, f"text {number}")
        backups(state).make(NOON + number * DAY)

    assert [name for name in names(state) if name.startswith("library")] == ["library-20261122T120000Z.db"]
    assert len([name for name in names(state) if name.startswith("history")]) == 3


def test_other_files_in_the_folder_are_not_touched(state: Path) -> None:
    (state / "backups").mkdir()
    for name in ("notes.txt", "history-20269999T999999Z.db", "history-mine.db"):
        (state / "backups" / name).write_text("mine")
    for number in range(20):
        backups(state, keep=1).make(NOON + number * 8 * DAY)

    assert {"notes.txt", "history-20269999T999999Z.db", "history-mine.db"} <= set(names(state))


def test_a_damaged_history_is_not_copied_and_good_copies_stay(state: Path) -> None:
    (good, _) = backups(state, keep=1).make(NOON)
    overwrite(state / "history.db", b"\xff" * 20_000, at=5000)

    with pytest.raises(Damaged, match=r"history\.db.*mynah restore .*history-20261120T120000Z\.db"):
        backups(state, keep=1).make(NOON + DAY)

    assert texts(good) == ["good morning"]
    assert len(names(state)) == 2


def test_two_backups_do_not_run_at_once(state: Path) -> None:
    second = Backups(state / "backups", [state / "history.db"], keep=1, every=DAY, patience=timedelta(0))
    with backup._locked(state / "backups"), pytest.raises(Busy, match="another backup is at work"):
        second.make(NOON)


def overwrite(path: Path, content: bytes, at: int = 0) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(content)


def alter(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as plain, plain:
        plain.execute(statement)


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


# The drill


def test_the_restore_drill(state: Path) -> None:
    backup_ = mynah("backup", state=state)
    assert backup_.returncode == 0, backup_.stderr
    history, library = map(Path, backup_.stdout.split())
    add_post(state, "said since")
    (state / "library.db").unlink()

    restore = mynah("restore", history, state=state)
    restore_library = mynah("restore", library, state=state)

    assert (restore.returncode, restore_library.returncode) == (0, 0), restore.stderr + restore_library.stderr
    assert texts(state / "history.db") == ["good morning"]
    (moved,) = state.glob("history-aside-*.db")
    assert str(moved) in restore.stdout
    assert texts(moved) == ["good morning", "said since"]
    assert "1 post that is on X can only be found in the previous file" in restore.stdout
    assert "@magpie" in mynah("library", state=state).stdout
    assert sorted(path.name for path in state.iterdir() if "coming" in path.name) == []
    with Store.open(state / "history.db") as store:
        assert store.damage() == []


def test_a_restored_live_history_is_paused_until_a_person_resumes_it(state: Path) -> None:
    (history, _) = backups(state).make(NOON)

    result = mynah("restore", history, state=state)

    assert "paused, because posts made after the backup are not in it" in result.stdout
    with Store.open(state / "history.db") as store:
        reason = pause.why_paused(store, NOON + 3650 * DAY) or ""
        assert "which ends at 2026-11-20T12:00:00.000Z: check the bot's page" in reason
    assert mynah("resume", state=state).returncode == 0
    with Store.open(state / "history.db") as store:
        assert pause.why_paused(store, NOON) is None


def test_no_slot_from_before_a_restore_is_used_again(state: Path) -> None:
    from bot.clock import moment
    from bot.rounds.agenda import BORN

    (history, _) = backups(state).make(NOON)
    mynah("restore", history, state=state)

    with Store.open(state / "history.db") as store:
        began = store.meta(BORN)
    assert began is not None
    assert moment(began) > NOON


def test_posts_that_may_have_been_sent_after_the_backup_are_not_sent_again(state: Path) -> None:
    with Store.open(state / "history.db") as store:
        for text, moves in (
            ("was judged since", []),
            ("was sent since", ["approved"]),
            ("in flight", ["approved", "sending"]),
        ):
            post = store.add_draft(
                Draft(text), slot=Slot(text, NOON), norm=text, length=9, dry=False, model="m", at=NOON
            )  # fmt: skip
            for move in moves:
                store.move(post, move, at=NOON)
    (history, _) = backups(state).make(NOON)

    mynah("restore", history, state=state)

    with Store.open(state / "history.db") as store:
        states = {post.text: post.state for post in store.history()}
    assert states == {
        "good morning": "posted", "was judged since": "expired", "was sent since": "expired", "in flight": "sending"
    }  # fmt: skip


def test_mentions_from_before_a_restore_are_not_answered_after_it(state: Path) -> None:
    with Store.open(state / "history.db") as store:
        polling.keep(store, polling.Cursor(since="7"))
    (history, _) = backups(state).make(NOON)

    mynah("restore", history, state=state)

    with Store.open(state / "history.db") as store:
        cursor = polling.load(store)
    assert cursor.since == "7"
    assert time_of(cursor.before) > NOON


def block(state: Path, user: str | None, handle: str) -> None:
    with Store.open(state / "history.db") as store:
        blocks.block(store, user=user, handle=handle, because="by hand", at=NOON)


def list_blocks(state: Path) -> list[tuple[str | None, str]]:
    with Store.open(state / "history.db") as store:
        return [(row["user"], row["handle"]) for row in blocks.blocks(store)]


def test_people_blocked_after_the_backup_stay_blocked_when_it_is_restored(state: Path) -> None:
    block(state, "1", "magpie")
    block(state, None, "rook")
    (history, _) = backups(state).make(NOON)
    block(state, "2", "rook")  # now the id of the handle is known
    block(state, "3", "jay")
    block(state, None, "crow")
    with Store.open(state / "history.db") as store:
        blocks.unblock(store, "magpie")

    result = mynah("restore", history, state=state)

    assert list_blocks(state) == [(None, "crow"), ("3", "jay"), ("1", "magpie"), ("2", "rook")]
    assert "2 people who were blocked or opted out since the backup stay blocked" in result.stdout
    assert "may get replies again" not in result.stdout


@pytest.mark.parametrize(
    "damage",
    [Path.unlink, lambda path: overwrite(path, b"\0" * 100), lambda path: overwrite(path, b"\xff" * 3000, at=4096)],
    ids=["gone", "header", "page"],
)
def test_a_restore_says_so_if_blocks_may_be_lost_with_the_history(
    state: Path, damage: Callable[[Path], object]
) -> None:
    block(state, "1", "magpie")
    (history, _) = backups(state).make(NOON)
    damage(state / "history.db")

    result = mynah("restore", history, state=state)

    assert result.returncode == 0, result.stderr
    assert "people who were blocked since the backup may get replies again" in result.stdout
    assert list_blocks(state) == [("1", "magpie")]


@pytest.mark.parametrize(
    "change",
    [BY_A_NEWER_MYNAH, "UPDATE block SET at = '2026-1?-20' WHERE handle = 'jay'"],
    ids=["by a newer mynah", "a flipped bit in a date"],
)
def test_blocks_are_read_from_a_history_that_cannot_be_opened(state: Path, change: str) -> None:
    (history, _) = backups(state).make(NOON)
    block(state, "1", "magpie")
    block(state, "3", "jay")
    alter(state / "history.db", change)

    result = mynah("restore", history, state=state)

    assert sorted(list_blocks(state)) == [("1", "magpie"), ("3", "jay")]
    assert "may get replies again" not in result.stdout


def test_a_restored_dry_run_is_not_paused(tmp_path: Path) -> None:
    Store.open(tmp_path / "history.db").close()
    (history,) = backups(tmp_path).make(NOON)

    assert "paused" not in mynah("restore", history, state=tmp_path).stdout


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        pytest.param(truncate, "malformed|truncated|damaged|wrong", id="cut"),
        pytest.param(lambda path: overwrite(path, b"\0" * 100), "no SQLite file", id="header"),
        pytest.param(lambda path: overwrite(path, b"\xff" * 3000, at=4096), "damaged", id="page"),
        pytest.param(lambda path: path.write_bytes(b""), "neither a history nor a library", id="empty"),
        pytest.param(lambda path: path.write_bytes(b"\0" * 9999), "no SQLite file|neither", id="all NUL"),
        pytest.param(lambda path: (path.unlink(), path.mkdir()), "is not a file", id="folder"),
        pytest.param(Path.unlink, "is not a file", id="missing"),
    ],
)
def test_a_damaged_or_missing_copy_is_not_restored(state: Path, damage: Callable[[Path], object], message: str) -> None:
    (history, _) = backups(state).make(NOON)
    damage(history)
    before = (state / "history.db").read_bytes()

    result = mynah("restore", history, state=state)

    assert result.returncode == 1  # 78 is for the history in use
    assert "`mynah restore" not in result.stderr
    with pytest.raises(StoreError, match=message):
        backup.kind_of(history)
    assert len(result.stderr.splitlines()) == 1, result.stderr
    assert (state / "history.db").read_bytes() == before
    assert not list(state.glob("history-aside*"))


def test_another_database_is_not_restored(state: Path, tmp_path: Path) -> None:
    database = tmp_path / "other.db"
    with closing(sqlite3.connect(database)) as plain:
        plain.execute("CREATE TABLE x (y)")

    result = mynah("restore", database, state=state)

    assert result.returncode == 1
    assert "neither a history nor a library of mynah's" in result.stderr


def test_a_backup_of_a_newer_mynah_is_not_restored(state: Path) -> None:
    (history, _) = backups(state).make(NOON)
    alter(history, BY_A_NEWER_MYNAH)

    result = mynah("restore", history, state=state)

    assert result.returncode == 1
    assert "made by a newer mynah (it knows 9999_x)" in result.stderr
    assert texts(state / "history.db") == ["good morning"]


@pytest.mark.parametrize("is_newer", [False, True])
def test_the_history_of_another_account_is_not_restored(state: Path, *, is_newer: bool) -> None:
    from bot.sending.reconcile import ACCOUNT

    with Store.open(state / "history.db") as store:
        store.keep_meta(ACCOUNT, "1")
    (history, _) = backups(state).make(NOON)
    with Store.open(state / "history.db") as store:
        store.keep_meta(ACCOUNT, "2")
    if is_newer:
        alter(state / "history.db", BY_A_NEWER_MYNAH)

    result = mynah("restore", history, state=state)

    assert result.returncode == 1
    assert "belongs to account 1" in result.stderr
    assert not list(state.glob("history-aside-*"))


def test_nothing_is_restored_while_the_bot_runs(state: Path) -> None:
    from bot.config.state_dir import StateDir

    (history, _) = backups(state).make(NOON)
    with StateDir(state).hold({}):
        result = mynah("restore", history, state=state)

    assert result.returncode == 75
    assert "is in use" in result.stderr


def test_nothing_is_restored_while_another_program_writes(state: Path) -> None:
    (_, library) = backups(state).make(NOON)
    with Library.open(state / "library.db") as open_, open_.atomic():
        result = mynah("restore", library, state=state)

    assert result.returncode == 75
    assert "another program is at work" in result.stderr


def test_a_damaged_history_is_replaced_and_kept_under_another_name(state: Path) -> None:
    (history, _) = backups(state).make(NOON)
    overwrite(state / "history.db", b"\0" * 100)
    (state / "history.db-journal").write_bytes(b"half a commit of the old one")

    result = mynah("restore", history, state=state)

    assert result.returncode == 0, result.stderr
    assert texts(state / "history.db") == ["good morning"]
    (moved,) = state.glob("history-aside-*.db")
    assert moved.read_bytes().startswith(b"\0" * 100)
    assert not (state / "history.db-journal").exists()


def test_a_folder_in_place_of_the_history_is_moved_too(state: Path) -> None:
    (history, _) = backups(state).make(NOON)
    (state / "history.db").unlink()
    (state / "history.db").mkdir()

    assert mynah("restore", history, state=state).returncode == 0
    assert texts(state / "history.db") == ["good morning"]


# Killed at any moment

KILL_AT_EACH_STEP = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
import bot.running.assembly, bot.commands.backups, bot.commands.run, rich, training.library.library
from bot import cli
from bot.history import backup
from bot.history.store import Store
from tests.history.test_backup import texts_by_sqlite3

state, work, folder = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[1]) / "backups"
expected = texts_by_sqlite3(state / "history.db")

def act():
    if work == "backup":
        sources = [state / "history.db", state / "library.db"]
        backup.Backups(folder, sources, keep=1, every=None).make(datetime(2026, 11, 22, tzinfo=UTC))
    elif work == "restore":
        cli.main(["--state", str(state), "restore", str(folder / "history-20261120T120000Z.db")])
    else:
        Store.open(state / "history.db").close()

for step in range(1, 300):
    child = os.fork()
    if child == 0:
        calls = 0
        def count(event, _):
            global calls
            if event in {"open", "os.rename", "os.link", "os.remove", "os.mkdir", "sqlite3.connect"}:
                calls += 1
                if calls == step:
                    os.kill(os.getpid(), signal.SIGKILL)
        sys.addaudithook(count)
        act()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert texts_by_sqlite3(state / "history.db") == expected, step
    for copy in backup.copies(folder):
        assert backup.kind_of(copy.path) == copy.kind, (step, copy)
    if not os.WIFSIGNALED(status):
        assert os.waitstatus_to_exitcode(status) == 0
        break
print("steps:", step)
"""


@pytest.mark.parametrize("work", ["backup", "restore", "migration"])
def test_a_kill_at_any_step_leaves_all_files_intact(state: Path, work: str) -> None:
    """Killed before each call that opens, creates, renames or removes a file, until it succeeds."""
    backups(state).make(NOON)
    if work == "migration":
        (state / "history.db").unlink()
        load_dump(OLDEST, state / "history.db")

    result = subprocess.run(
        [sys.executable, "-c", KILL_AT_EACH_STEP, state, work],
        cwd=Path(__file__).parents[2], check=False, capture_output=True, text=True, env=environment(),
    )  # fmt: skip

    assert result.returncode == 0, result.stderr
    assert int(result.stdout.split()[-1]) > 8
    backups(state).make(NOON + DAY)
    files = [path.name for path in (*state.iterdir(), *(state / "backups").iterdir())]
    assert not [name for name in files if name.endswith((".tmp", ".coming"))]


def texts_by_sqlite3(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as plain:
        assert plain.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return [text for (text,) in plain.execute("SELECT text FROM post ORDER BY id")]


# Before a migration, and for forgotten people


def test_an_older_history_is_copied_before_it_is_migrated(tmp_path: Path) -> None:
    before = shape(load_dump(OLDEST, tmp_path / "history.db"))

    Store.open(tmp_path / "history.db").close()

    copy = tmp_path / "backups" / "history-before-0002_expenses.db"
    assert shape(copy) == before
    assert texts_by_sqlite3(copy) == texts_by_sqlite3(tmp_path / "history.db")


def test_a_new_history_has_nothing_to_copy(tmp_path: Path) -> None:
    Store.open(tmp_path / "history.db").close()

    assert not (tmp_path / "backups").exists()


def test_a_forgotten_person_is_removed_from_the_backups_too(state: Path) -> None:
    backups(state).make(NOON)

    result = mynah("forget", "@magpie", "--yes", state=state)

    assert result.returncode == 0, result.stderr
    assert "1 backup" in result.stdout
    assert [name for name in names(state) if name.startswith("library")] == []
    assert [name for name in names(state) if name.startswith("history")] != []


def test_without_anything_to_copy_the_command_says_so(tmp_path: Path) -> None:
    result = mynah("backup", state=tmp_path / "state")

    assert (result.returncode, result.stdout) == (1, "there is neither a history nor a library yet\n")


def test_a_folder_whose_name_is_not_utf_8_is_backed_up_too(state: Path) -> None:
    folder = state.rename(Path(os.fsdecode(os.fsencode(state) + b"\xff")))

    copies = Backups(folder / "backups", [folder / "history.db"], keep=1, every=DAY).make(NOON)

    assert texts(copies[0]) == ["good morning"]


def test_a_copy_that_cannot_be_removed_is_one_message(state: Path) -> None:
    for year in range(2010, 2020):
        (state / "backups" / f"history-{year}0101T000000Z.db").mkdir(parents=True)

    with pytest.raises(StoreError, match=r"history-2010.*Is a directory"):
        Backups(state / "backups", [state / "history.db"], keep=1, every=DAY).make(NOON)
