"""Files with secrets: complete or missing, and readable by their owner only, whatever happens in between."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from bot.errors import ConfigError, MynahError
from bot.x.tokens import Grant, TokenFile, keep

if TYPE_CHECKING:
    from pathlib import Path

GRANT = Grant("canary-access", "canary-refresh", expires=1.0, account="1", handle="bird")


def test_a_saved_login_is_read_back_and_its_repr_shows_no_secret(tmp_path: Path) -> None:
    file = TokenFile(tmp_path / "not" / "yet" / "oauth2.json")
    file.keep(GRANT)

    assert file.read() == GRANT
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.path.parent.stat().st_mode) == 0o700
    assert "canary" not in repr(file.read())


def test_a_file_is_replaced_atomically_without_leftovers(tmp_path: Path) -> None:
    path = tmp_path / "key"
    keep(path, "old")
    with path.open() as reader:
        keep(path, "new")

        assert reader.read() == "old"  # an open reader still sees the old file
    assert path.read_text() == "new"
    assert [each.name for each in tmp_path.iterdir()] == ["key"]


def test_the_mode_does_not_depend_on_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        keep(tmp_path / "keys" / "key", "secret")
    finally:
        os.umask(before)

    assert stat.S_IMODE((tmp_path / "keys" / "key").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700


def test_a_failed_write_is_one_message_and_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.mkdir()

    with pytest.raises(MynahError, match=r"key cannot be written: .*not saved"):
        keep(path, "canary")

    assert [each.name for each in tmp_path.iterdir()] == ["key"]


def test_before_the_first_login_nothing_is_read(tmp_path: Path) -> None:
    assert TokenFile(tmp_path / "oauth2.json").read() is None


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
def test_a_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    file = TokenFile(tmp_path / "oauth2.json")
    file.keep(GRANT)
    file.path.chmod(mode)

    with pytest.raises(ConfigError, match="chmod 600"):
        file.read()


def test_a_lock_that_cannot_be_opened_is_one_message(tmp_path: Path) -> None:
    with pytest.raises(MynahError, match="cannot be opened"), TokenFile(tmp_path / "no" / "oauth2.json").lock():
        pass


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_files_that_root_writes_for_a_bot_belong_to_the_bot(tmp_path: Path) -> None:
    os.chown(tmp_path, 12345, 12345)
    file = TokenFile(tmp_path / "oauth2.json")

    with file.lock():
        file.keep(GRANT)

    assert {each.stat().st_uid for each in tmp_path.iterdir()} == {12345}


def test_a_lock_that_is_a_link_to_another_file_is_not_opened(tmp_path: Path) -> None:
    other = tmp_path / "elsewhere"
    other.write_text("somebody's")
    (tmp_path / "oauth2.lock").symlink_to(other)

    with pytest.raises(MynahError, match=r"oauth2\.lock cannot be opened"), TokenFile(tmp_path / "oauth2.json").lock():
        pass
