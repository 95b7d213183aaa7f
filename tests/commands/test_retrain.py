"""`mynah retrain` as installed: it backs up the library and the history before it trains."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from bot.history import backup
from bot.history.store import Store
from tests.installed import MYNAH, environment, mynah
from training.library.library import Library
from training.sources.sample import ARCHIVE

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A state folder with a history and a library."""
    imported = mynah("import", ARCHIVE, state=tmp_path / "state")
    assert imported.returncode == 0, imported.stderr
    with Store.open(tmp_path / "state" / "history.db") as store:
        store.keep_meta("mark", "before the training")
    return tmp_path / "state"


def test_a_backup_is_made_before_the_tweets_are_read(folder: Path) -> None:
    training = subprocess.Popen(
        [MYNAH, "--state", folder, "retrain"], stderr=subprocess.PIPE, text=True, env=environment()
    )
    assert training.stderr is not None
    first = training.stderr.readline()
    training.kill()
    training.communicate()

    history, library = (copy.path for copy in backup.copies(folder / "backups"))
    assert first == "  reading the tweets\n"
    assert [backup.kind_of(path) for path in (history, library)] == ["history", "library"]
    with Store.open(history, read_only=True) as store, Library.open(library, read_only=True) as library_:
        assert store.meta("mark") == "before the training"
        assert [author.tweets > 700 for author in library_.authors()] == [True]
    assert not any((folder / "models").glob("2*"))


def test_a_failed_backup_is_reported_and_does_not_stop_the_training(folder: Path) -> None:
    (folder / "backups").write_text("in the way")
    (folder / "config.toml").write_text('[training]\nauthors = ["nobody"]\n')

    result = mynah("--config", folder / "config.toml", "retrain", state=folder)

    assert result.returncode == 78
    backup_, training = (line for line in result.stderr.splitlines() if line.startswith("mynah: "))
    assert backup_.startswith("mynah: there is no backup from before this training")
    assert training.startswith("mynah: training.authors: the library has no tweets")
