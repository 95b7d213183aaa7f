from __future__ import annotations

import itertools
import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bot.errors import StoreError
from bot.history import ledger, near_duplicates, refusals
from bot.history.schema import LEGAL_MOVES
from bot.history.store import MIGRATIONS, Store
from bot.values import Draft, Reason, Slot
from tests.fakes import NOON

if TYPE_CHECKING:
    from collections.abc import Iterator

STATES = sorted({state for move in LEGAL_MOVES for state in move})
MOVES_TO = {
    "drafted": (),
    "approved": ("approved",),
    "rejected": ("rejected",),
    "expired": ("expired",),
    "sending": ("approved", "sending"),
    "posted": ("approved", "sending", "posted"),
    "refused": ("approved", "sending", "refused"),
    "unknown": ("approved", "sending", "unknown"),
    "abandoned": ("approved", "sending", "unknown", "abandoned"),
}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "history.db") as store:
        yield store


def add(store: Store, text: str = "good morning", *, slot: str = "a", dry: bool = False) -> int:
    return store.add_draft(Draft(text), slot=Slot(slot, NOON), norm=text, length=len(text), dry=dry, model="m", at=NOON)


def move_through(store: Store, post: int, *states: str) -> None:
    for state in states:
        store.move(post, state, at=NOON, x_id=str(post) if state == "posted" else None)


@pytest.mark.parametrize(("before", "after"), list(itertools.product(MOVES_TO, STATES)))
def test_a_live_post_moves_only_as_the_state_machine_allows(store: Store, before: str, after: str) -> None:
    post = add(store)
    move_through(store, post, *MOVES_TO[before])

    legal = (before, after) in LEGAL_MOVES and after != "dry"
    if legal:
        move_through(store, post, after)
        assert store.post(post).state == after
    else:
        with pytest.raises(StoreError):
            move_through(store, post, after)
        assert store.post(post).state == before


@pytest.mark.parametrize("state", ["posted", "unknown"])
def test_a_dry_run_is_never_posted(store: Store, state: str) -> None:
    post = add(store, dry=True)
    move_through(store, post, "approved", "sending")

    with pytest.raises(StoreError, match="rehearsal"):
        move_through(store, post, state)


def test_two_posts_are_never_in_flight_at_once(store: Store) -> None:
    first, second = add(store, "one", slot="a"), add(store, "two", slot="b")
    move_through(store, first, "approved", "sending")
    move_through(store, second, "approved")

    with pytest.raises(StoreError, match="UNIQUE"):
        move_through(store, second, "sending")


def test_a_dry_run_in_flight_does_not_hold_a_live_post(store: Store) -> None:
    dry, live = add(store, dry=True), add(store, dry=False)
    move_through(store, dry, "approved", "sending")

    move_through(store, live, "approved", "sending")

    assert store.post(live).state == "sending"


@pytest.mark.parametrize(
    "change", ["slot = 'a'", "norm = 'one', text = 'other'", "x_id = '7'"], ids=["slot", "words", "x_id"]
)
def test_unique_values_are_unique(store: Store, tmp_path: Path, change: str) -> None:
    add(store, "one", slot="a")
    second = add(store, "two", slot="b")
    with sqlite3.connect(tmp_path / "history.db") as plain:
        near_duplicates.register(plain)
        plain.execute("PRAGMA foreign_keys = ON")

        with pytest.raises(sqlite3.IntegrityError):
            plain.execute(f"UPDATE post SET {change} WHERE id = {second}")
    plain.close()


def test_a_text_is_frozen_once_approved(store: Store, tmp_path: Path) -> None:
    move_through(store, add(store), "approved")
    plain = sqlite3.connect(tmp_path / "history.db")
    near_duplicates.register(plain)

    with pytest.raises(sqlite3.IntegrityError, match="frozen"):
        plain.execute("UPDATE post SET text = 'something else'")
    plain.close()


@pytest.mark.parametrize("table", ["post", "event"])
def test_the_history_cannot_be_deleted(store: Store, tmp_path: Path, table: str) -> None:
    add(store)
    plain = sqlite3.connect(tmp_path / "history.db")

    with pytest.raises(sqlite3.IntegrityError, match="only added to"):
        plain.execute(f"DELETE FROM {table}")
    plain.close()


def test_every_move_leaves_an_event(store: Store) -> None:
    post = add(store)
    move_through(store, post, "approved", "sending", "posted")

    events = store.rows("SELECT before, after FROM event WHERE post = ? ORDER BY id", [post])

    assert [(event["before"], event["after"]) for event in events] == [
        (None, "drafted"),
        ("drafted", "approved"),
        ("approved", "sending"),
        ("sending", "posted"),
    ]


def test_a_slot_and_its_draft_are_stored_together_or_not_at_all(store: Store) -> None:
    add(store, "one", slot="a")

    with pytest.raises(StoreError):
        add(store, "one", slot="b")  # the text exists already

    assert store.slot_outcome("b", dry=False) is None


def test_each_connection_is_durable(store: Store) -> None:
    assert store.rows("PRAGMA journal_mode") == [{"journal_mode": "truncate"}]
    assert store.rows("PRAGMA synchronous") == [{"synchronous": 3}]  # EXTRA
    assert store.rows("PRAGMA foreign_keys") == [{"foreign_keys": 1}]


def test_live_posts_and_dry_runs_are_separate(store: Store) -> None:
    add(store, "hello", dry=True)

    assert store.said("hello", dry=True)
    assert not store.said("hello", dry=False)


def test_expenses_count_posts_that_may_exist_and_not_refused_ones(store: Store) -> None:
    for number, states in enumerate((("posted",), ("refused",), ("unknown",))):
        post = add(store, f"text {number}", slot=str(number))
        store.move(post, "approved", at=NOON)
        store.move(post, "sending", at=NOON, cost=15_000)
        move_through(store, post, *states)

    assert ledger.spent_since(store, NOON - timedelta(hours=1), dry=False) == 30_000
    assert store.sent_around(NOON, timedelta(hours=1), dry=False) == 2
    assert ledger.spent_since(store, NOON + timedelta(seconds=1), dry=False) == 0


def test_refusals_are_stored_with_their_reason(store: Store) -> None:
    refusals.add(
        store, [(Draft("ha", "h", 7), Reason("empty", "x"))], slot=Slot("a", NOON), dry=True, model="m", at=NOON
    )

    (row,) = refusals.newest(store)

    assert (row["text"], row["reason"], row["detail"], row["seed"]) == ("ha", "empty", "x", 7)


def test_refusals_of_dry_runs_are_separate(store: Store) -> None:
    for dry in (True, False):
        refusals.add(store, [(Draft(f"dry {dry}"), Reason("empty"))], slot=Slot("a", NOON), dry=dry, model="m", at=NOON)

    assert [row["text"] for row in refusals.newest(store, dry=False)] == ["dry False"]
    assert len(refusals.newest(store)) == 2


def test_a_commit_that_fails_leaves_no_transaction_open(store: Store, tmp_path: Path) -> None:
    store._db.conn.execute("PRAGMA busy_timeout = 0")
    add(store, "one", slot="a")
    reader = sqlite3.connect(tmp_path / "history.db", isolation_level=None)
    cursor = reader.execute("SELECT * FROM event")  # an open cursor holds the commit up

    with pytest.raises(StoreError, match="try again"):
        add(store, "two", slot="b")
    cursor.close()
    reader.close()

    assert not store._db.conn.in_transaction
    assert [post.text for post in store.history()] == ["one"]


KILL_IN_COMMIT = """
import os, signal, sys
from pathlib import Path
from bot.history.store import Store
store = Store.open(Path(sys.argv[1]))
store._db.conn.execute("PRAGMA cache_size = 1")  # pages go to the file before the commit
store._db.conn.execute("BEGIN IMMEDIATE")
for number in range(2000):
    store.keep_meta(f"key {number}", "x" * 500)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_reader_sees_a_consistent_history_after_a_kill_during_a_commit(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    with Store.open(path) as store:
        add(store, "one")
    subprocess.run([sys.executable, "-c", KILL_IN_COMMIT, path], check=False, cwd=Path(__file__).parents[2])
    assert path.with_name("history.db-journal").stat().st_size > 0

    with Store.open(path, read_only=True) as reader:
        assert [post.text for post in reader.history()] == ["one"]
        assert reader.meta("key 1") is None


def test_a_reader_changes_nothing(store: Store, tmp_path: Path) -> None:
    post = add(store)

    with Store.open(tmp_path / "history.db", read_only=True) as reader, pytest.raises(StoreError, match="readonly"):
        reader.move(post, "approved", at=NOON)


def test_a_history_of_a_newer_mynah_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    Store.open(path).close()
    with sqlite3.connect(path) as plain:
        plain.execute("INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('mynah', '9999_x', '')")
    plain.close()

    with pytest.raises(StoreError, match=r"newer mynah.*9999_x"):
        Store.open(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"not a database at all, but long enough to be looked at\n" * 30, "no SQLite file"), (None, "state folder")],
    ids=["garbage", "folder"],
)
def test_a_file_that_is_not_a_history_is_one_message(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "history.db"
    path.mkdir() if content is None else path.write_bytes(content)

    with pytest.raises(StoreError, match=message):
        Store.open(path)


def test_a_failed_migration_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "history.db"
    Store.open(path).close()
    monkeypatch.setitem(MIGRATIONS, "9998_wings", "CREATE TABLE wing (span);\nCREATE TABLE refusal (x);\n")

    with pytest.raises(StoreError, match="already exists"):
        Store.open(path)

    with closing(sqlite3.connect(path)) as plain:
        tables = {name for (name,) in plain.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert "wing" not in tables


def test_a_reader_neither_creates_nor_migrates(tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        Store.open(tmp_path / "history.db", read_only=True)

    assert list(tmp_path.iterdir()) == []


def test_a_running_bot_does_not_create_a_new_history(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="state folder"):
        Store.open(tmp_path / "history.db", create=False)

    assert list(tmp_path.iterdir()) == []


def test_a_new_history_is_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        Store.open(tmp_path / "history.db").close()
    finally:
        os.umask(before)

    assert stat.S_IMODE((tmp_path / "history.db").stat().st_mode) == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_a_history_that_root_creates_belongs_to_the_user_of_the_service(tmp_path: Path) -> None:
    os.chown(tmp_path, 1234, 4321)

    Store.open(tmp_path / "history.db").close()

    file = (tmp_path / "history.db").stat()
    assert (file.st_uid, file.st_gid) == (1234, 4321)


def test_a_missing_folder_is_one_message(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="check that the state folder exists and is yours"):
        Store.open(tmp_path / "nowhere" / "history.db")


def test_opening_a_history_that_is_up_to_date_loads_no_sqlite_utils(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    Store.open(path).close()
    code = f"import sys; from pathlib import Path; from bot.history.store import Store; Store.open(Path({str(path)!r}))"

    code += "; sys.exit(any(name in sys.modules for name in ('sqlite_utils', 'torch')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
