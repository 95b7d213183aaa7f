"""`mynah forget` leaves nothing of a person, says what it could not read, and can be run again."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.history import refusals
from bot.history.store import Store
from bot.values import Draft, Reason, Slot
from tests.installed import mynah
from tests.training.retraining.runs import TEXTS
from training.errors import ModelError
from training.models import model_dir, registry
from training.retraining.job import Job
from training.retraining.prepare import prepare
from training.sources import recognise
from training.sources.sample import ARCHIVE

ROOT = Path(__file__).parents[2]
CANARY = "Zephyrine quaffs nineteen purple omnibuses."
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LEARNT, OTHER = "20261121T120000Z-0001", "20261122T120000Z-0002"


@pytest.fixture
def planted(state: Path) -> Path:
    """A state folder with the canary wherever a tweet may end up."""
    (state.parent / "said.txt").write_text(f"{CANARY}\nIt rains.\n")
    assert mynah("import", state.parent / "said.txt", "--as", "magpie", state=state).returncode == 0
    version(state, LEARNT, "magpie", "rook")
    version(state, OTHER, "rook")
    with Store.open(state / "history.db") as store:
        plant_refusals(store)
    assert mynah("backup", state=state).returncode == 0
    for name in ("models/unfinished/checkpoint.pt", "models/x.tmp", "wandb/run/tweets.jsonl", "library.db.coming"):
        (state / name).parent.mkdir(parents=True, exist_ok=True)
        (state / name).write_text(CANARY)
    return state


def version(state: Path, name: str, *authors: str) -> None:
    models = state / "models"
    folder = shutil.copytree(models / (models / "current").readlink(), models / name)
    content = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(content | {"authors": authors}))
    (folder / "card.md").write_text(CANARY if "magpie" in authors else "")


def plant_refusals(store: Store) -> None:
    slot = Slot("a", NOW)
    quoting = Draft("Purple."), Reason("copied", f"the whole of a tweet: {CANARY}")
    refusals.add(store, [quoting], slot=slot, dry=True, model=OTHER, at=NOW)
    refusals.add(store, [(Draft(CANARY), Reason("vulgar", ""))], slot=slot, dry=True, model=LEARNT, at=NOW)
    refusals.add(store, [(Draft("Kept."), Reason("vulgar", ""))], slot=slot, dry=True, model=OTHER, at=NOW)


def with_canary(folder: Path) -> list[str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return sorted(str(path.relative_to(folder)) for path in files if CANARY.encode() in path.read_bytes())


def test_a_forgotten_person_is_in_no_byte_of_the_state_folder(planted: Path, tmp_path: Path) -> None:
    elsewhere = {"MYNAH_BACKUP__FOLDER": str(tmp_path / "elsewhere")}  # set since the backup in the state folder
    assert mynah("backup", state=planted, **elsewhere).returncode == 0
    assert len(with_canary(planted)) >= 8

    result = mynah("forget", "@magpie", "--yes", "--delete-models", state=planted, **elsewhere)

    assert result.returncode == 0, result.stderr
    assert (with_canary(planted), with_canary(tmp_path / "elsewhere")) == ([], [])
    with Store.open(planted / "history.db") as store:
        assert [row["text"] for row in refusals.newest(store)] == ["Kept."]
    assert LEARNT not in [each.name for each in registry.versions(planted / "models")]
    assert len(list((planted / "backups").glob("history-*.db"))) == 1


# A training of a new tokenizer, whose tokens are the person's words; it kills itself after a checkpoint.
KILLED = """
import os, signal, sys
from itertools import count
from pathlib import Path
from tests.training.retraining import runs
from training.retraining.job import Monitor
from training.retraining.retrain import retrain

def report(progress):
    if (progress.stage, progress.done) == ("train", 3):
        os.kill(os.getpid(), signal.SIGKILL)

seconds, state = count(), Path(sys.argv[1])
texts = (state.parent / "said.txt").read_text().splitlines()
watch = Monitor(report, seconds=lambda: float(next(seconds)), due=lambda: True)
retrain(lambda: (runs.archive("magpie", texts),), runs.small(state / "models"), watch, now=runs.NOON)
"""


def test_a_training_that_was_killed_keeps_nothing_of_a_forgotten_person(tmp_path: Path) -> None:
    state = tmp_path / "state"
    (tmp_path / "said.txt").write_text("\n".join([*(f"{CANARY} {number}" for number in range(40)), *TEXTS]) + "\n")
    assert mynah("import", tmp_path / "said.txt", "--as", "magpie", state=state).returncode == 0
    killed = subprocess.run([sys.executable, "-c", KILLED, state], capture_output=True, check=False, cwd=ROOT)
    left = [path.name for path in (state / "models").rglob("*")]

    result = mynah("forget", "@magpie", "--yes", "--delete-models", state=state)

    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert "checkpoint.pt" in left
    assert result.returncode == 0, result.stderr
    assert with_canary(state) == []
    words = {word.strip(".").encode() for word in CANARY.split()}
    assert [path for path in state.rglob("*") if path.is_file() and any(map(path.read_bytes().count, words))] == []


def test_a_damaged_backup_is_named_and_a_second_try_finishes(planted: Path) -> None:
    (damaged,) = (planted / "backups").glob("library-*.db")
    intact = shutil.copy(damaged, damaged.with_name("library-20200101T000000Z.db"))
    damaged.write_bytes(b"\0" * 4096 + CANARY.encode())

    first = mynah("forget", "@magpie", "--yes", "--delete-models", state=planted)
    left = with_canary(planted)
    damaged.unlink()
    second = mynah("forget", "@magpie", "--yes", "--delete-models", state=planted)

    assert first.returncode == 1
    assert f"not readable, so it may still have them: {damaged}" in first.stdout
    assert left == [str(damaged.relative_to(planted))]
    assert not os.path.lexists(intact)
    assert second.returncode == 1
    assert "@magpie is not in the library" in second.stderr


def test_nothing_is_touched_while_a_training_is_at_work(planted: Path) -> None:
    before = with_canary(planted)
    handle = os.open(planted / "models", os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)

    result = mynah("forget", "@magpie", "--yes", state=planted)
    os.close(handle)

    assert result.returncode == 75
    assert with_canary(planted) == before


def test_models_are_kept_without_the_option_and_no_training_continues_from_them(planted: Path) -> None:
    registry.promote(planted / "models" / LEARNT)

    first = mynah("forget", "@magpie", "--yes", state=planted)

    assert first.returncode == 0, first.stderr
    assert f"model {LEARNT} was trained on them and is in use" in first.stdout
    with pytest.raises(ModelError, match="learnt the tweets of somebody who was forgotten"):
        prepare(lambda: [recognise.read(ARCHIVE)], replace(Job(planted / "models"), begin="current"), lambda _: None)
    second = mynah("forget", "@magpie", "--yes", "--delete-models", state=planted)
    assert second.returncode == 0
    assert registry.current(planted / "models") is None


def test_a_version_that_does_not_say_what_it_learnt_is_named(planted: Path) -> None:
    (planted / "models" / OTHER / model_dir.MANIFEST).write_text("{}")

    result = mynah("forget", "@magpie", "--yes", "--delete-models", state=planted)

    assert result.returncode == 1
    assert f"may still have them: {planted / 'models' / OTHER}" in result.stdout


def test_old_refusals_are_deleted(tmp_path: Path) -> None:
    slot, refusal = Slot("a", NOW), (Draft(CANARY), Reason("vulgar", ""))
    with Store.open(tmp_path / "history.db") as store:
        refusals.add(store, [refusal], slot=slot, dry=True, model="m", at=NOW)
        refusals.add(store, [(Draft("New."), refusal[1])], slot=slot, dry=True, model="m", at=NOW + refusals.KEPT * 1.1)

        assert [row["text"] for row in refusals.newest(store)] == ["New."]
        assert len(store.rows("SELECT * FROM nearness")) == 1
    assert with_canary(tmp_path) == []


def test_a_plan_says_what_there_is_and_changes_nothing(planted: Path) -> None:
    before = sorted(path for path in planted.rglob("*") if path.is_file())

    planned = mynah("forget", "@magpie", "--plan", state=planted)

    assert planned.returncode == 0, planned.stderr
    assert planned.stdout.splitlines() == [
        "@magpie: 2 tweets in the library, 0 mentions in the history",
        f"models that learnt them: {LEARNT}",
        "backups: 1 of the library with their tweets, 1 of the history",
        "refused drafts that quote tweets, unfinished trainings, and the statement of consent go too",
        "nothing was changed",
    ]
    assert sorted(path for path in planted.rglob("*") if path.is_file()) == before
