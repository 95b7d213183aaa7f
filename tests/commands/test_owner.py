"""Root in the folder of a bot that was taken over: nothing of root's is written, read or given away."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bot.config.state_dir import StateDir
from bot.history.store import Store
from tests.as_another import BOT, give, mynah_as_root

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
SECRET = "a line that only root may read or write\n"


@pytest.fixture(params=[0o755, 0o700], ids=["in a folder for all", "in a folder for root, as systemd's"])
def bot_folder(request: pytest.FixtureRequest, talker: Path) -> Iterator[Path]:
    """A state folder of the bot's user, with two versions of a model."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        Path(name).chmod(0o755)
        parent = Path(name) / "private"
        parent.mkdir(mode=request.param)
        parent.chmod(request.param)
        state = parent / "NAME"
        shutil.copytree(talker, state / "models", symlinks=True)
        first = (state / "models" / "current").readlink()
        shutil.copytree(state / "models" / first, state / "models" / "20270101T000000Z-0001")
        Store.open(state / "history.db").close()
        state.chmod(0o700)
        give(state)
        yield state


@pytest.fixture
def prize(tmp_path: Path) -> Path:
    """A file of root's that the bot would like to have changed."""
    path = tmp_path / "cron"
    path.write_text(SECRET)
    path.chmod(0o600)
    return path


def link(path: Path, target: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(target)
    os.chown(path, BOT, BOT, follow_symlinks=False)


def test_a_link_in_the_place_of_a_temporary_file_makes_root_write_nothing(bot_folder: Path, prize: Path) -> None:
    models = bot_folder / "models"
    missing = prize.with_name("made")
    link(models / "current", Path("x\n* * * * * root reboot"))
    for target in (prize, missing):
        link(models / "before.tmp", target)
        link(models / "current.tmp", target)
        promoted = mynah_as_root("promote", "20270101T000000Z-0001", state=bot_folder)

        assert "does not name a version" in promoted.stderr
    assert prize.read_text() == SECRET
    assert not missing.exists()


def test_promote_and_rollback_replace_links_that_are_in_their_way(bot_folder: Path, prize: Path) -> None:
    models = bot_folder / "models"
    for name in ("before.tmp", "current.tmp"):
        link(models / name, prize)

    promoted = mynah_as_root("promote", "20270101T000000Z-0001", state=bot_folder)
    for name in ("before.tmp", "current.tmp"):
        link(models / name, prize)
    returned = mynah_as_root("rollback", state=bot_folder)

    assert (promoted.returncode, returned.returncode) == (0, 0), promoted.stderr + returned.stderr
    assert prize.read_text() == SECRET
    assert {path.lstat().st_uid for path in bot_folder.rglob("*")} == {BOT}


def test_a_link_in_the_place_of_the_holder_makes_root_write_nothing(bot_folder: Path, prize: Path) -> None:
    link(bot_folder / "holder.json", prize)

    result = mynah_as_root("post", "A bell hums.", "--dry-run", state=bot_folder)

    assert "holder.json cannot be written: it is a link, which is not followed" in result.stderr
    assert result.returncode == 1
    assert prize.read_text() == SECRET


@pytest.mark.parametrize("command", [("pause",), ("history",), ("backup",), ("post", "A bell.", "--dry-run")], ids=str)
def test_a_history_that_is_a_link_is_not_opened(bot_folder: Path, tmp_path: Path, command: tuple[str, ...]) -> None:
    other = tmp_path / "other.db"
    Store.open(other).close()
    before, files = other.read_bytes(), sorted(bot_folder.rglob("*"))
    link(bot_folder / "history.db", other)

    result = mynah_as_root(*command, state=bot_folder)

    assert result.returncode in {1, 78}
    assert "Traceback" not in result.stderr
    assert other.read_bytes() == before
    assert {path.name for path in bot_folder.rglob("*") if path not in files} <= {"backups", "holder.json"}


def test_a_file_of_roots_is_not_copied_to_where_the_bot_can_read_it(bot_folder: Path, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "secret.db") as connection:
        connection.execute("CREATE TABLE secret (text)")
    link(bot_folder / "library.db", tmp_path / "secret.db")

    mynah_as_root("backup", state=bot_folder)

    assert list((bot_folder / "backups").glob("library*")) == []


def test_a_folder_of_models_that_leads_elsewhere_leaves_no_file_there(bot_folder: Path, tmp_path: Path) -> None:
    shutil.rmtree(bot_folder / "models")
    elsewhere = tmp_path / "etc"
    elsewhere.mkdir()
    link(bot_folder / "models", elsewhere)
    link(bot_folder / "backups", elsewhere)

    results = [mynah_as_root(*words, state=bot_folder) for words in (("promote", "x"), ("rollback",), ("backup",))]

    assert all(result.returncode for result in results)
    assert list(elsewhere.iterdir()) == []


def test_root_imports_a_file_that_only_root_may_read(bot_folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "tweets.txt"
    file.write_text("A bell hums in the hall.\n")
    file.chmod(0o600)

    result = mynah_as_root("import", file, "--as", "@magpie", state=bot_folder)

    assert result.returncode == 0, result.stderr
    library = (bot_folder / "library.db").stat()
    assert (library.st_uid, stat.S_IMODE(library.st_mode)) == (BOT, 0o600)


def test_keys_of_roots_are_read_before_root_becomes_the_owner(bot_folder: Path, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.mkdir(mode=0o700)
    for name in ("consumer_key", "consumer_secret", "access_token", "access_token_secret"):
        (keys / name).write_text("1-x\n")
        (keys / name).chmod(0o600)

    shown = mynah_as_root("config", state=bot_folder, MYNAH_X__KEYS=str(keys))
    blocked = mynah_as_root("block", "@magpie", state=bot_folder, MYNAH_X__KEYS=str(keys))

    assert (shown.returncode, blocked.returncode) == (0, 0), shown.stderr + blocked.stderr
    assert (bot_folder / "history.db").stat().st_uid == BOT


def test_all_files_are_private_whatever_the_umask_is(bot_folder: Path) -> None:
    before = os.umask(0)
    try:
        (bot_folder / "history.db").chmod(0o644)
        for words in (("post", "A bell hums.", "--dry-run"), ("backup",), ("promote", "20270101T000000Z-0001")):
            result = mynah_as_root(*words, state=bot_folder)
            assert result.returncode == 0, result.stderr
    finally:
        os.umask(before)

    made = [*bot_folder.glob("*.*"), *(bot_folder / "backups").iterdir(), bot_folder / "models" / "before"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in made} == {0o600}


def test_root_refuses_its_own_folder_inside_one_of_somebody_else(tmp_path: Path) -> None:
    parent = tmp_path / "home"
    StateDir(parent / "state").make()
    os.chown(parent, BOT, BOT)

    result = mynah_as_root("pause", state=parent / "state")

    assert result.returncode == 78
    assert f"{parent} belongs to user {BOT}" in result.stderr
    assert list((parent / "state").iterdir()) == []


def test_root_refuses_a_folder_that_everybody_may_write_to(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state").chmod(0o777)

    result = mynah_as_root("pause", state=tmp_path / "state")

    assert result.returncode == 78
    assert "others may write to" in result.stderr


def test_models_that_may_not_be_read_are_one_sentence(bot_folder: Path) -> None:
    (bot_folder / "models").chmod(0)

    results = [mynah_as_root(*words, state=bot_folder) for words in (("models",), ("sample",), ("promote", "x"))]

    for result in results:
        assert result.returncode == 1
        assert "models cannot be read (Permission denied): check its owner" in result.stderr
        assert "Traceback" not in result.stderr
