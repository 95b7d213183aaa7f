"""`mynah retrain` as installed: it backs up the library and the history before it trains."""

from __future__ import annotations

import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from bot.commands.retrain import _interruptible
from bot.history import backup
from bot.history.store import Store
from tests.installed import MYNAH, environment, mynah
from training.errors import Stopped
from training.library.library import Library
from training.models.registry import UNFINISHED
from training.retraining.job import Job
from training.retraining.retrain import CHECKPOINT
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


class Bar:
    """What `_interruptible` knows of the bar of a training."""

    def __init__(self, stage: str) -> None:
        self.stage = stage
        self.warnings: list[str] = []

    def warn(self, sentence: str) -> None:
        self.warnings.append(sentence)


def test_the_first_ctrl_c_lets_a_step_end_and_says_where_the_training_goes_on(tmp_path: Path) -> None:
    bar, before = Bar("train"), signal.getsignal(signal.SIGINT)

    with (  # noqa: PT012  what happens inside is the point
        pytest.raises(KeyboardInterrupt, match="after step 2 of 4; the same command goes on from there"),
        _interruptible(bar, Job(tmp_path)) as stops,  # type: ignore[arg-type]
    ):
        signal.raise_signal(signal.SIGINT)
        assert stops()
        raise Stopped("stopped after step 2 of 4")

    assert bar.warnings == ["stopping after this step, to go on from it later; Ctrl-C again stops at once"]
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize(
    ("checkpoint", "sentence"), [(True, "goes on from its last checkpoint"), (False, "starts over")]
)
def test_ctrl_c_in_another_stage_is_at_once(tmp_path: Path, *, checkpoint: bool, sentence: str) -> None:
    if checkpoint:
        (tmp_path / UNFINISHED).mkdir()
        (tmp_path / UNFINISHED / CHECKPOINT).touch()

    with pytest.raises(KeyboardInterrupt, match=sentence), _interruptible(Bar("judge"), Job(tmp_path)):  # type: ignore[arg-type]
        signal.raise_signal(signal.SIGINT)
