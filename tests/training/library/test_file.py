"""The library as a file: durable, private, intact after a kill, and one writer at a time."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.training.holding import NOW, A, B, add, counts, some, texts, tweet
from training.errors import LibraryError, OutOfRoom, StateBusy
from training.library.library import Library

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "library.db"


@pytest.fixture
def library(path: Path) -> Iterator[Library]:
    with Library.open(path) as library:
        yield library


def test_the_file_is_private_and_opened_as_durably_as_the_history(path: Path) -> None:
    with Library.open(path) as library:
        pragmas = {
            name: library._db.conn.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete", "busy_timeout")
        }

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert pragmas == {
        "journal_mode": "truncate", "synchronous": 3, "foreign_keys": 1, "secure_delete": 1, "busy_timeout": 5000,
    }  # fmt: skip


def test_several_imports_are_one_when_asked(library: Library) -> None:
    add(library, some(A))

    def two() -> None:
        with library.atomic():
            add(library, some(B))
            library.archive("rook")

    with pytest.raises(LibraryError):
        two()

    assert texts(library) == ["a"]


def test_a_reader_makes_and_changes_nothing(path: Path) -> None:
    with pytest.raises(LibraryError, match=r"no library at .*library\.db yet: `mynah import` begins one"):
        Library.open(path, read_only=True)
    assert not path.exists()
    with Library.open(path) as library:
        add(library, some(A))

    with Library.open(path, read_only=True) as library:
        assert texts(library) == ["a"]
        with pytest.raises(LibraryError, match="readonly"):
            add(library, some(B))


KILLED = """
import sys
from pathlib import Path
from datetime import UTC, datetime
from training.library.library import Library
from training.sources.archive import Archive
from training.sources.tweets import Tweet

tweets = tuple(Tweet(str(number), "magpie", f"number {number} " * 20) for number in range(1, 20_000))
with Library.open(Path(sys.argv[1])) as library, library.atomic():
    if sys.argv[2] == "spill":
        library._db.conn.execute("PRAGMA cache_spill = 10")
        library._db.conn.execute("PRAGMA cache_size = 10")
    library.add(Archive("magpie", "Ms Magpie", tweets), source="x", at=datetime.now(UTC))
    print("in the middle", flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("how", ["as it is", "spill"])
def test_killed_during_an_import_it_is_unchanged(path: Path, how: str) -> None:
    with Library.open(path) as library:
        add(library, some(A))
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, path, how], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "in the middle\n"
        child.send_signal(signal.SIGKILL)

    with Library.open(path, read_only=True) as library:
        assert texts(library) == ["a"]
    with Library.open(path) as library:
        assert counts(add(library, some(B))) == (1, 0, 0)
        assert library._db.conn.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_second_import_is_refused_and_a_reader_sees_the_old_state(path: Path, library: Library) -> None:
    add(library, some(A))
    with Library.open(path) as other:
        other._db.conn.execute("PRAGMA busy_timeout = 1")
        with library.atomic():
            add(library, some(*(tweet(day, "b" * 200) for day in range(5_000))))

            with pytest.raises(StateBusy, match=r"Another import is at work on .*library\.db"):
                add(other, some(B))
            with Library.open(path, read_only=True) as reader:
                assert texts(reader) == ["a"]


def test_a_full_disk_is_one_error_message_and_changes_nothing(path: Path, library: Library) -> None:
    add(library, some(A))
    library._db.conn.execute("PRAGMA max_page_count = 30")

    with pytest.raises(OutOfRoom, match=r"The disk of .* is full: make room and try again"):
        add(library, some(*(tweet(day, "b" * 200) for day in range(5_000))))

    assert texts(library) == ["a"]


def test_a_library_of_a_newer_program_is_refused(path: Path) -> None:
    Library.open(path).close()
    plain = sqlite3.connect(path)
    plain.execute(
        "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('library', '0009_wings', '')"
    )
    plain.commit()
    plain.close()

    with pytest.raises(LibraryError, match=r"made by a newer mynah \(it knows 0009_wings\): upgrade this one"):
        Library.open(path)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"once upon a time " * 100, "is not a database; this is no library: move it away and import again"),
        (b"SQLite format 3\0" + b"\0" * 4096, "move it away and import again"),
    ],
    ids=["text", "zeros"],
)
def test_a_file_that_is_not_a_library_is_one_error_message(path: Path, content: bytes, complaint: str) -> None:
    path.write_bytes(content)

    with pytest.raises(LibraryError, match=complaint):
        Library.open(path)

    assert path.read_bytes() == content


def test_a_missing_folder_is_one_error_message(tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match="cannot be opened: No such file or directory; choose another folder"):
        Library.open(tmp_path / "nowhere" / "library.db")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_a_file_that_root_creates_for_a_service_belongs_to_its_user(path: Path) -> None:
    os.chown(path.parent, 1234, 4321)

    Library.open(path).close()

    assert (path.stat().st_uid, path.stat().st_gid) == (1234, 4321)


def test_a_file_name_that_is_not_unicode_can_be_a_source(library: Library) -> None:
    library.add(some(A), source="bad\udcff.zip", at=NOW)

    (magpie,) = library.authors()
    assert magpie.imports[0].source == "bad\ufffd.zip"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_library_is_one_error_message(path: Path, library: Library) -> None:
    path.chmod(0o400)

    with pytest.raises(LibraryError, match=r"library\.db.*read-?only"), Library.open(path) as other:
        add(other, some(A))


def test_to_import_the_library_loads_no_torch() -> None:
    code = "import sys, training.library.library; sys.exit('torch' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
