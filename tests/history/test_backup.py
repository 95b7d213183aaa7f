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
from tests.history.test_upgrades import HISTORIES, made, shape
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
    say(folder, "good morning")
    with Library.open(folder / "library.db") as library:
        tweet = Tweet("1", "magpie", "Caw.", NOON, "original", "en", ())
        library.add(Archive("magpie", "Magpie", (tweet,), kind="a test"), source="test", at=NOON)
    return folder


def say(folder: Path, text: str, at: datetime = NOON) -> None:
    with Store.open(folder / "history.db") as store:
        post = store.add_draft(
            Draft(text), slot=Slot(text, at), norm=text, length=9, dry=False, model="m", at=at
        )  # fmt: skip
        for move in ("approved", "sending", "posted"):
            store.move(post, move, at=at, x_id=str(post) if move == "posted" else None)


def said(path: Path) -> list[str]:
    with Store.open(path, create=False, read_only=True) as store:
        return [post.text for post in reversed(store.history())]


def backups(state: Path, *, keep: int = 7) -> Backups:
    return Backups(state / "backups", [state / "history.db", state / "library.db"], keep=keep, every=DAY)


def names(state: Path) -> list[str]:
    return sorted(path.name for path in (state / "backups").iterdir())


def test_a_backup_is_a_whole_private_copy_of_history_and_library(state: Path) -> None:
    history, library = backups(state).make(NOON)

    assert (history.name, library.name) == ("history-20261120T120000Z.db", "library-20261120T120000Z.db")
    assert said(history) == ["good morning"]
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


def test_it_is_due_once_a_day_and_a_clock_that_was_ahead_does_not_put_it_off(state: Path) -> None:
    ours = backups(state)
    assert ours.due(NOON)
    ours.make(NOON + 3650 * DAY)  # the clock was wrong
    assert ours.due(NOON)
    ours.make(NOON)

    assert not ours.due(NOON + DAY - timedelta(seconds=1))
    assert ours.due(NOON + DAY)


def test_a_period_of_nothing_is_never(state: Path) -> None:
    assert not Backups(state / "backups", [state / "history.db"], keep=1, every=timedelta(0)).due(NOON)


def test_nothing_is_due_where_there_is_nothing(tmp_path: Path) -> None:
    assert not backups(tmp_path).due(NOON)
    assert backups(tmp_path).make(NOON) == []


def test_the_newest_stay_and_of_the_older_ones_the_last_of_each_of_four_weeks(state: Path) -> None:
    ours = Backups(state / "backups", [state / "history.db"], keep=3, every=DAY)
    for number in range(60):  # from a Friday on
        say(state, f"text {number}")
        ours.make(NOON + number * DAY)

    kept = [copy.at for copy in backup.copies(state / "backups")]
    sundays = [datetime(2026, 12, 27, 12, tzinfo=UTC), *(datetime(2027, 1, day, 12, tzinfo=UTC) for day in (3, 10))]
    newest = [datetime(2027, 1, day, 12, tzinfo=UTC) for day in (16, 17, 18)]
    assert kept == [*sundays, datetime(2027, 1, 15, 12, tzinfo=UTC), *newest]


def test_copies_from_a_time_to_come_are_the_first_to_go(state: Path) -> None:
    ours = Backups(state / "backups", [state / "history.db"], keep=2, every=DAY)
    for number, at in enumerate((NOON + 3650 * DAY, NOON + 3651 * DAY, NOON, NOON + DAY)):
        say(state, f"text {number}")
        ours.make(at)

    assert [copy.at for copy in backup.copies(state / "backups")] == [NOON, NOON + DAY]


def test_a_library_that_did_not_change_is_kept_once(state: Path) -> None:
    for number in range(3):
        say(state, f"text {number}")
        backups(state).make(NOON + number * DAY)

    assert [name for name in names(state) if name.startswith("library")] == ["library-20261122T120000Z.db"]
    assert len([name for name in names(state) if name.startswith("history")]) == 3


def test_files_of_others_in_the_folder_are_left_alone(state: Path) -> None:
    (state / "backups").mkdir()
    for name in ("notes.txt", "history-20269999T999999Z.db", "history-mine.db"):
        (state / "backups" / name).write_text("mine")
    for number in range(20):
        backups(state, keep=1).make(NOON + number * 8 * DAY)

    assert {"notes.txt", "history-20269999T999999Z.db", "history-mine.db"} <= set(names(state))


def test_a_damaged_history_is_not_copied_and_no_good_copy_goes_for_it(state: Path) -> None:
    (good, _) = backups(state, keep=1).make(NOON)
    overwrite(state / "history.db", b"\xff" * 20_000, at=5000)

    with pytest.raises(Damaged, match=r"history\.db.*mynah restore .*history-20261120T120000Z\.db"):
        backups(state, keep=1).make(NOON + DAY)

    assert said(good) == ["good morning"]
    assert len(names(state)) == 2


def test_two_at_a_time_do_not_get_into_each_others_way(state: Path) -> None:
    hasty = Backups(state / "backups", [state / "history.db"], keep=1, every=DAY, patience=timedelta(0))
    with backup._held(state / "backups"), pytest.raises(Busy, match="another backup is at work"):
        hasty.make(NOON)


def overwrite(path: Path, content: bytes, at: int = 0) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(content)


def alter(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as plain, plain:
        plain.execute(statement)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


# The drill


def test_the_restore_drill(state: Path) -> None:
    made = mynah("backup", state=state)
    assert made.returncode == 0, made.stderr
    history, library = map(Path, made.stdout.split())
    say(state, "said since")
    (state / "library.db").unlink()

    back = mynah("restore", history, state=state)
    also = mynah("restore", library, state=state)

    assert (back.returncode, also.returncode) == (0, 0), back.stderr + also.stderr
    assert said(state / "history.db") == ["good morning"]
    (aside,) = state.glob("history-aside-*.db")
    assert str(aside) in back.stdout
    assert said(aside) == ["good morning", "said since"]
    assert "1 post that is on X can only be found in the previous file" in back.stdout
    assert "@magpie" in mynah("library", state=state).stdout
    assert sorted(path.name for path in state.iterdir() if "coming" in path.name) == []
    with Store.open(state / "history.db") as store:
        assert store.damage() == []


def test_a_restored_live_history_says_nothing_until_a_person_has_looked(state: Path) -> None:
    (history, _) = backups(state).make(NOON)

    told = mynah("restore", history, state=state)

    assert "paused, because posts made after the backup are not in it" in told.stdout
    with Store.open(state / "history.db") as store:
        why = pause.why_paused(store, NOON + 3650 * DAY) or ""
        assert "which ends at 2026-11-20T12:00:00.000Z: look at the bot's page" in why
    assert mynah("resume", state=state).returncode == 0
    with Store.open(state / "history.db") as store:
        assert pause.why_paused(store, NOON) is None


def test_no_slot_of_before_a_restore_is_open_again(state: Path) -> None:
    from bot.clock import moment
    from bot.rounds.agenda import BORN

    (history, _) = backups(state).make(NOON)
    mynah("restore", history, state=state)

    with Store.open(state / "history.db") as store:
        born = store.meta(BORN)
    assert born is not None
    assert moment(born) > NOON


def test_what_may_have_gone_out_after_the_backup_does_not_go_out_again(state: Path) -> None:
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


def test_who_called_before_a_restore_is_not_answered_after_it(state: Path) -> None:
    with Store.open(state / "history.db") as store:
        polling.keep(store, polling.Mark(since="7"))
    (history, _) = backups(state).make(NOON)

    mynah("restore", history, state=state)

    with Store.open(state / "history.db") as store:
        mark = polling.load(store)
    assert mark.since == "7"
    assert time_of(mark.before) > NOON


def block(state: Path, user: str | None, handle: str) -> None:
    with Store.open(state / "history.db") as store:
        blocks.block(store, user=user, handle=handle, because="by hand", at=NOON)


def blocked(state: Path) -> list[tuple[str | None, str]]:
    with Store.open(state / "history.db") as store:
        return [(row["user"], row["handle"]) for row in blocks.blocks(store)]


def test_who_was_blocked_after_the_backup_stays_blocked_when_it_is_restored(state: Path) -> None:
    block(state, "1", "magpie")
    block(state, None, "rook")
    (history, _) = backups(state).make(NOON)
    block(state, "2", "rook")  # the name has shown its number
    block(state, "3", "jay")
    block(state, None, "crow")
    with Store.open(state / "history.db") as store:
        blocks.unblock(store, "magpie")

    told = mynah("restore", history, state=state)

    assert blocked(state) == [(None, "crow"), ("3", "jay"), ("1", "magpie"), ("2", "rook")]
    assert "2 people who were blocked or opted out since the backup stay blocked" in told.stdout
    assert "may get replies again" not in told.stdout


@pytest.mark.parametrize(
    "damage",
    [Path.unlink, lambda path: overwrite(path, b"\0" * 100), lambda path: overwrite(path, b"\xff" * 3000, at=4096)],
    ids=["gone", "header", "page"],
)
def test_where_blocks_may_be_lost_with_a_history_a_restore_says_so(
    state: Path, damage: Callable[[Path], object]
) -> None:
    block(state, "1", "magpie")
    (history, _) = backups(state).make(NOON)
    damage(state / "history.db")

    told = mynah("restore", history, state=state)

    assert told.returncode == 0, told.stderr
    assert "people who were blocked since the backup may get replies again" in told.stdout
    assert blocked(state) == [("1", "magpie")]


@pytest.mark.parametrize(
    "change",
    [BY_A_NEWER_MYNAH, "UPDATE block SET at = '2026-1?-20' WHERE handle = 'jay'"],
    ids=["by a newer mynah", "a flipped bit in a date"],
)
def test_blocks_are_found_in_a_history_that_cannot_be_used(state: Path, change: str) -> None:
    (history, _) = backups(state).make(NOON)
    block(state, "1", "magpie")
    block(state, "3", "jay")
    alter(state / "history.db", change)

    told = mynah("restore", history, state=state)

    assert sorted(blocked(state)) == [("1", "magpie"), ("3", "jay")]
    assert "may get replies again" not in told.stdout


def test_a_rehearsal_goes_on_at_once(tmp_path: Path) -> None:
    Store.open(tmp_path / "history.db").close()
    (history,) = backups(tmp_path).make(NOON)

    assert "paused" not in mynah("restore", history, state=tmp_path).stdout


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        pytest.param(cut, "malformed|truncated|damaged|wrong", id="cut"),
        pytest.param(lambda path: overwrite(path, b"\0" * 100), "no SQLite file", id="header"),
        pytest.param(lambda path: overwrite(path, b"\xff" * 3000, at=4096), "damaged", id="page"),
        pytest.param(lambda path: path.write_bytes(b""), "neither a history nor a library", id="empty"),
        pytest.param(lambda path: path.write_bytes(b"\0" * 9999), "no SQLite file|neither", id="all NUL"),
        pytest.param(lambda path: (path.unlink(), path.mkdir()), "is no file", id="folder"),
        pytest.param(Path.unlink, "is no file", id="missing"),
    ],
)
def test_what_is_not_whole_is_not_put_back(state: Path, damage: Callable[[Path], object], words: str) -> None:
    (history, _) = backups(state).make(NOON)
    damage(history)
    before = (state / "history.db").read_bytes()

    refused = mynah("restore", history, state=state)

    assert refused.returncode == 1  # 78 is for the history that the bot lives by
    assert "`mynah restore" not in refused.stderr
    with pytest.raises(StoreError, match=words):
        backup.kind_of(history)
    assert len(refused.stderr.splitlines()) == 1, refused.stderr
    assert (state / "history.db").read_bytes() == before
    assert not list(state.glob("history-aside*"))


def test_another_database_is_not_put_back(state: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    with closing(sqlite3.connect(other)) as plain:
        plain.execute("CREATE TABLE x (y)")

    refused = mynah("restore", other, state=state)

    assert refused.returncode == 1
    assert "neither a history nor a library of mynah's" in refused.stderr


def test_a_backup_of_a_newer_mynah_is_not_put_back(state: Path) -> None:
    (history, _) = backups(state).make(NOON)
    alter(history, BY_A_NEWER_MYNAH)

    refused = mynah("restore", history, state=state)

    assert refused.returncode == 1
    assert "made by a newer mynah (it knows 9999_x)" in refused.stderr
    assert said(state / "history.db") == ["good morning"]


@pytest.mark.parametrize("is_newer", [False, True])
def test_the_history_of_another_account_is_not_put_back(state: Path, *, is_newer: bool) -> None:
    from bot.sending.reconcile import ACCOUNT

    with Store.open(state / "history.db") as store:
        store.keep_meta(ACCOUNT, "1")
    (history, _) = backups(state).make(NOON)
    with Store.open(state / "history.db") as store:
        store.keep_meta(ACCOUNT, "2")
    if is_newer:
        alter(state / "history.db", BY_A_NEWER_MYNAH)

    refused = mynah("restore", history, state=state)

    assert refused.returncode == 1
    assert "belongs to account 1" in refused.stderr
    assert not list(state.glob("history-aside-*"))


def test_nothing_is_put_back_while_the_bot_runs(state: Path) -> None:
    from bot.config.state_dir import StateDir

    (history, _) = backups(state).make(NOON)
    with StateDir(state).hold({}):
        refused = mynah("restore", history, state=state)

    assert refused.returncode == 75
    assert "is in use" in refused.stderr


def test_nothing_is_put_back_while_something_is_written(state: Path) -> None:
    (_, library) = backups(state).make(NOON)
    with Library.open(state / "library.db") as open_, open_.atomic():
        refused = mynah("restore", library, state=state)

    assert refused.returncode == 75
    assert "another program is at work" in refused.stderr


def test_a_damaged_history_gives_way_to_a_sound_one_and_is_kept(state: Path) -> None:
    (history, _) = backups(state).make(NOON)
    overwrite(state / "history.db", b"\0" * 100)
    (state / "history.db-journal").write_bytes(b"half a commit of the old one")

    back = mynah("restore", history, state=state)

    assert back.returncode == 0, back.stderr
    assert said(state / "history.db") == ["good morning"]
    (aside,) = state.glob("history-aside-*.db")
    assert aside.read_bytes().startswith(b"\0" * 100)
    assert not (state / "history.db-journal").exists()


def test_a_folder_in_the_place_of_the_history_is_put_aside_too(state: Path) -> None:
    (history, _) = backups(state).make(NOON)
    (state / "history.db").unlink()
    (state / "history.db").mkdir()

    assert mynah("restore", history, state=state).returncode == 0
    assert said(state / "history.db") == ["good morning"]


# Killed at any moment

KILLED = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
import bot.running.assembly, bot.commands.backups, bot.commands.run, rich, training.library.library
from bot import cli
from bot.history import backup
from bot.history.store import Store
from tests.history.test_backup import said_plainly

state, work, folder = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[1]) / "backups"
whole = said_plainly(state / "history.db")

def done():
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
        done()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert said_plainly(state / "history.db") == whole, step
    for copy in backup.copies(folder):
        assert backup.kind_of(copy.path) == copy.kind, (step, copy)
    if not os.WIFSIGNALED(status):
        assert os.waitstatus_to_exitcode(status) == 0
        break
print("steps:", step)
"""


@pytest.mark.parametrize("work", ["backup", "restore", "migration"])
def test_a_kill_at_any_step_leaves_everything_whole(state: Path, work: str) -> None:
    """Before each call of the system that opens, makes, renames or removes a file, until it passes."""
    backups(state).make(NOON)
    if work == "migration":
        (state / "history.db").unlink()
        made(OLDEST, state / "history.db")

    killed = subprocess.run(
        [sys.executable, "-c", KILLED, state, work],
        cwd=Path(__file__).parents[2], check=False, capture_output=True, text=True, env=environment(),
    )  # fmt: skip

    assert killed.returncode == 0, killed.stderr
    assert int(killed.stdout.split()[-1]) > 8
    backups(state).make(NOON + DAY)
    left = [path.name for path in (*state.iterdir(), *(state / "backups").iterdir())]
    assert not [name for name in left if name.endswith((".tmp", ".coming"))]


def said_plainly(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as plain:
        assert plain.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return [text for (text,) in plain.execute("SELECT text FROM post ORDER BY id")]


# Before a change of the schema, and of people


def test_an_older_history_is_copied_before_it_is_migrated(tmp_path: Path) -> None:
    before = shape(made(OLDEST, tmp_path / "history.db"))

    Store.open(tmp_path / "history.db").close()

    copy = tmp_path / "backups" / "history-before-0002_expenses.db"
    assert shape(copy) == before
    assert said_plainly(copy) == said_plainly(tmp_path / "history.db")


def test_a_new_history_has_nothing_to_copy(tmp_path: Path) -> None:
    Store.open(tmp_path / "history.db").close()

    assert not (tmp_path / "backups").exists()


def test_who_is_forgotten_is_forgotten_in_the_backups_too(state: Path) -> None:
    backups(state).make(NOON)

    told = mynah("forget", "@magpie", "--yes", state=state)

    assert told.returncode == 0, told.stderr
    assert "1 backup" in told.stdout
    assert [name for name in names(state) if name.startswith("library")] == []
    assert [name for name in names(state) if name.startswith("history")] != []


def test_where_there_is_nothing_to_copy_it_says_so(tmp_path: Path) -> None:
    told = mynah("backup", state=tmp_path / "state")

    assert (told.returncode, told.stdout) == (1, "there is neither a history nor a library yet\n")


def test_a_folder_whose_name_is_not_utf_8_is_backed_up_too(state: Path) -> None:
    odd = state.rename(Path(os.fsdecode(os.fsencode(state) + b"\xff")))

    made = Backups(odd / "backups", [odd / "history.db"], keep=1, every=DAY).make(NOON)

    assert said(made[0]) == ["good morning"]


def test_what_cannot_be_rotated_away_is_said_in_a_sentence(state: Path) -> None:
    for year in range(2010, 2020):
        (state / "backups" / f"history-{year}0101T000000Z.db").mkdir(parents=True)

    with pytest.raises(StoreError, match=r"history-2010.*Is a directory"):
        Backups(state / "backups", [state / "history.db"], keep=1, every=DAY).make(NOON)
