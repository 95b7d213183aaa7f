from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from training.errors import ModelError, StateBusy
from training.models import registry

if TYPE_CHECKING:
    from collections.abc import Callable

    Make = Callable[..., list[Path]]

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.fixture
def make(tmp_path: Path, model_folder: Path) -> Make:
    """Whole versions with the given names."""

    def make_versions(*names: str) -> list[Path]:
        for name in names:
            shutil.copytree(model_folder, tmp_path / name)
        return [tmp_path / name for name in names]

    return make_versions


def break_(version: Path) -> None:
    weights = version / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"?")


def test_a_version_is_named_for_its_time_and_its_seed(tmp_path: Path) -> None:
    assert registry.new_version(tmp_path, now=NOON, seed=0xABCDE).name == "20261120T120000Z-bcde"


def test_there_is_no_current_model_before_the_first(tmp_path: Path) -> None:
    assert registry.current(tmp_path) is None
    assert registry.current(tmp_path / "nowhere") is None


def test_the_version_promoted_last_is_current(make: Make, tmp_path: Path) -> None:
    for version in make("a", "b"):
        registry.promote(version)

    assert registry.current(tmp_path) == tmp_path / "b"


def test_models_may_be_moved_as_a_whole(make: Make, tmp_path: Path) -> None:
    make("old/a")
    registry.promote(tmp_path / "old" / "a")
    (tmp_path / "old").rename(tmp_path / "new")

    assert registry.current(tmp_path / "new") == tmp_path / "new" / "a"


def test_a_missing_current_version_is_an_error(make: Make, tmp_path: Path) -> None:
    registry.promote(make("a")[0])
    shutil.rmtree(tmp_path / "a")

    with pytest.raises(ModelError, match="points to a, which is gone"):
        registry.current(tmp_path)


def test_a_broken_version_is_not_promoted(make: Make, tmp_path: Path) -> None:
    a, b = make("a", "b")
    registry.promote(a)
    break_(b)

    with pytest.raises(ModelError, match=r"model\.safetensors is not what was written"):
        registry.promote(b)
    assert registry.current(tmp_path) == a
    assert registry.before(tmp_path) == []


def test_incomplete_versions_are_removed_and_the_rest_stays(make: Make, tmp_path: Path) -> None:
    registry.promote(make("a")[0])
    (tmp_path / "b.tmp").mkdir()
    (tmp_path / "b.tmp" / "model.safetensors").write_bytes(b"half")
    (tmp_path / "current.tmp").symlink_to("b")

    with registry.hold(tmp_path):
        left = sorted(path.name for path in tmp_path.iterdir())

    assert left == ["a", "current"]


def test_a_rollback_goes_back_step_by_step_and_no_further(make: Make, tmp_path: Path) -> None:
    for version in make("a", "b", "c"):
        registry.promote(version)

    assert [registry.rollback(tmp_path).name for _ in range(2)] == ["b", "a"]
    with pytest.raises(ModelError, match="No earlier version is left"):
        registry.rollback(tmp_path)
    assert registry.current(tmp_path) == tmp_path / "a"


def test_after_a_rollback_the_newer_version_can_be_promoted_again(make: Make, tmp_path: Path) -> None:
    a, b = make("a", "b")
    registry.promote(a)
    registry.promote(b)
    registry.rollback(tmp_path)

    registry.promote(b)

    assert registry.rollback(tmp_path) == a


def test_a_version_promoted_twice_is_rolled_back_once(make: Make, tmp_path: Path) -> None:
    a, b = make("a", "b")
    for version in (a, b, b, a):
        registry.promote(version)

    assert registry.before(tmp_path) == ["b"]


def test_a_rollback_skips_missing_versions_and_refuses_broken_ones(make: Make, tmp_path: Path) -> None:
    a, b, c, d = make("a", "b", "c", "d")
    for version in (a, b, c, d):
        registry.promote(version)
    shutil.rmtree(c)
    break_(b)

    with pytest.raises(ModelError, match="b/model"):
        registry.rollback(tmp_path)
    assert registry.current(tmp_path) == d


def test_killed_between_the_note_and_the_link_nothing_is_lost(make: Make, tmp_path: Path) -> None:
    a, b = make("a", "b")
    registry.promote(a)
    (tmp_path / registry.BEFORE).write_text("a\n")  # as `promote(b)` leaves it when it is killed there

    assert registry.before(tmp_path) == []
    registry.promote(b)
    assert registry.rollback(tmp_path) == a


def test_versions_are_listed_with_what_their_manifests_say(make: Make, tmp_path: Path) -> None:
    a, b, _ = make("a", "b", "c.tmp")
    (tmp_path / "unfinished").mkdir()  # not a version
    (tmp_path / "20261120T120000Z-0000").mkdir()  # it was one
    (b / "tokenizer.json").write_text("{}")
    registry.promote(a)

    versions = registry.versions(tmp_path)

    assert [version.name for version in versions] == ["20261120T120000Z-0000", "a", "b"]
    assert [version.in_use for version in versions] == [False, True, False]
    assert "has no manifest.json" in versions[0].damage
    assert versions[1].manifest is not None
    assert versions[1].manifest.authors == ("stationmynah",)
    assert versions[1].bytes == sum(path.stat().st_size for path in a.iterdir())
    assert "tokenizer.json is not what its manifest says" in versions[2].damage


def test_a_missing_folder_has_no_versions(tmp_path: Path) -> None:
    assert registry.versions(tmp_path / "nowhere") == []
    assert registry.before(tmp_path / "nowhere") == []


@pytest.mark.parametrize(
    ("name", "match"),
    [("20261120T120000Z-0000", "20261120T120000Z-0000"), ("20261121", "20261121T120000Z-0000"), ("current", "a")],
)
def test_a_version_is_found_by_its_name_or_its_beginning(make: Make, tmp_path: Path, name: str, match: str) -> None:
    registry.promote(make("20261120T120000Z-0000", "20261121T120000Z-0000", "a")[2])

    assert registry.find(tmp_path, name) == tmp_path / match


@pytest.mark.parametrize("name", ["", "2026", "b", "..", "../models", "/", "current", "a/", "before"])
def test_no_name_leads_anywhere_else(make: Make, tmp_path: Path, name: str) -> None:
    make("20261120T120000Z-0000", "20261121T120000Z-0000", "a")

    with pytest.raises(ModelError, match=r"`mynah models`|no current model"):
        registry.find(tmp_path, name)


@pytest.mark.parametrize(
    ("keep", "left"),
    [(1, ["b", "c", "e"]), (2, ["b", "c", "d", "e"]), (4, ["b", "c", "d", "e"]), (9, ["a", "b", "c", "d", "e"])],
)
def test_old_versions_are_removed_but_not_the_current_and_the_last(
    make: Make, tmp_path: Path, keep: int, left: list[str]
) -> None:
    a, b, c, *_ = make("a", "b", "c", "d", "e")
    for version in (a, b, c):
        registry.promote(version)
    (tmp_path / "unfinished").mkdir()

    removed = registry.prune(tmp_path, keep=keep)

    assert [version.name for version in registry.versions(tmp_path)] == left
    assert sorted([*removed, *left]) == ["a", "b", "c", "d", "e"]
    assert (tmp_path / "unfinished").is_dir()
    assert registry.rollback(tmp_path) == b


def test_a_second_training_is_refused(tmp_path: Path) -> None:
    with registry.hold(tmp_path), pytest.raises(StateBusy, match="wait until it has finished"), registry.hold(tmp_path):
        pass


def test_a_killed_training_holds_no_lock(tmp_path: Path) -> None:
    program = (
        "import os, pathlib, signal; from training.models import registry\n"
        f"with registry.hold(pathlib.Path({str(tmp_path)!r})): os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-c", program], check=False)

    assert killed.returncode == -signal.SIGKILL
    with registry.hold(tmp_path):
        pass


def test_a_file_in_place_of_the_folder_is_reported(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("")

    with pytest.raises(ModelError, match="cannot hold models"), registry.hold(tmp_path / "models"):
        pass


@pytest.mark.parametrize("make_it", [Path.mkdir, Path.touch], ids=["a folder", "a file"])
def test_a_file_in_place_of_the_link_is_reported_before_the_training(
    tmp_path: Path, make_it: Callable[[Path], None]
) -> None:
    make_it(tmp_path / "current")

    with pytest.raises(ModelError, match=r"current is not a link to a version: move it away"):
        registry.current(tmp_path)
    with pytest.raises(ModelError, match="move it away"), registry.hold(tmp_path):
        pass
    assert (tmp_path / "current").exists()


def test_an_unreadable_list_of_earlier_versions_is_reported_before_the_training(tmp_path: Path) -> None:
    (tmp_path / "before").mkdir()

    with pytest.raises(ModelError, match=r"before cannot be read .*: move it away"), registry.hold(tmp_path):
        pass
