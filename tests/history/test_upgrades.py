"""Histories and libraries of every version are opened, migrated and used; tests/history/stores/ has one of each.

They were made by those versions themselves and written out as SQL (`sqlite3.Connection.iterdump`), with posts in every
state that lasts. Who adds a migration adds the store of before it.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bot.cli import main
from bot.errors import NoRoom, StoreError
from bot.history import store as stores
from bot.history.store import Store
from bot.values import Draft, Slot
from tests.fakes import NOON
from tests.limits import files_up_to
from training.library.library import MIGRATIONS as OF_LIBRARY
from training.library.library import Library
from training.sources.sample import ARCHIVE

STORES = Path(__file__).parent / "stores"
HISTORIES = sorted(STORES.glob("history-*.sql"))
OLDER = [path for path in HISTORIES if int(path.stem[-4:]) < len(stores.MIGRATIONS)]
LIBRARIES = sorted(STORES.glob("library-*.sql"))


def load_dump(dump: Path, path: Path) -> Path:
    with closing(sqlite3.connect(path)) as plain:
        plain.executescript(dump.read_text(encoding="utf-8"))
    return path


def rows(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """The rows of each table except those of the migrations."""
    with closing(sqlite3.connect(path)) as plain:
        names = [name for (name,) in plain.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: plain.execute(f"SELECT * FROM {name}").fetchall() for name in names if not name.startswith("_")}


def shape(path: Path) -> set[tuple[str, str, str]]:
    """The SQL of every table, index, trigger and view, and the legal moves."""
    with closing(sqlite3.connect(path)) as plain:
        objects = plain.execute("SELECT type, name, coalesce(sql, '') FROM sqlite_master").fetchall()
        has_moves = any(name == "legal_move" for _, name, _ in objects)
        moves = plain.execute("SELECT 'move', before, after FROM legal_move").fetchall() if has_moves else []
        return {(kind, name, " ".join(sql.split())) for kind, name, sql in (*objects, *moves)}


@pytest.mark.parametrize("dump", HISTORIES, ids=lambda path: path.stem)
def test_a_history_of_every_version_is_migrated_and_loses_nothing(dump: Path, tmp_path: Path) -> None:
    file = load_dump(dump, tmp_path / "history.db")
    before = rows(file)

    with Store.open(file) as store:
        assert store.damage() == []
        assert {post.state for post in store.history()} >= {
            "posted",
            "refused",
            "abandoned",
            "expired",
            "unknown",
            "dry",
        }
    after = rows(file)
    Store.open(tmp_path / "new.db").close()

    kept = before.keys() - {"legal_move", "nearness"}  # a list of moves, and an index
    assert all(after[name][: len(before[name])] == before[name] for name in kept)
    assert shape(file) == shape(tmp_path / "new.db")


@pytest.mark.parametrize("dump", HISTORIES, ids=lambda path: path.stem)
def test_a_migrated_history_is_usable(dump: Path, tmp_path: Path) -> None:
    with Store.open(load_dump(dump, tmp_path / "history.db")) as store:
        assert store.said("rain on the glass roof is music.", dry=False)
        (unknown,) = store.posts_in("unknown", dry=False)
        store.move(unknown.id, "abandoned", at=NOON)
        post = store.add_draft(
            Draft("Something new."), slot=Slot("n", NOON), norm="n", length=14, dry=False, model="m", at=NOON
        )  # fmt: skip
        for state in ("approved", "sending", "posted"):
            store.move(post, state, at=NOON, x_id="9" if state == "posted" else None)

        assert store.post(post).state == "posted"
        assert store.damage() == []


@pytest.mark.parametrize("dump", LIBRARIES, ids=lambda path: path.stem)
def test_a_library_of_every_version_is_migrated_and_loses_nothing(dump: Path, tmp_path: Path) -> None:
    file = load_dump(dump, tmp_path / "library.db")
    before = rows(file)

    with Library.open(file) as library:
        assert [tweet.text for tweet in library.archive("magpie").tweets] == ["Caw.", "A pigeon asked me the way ☔"]
    Library.open(tmp_path / "new.db").close()

    after = rows(file)
    assert all(new[: len(old)] == old for name in before for new, old in zip(after[name], before[name], strict=True))
    assert shape(file) == shape(tmp_path / "new.db")


@pytest.fixture
def wings(monkeypatch: pytest.MonkeyPatch) -> None:
    """One more migration of the library."""
    monkeypatch.setitem(OF_LIBRARY, "9998_wings", "CREATE TABLE wing (span INTEGER NOT NULL) STRICT;")


@pytest.mark.usefixtures("wings")
def test_an_older_library_is_copied_before_it_is_migrated(tmp_path: Path) -> None:
    file = load_dump(LIBRARIES[-1], tmp_path / "library.db")
    before, rows_before = shape(file), rows(file)

    assert (
        main(["--state", str(tmp_path), "forget", "@rook", "--yes"]) == 1
    )  # it opens the library for writing, and there is no rook in it

    copy = tmp_path / "backups" / "library-before-9998_wings.db"
    assert (shape(copy), rows(copy)) == (before, rows_before)
    assert shape(file) - before == {("table", "wing", "CREATE TABLE wing (span INTEGER NOT NULL) STRICT")}


def test_an_older_library_is_migrated_when_it_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    load_dump(LIBRARIES[0], tmp_path / "library.db")

    assert main(["--state", str(tmp_path), "library"]) == 0

    assert "@magpie" in capsys.readouterr().out
    assert (tmp_path / "backups" / "library-before-0002_parent.db").exists()
    assert not Library.is_older(tmp_path / "library.db")


@pytest.mark.usefixtures("wings")
def test_without_a_copy_a_library_is_not_migrated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = load_dump(LIBRARIES[-1], tmp_path / "library.db")
    before = shape(file)
    (tmp_path / "backups").write_text("in the way")

    assert main(["--state", str(tmp_path), "forget", "@magpie", "--yes"]) == 1
    assert "backups" in capsys.readouterr().err
    assert shape(file) == before


def test_a_new_library_has_nothing_to_copy(tmp_path: Path) -> None:
    assert main(["--state", str(tmp_path), "import", str(ARCHIVE)]) == 0
    assert not (tmp_path / "backups").exists()


def test_the_stores_include_one_from_before_the_newest_migration() -> None:
    """A reminder for whoever adds a migration."""
    newest = [max(migrations) for migrations in (stores.MIGRATIONS, OF_LIBRARY)]
    numbers = [max(int(re.sub(r"\D", "", path.stem)) for path in paths) for paths in (HISTORIES, LIBRARIES)]

    assert all(number >= int(name[:4]) - 1 for number, name in zip(numbers, newest, strict=True))


@pytest.mark.parametrize("dump", OLDER, ids=lambda path: path.stem)
def test_a_migration_on_a_full_disk_leaves_the_old_history_intact(dump: Path, tmp_path: Path) -> None:
    """Half a page more each time, until it succeeds."""
    file = load_dump(dump, tmp_path / "history.db")
    before = rows(file), shape(file)
    failures, size = 0, 512

    while True:
        try:
            with files_up_to(size):
                Store.open(file).close()
        except NoRoom:
            failures += 1
            assert (rows(file), shape(file)) == before
        else:
            break
        size += 2048

    assert failures > 30
    with Store.open(file) as store:
        assert store.damage() == []


@pytest.mark.parametrize("dump", OLDER, ids=lambda path: path.stem)
def test_without_a_copy_a_history_is_not_migrated(dump: Path, tmp_path: Path) -> None:
    file = load_dump(dump, tmp_path / "history.db")
    before = shape(file)
    (tmp_path / "backups").write_text("in the way")

    with pytest.raises(StoreError, match="backups"):
        Store.open(file)

    assert shape(file) == before
