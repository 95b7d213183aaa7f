"""Blind tests: the interval, what it means, and the file beside the model folder."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from training.errors import ModelError
from training.judge import blind_test
from training.judge.blind_test import BlindTest, interval, meaning
from training.models import registry

if TYPE_CHECKING:
    from pathlib import Path

TEST = BlindTest("2026-11-30T12:00:00.000Z", seed=3, texts=20, right=13, posts=10, believed=4)


@pytest.fixture
def version(tmp_path: Path) -> Path:
    folder = registry.new_version(tmp_path, now=datetime(2026, 11, 30, tzinfo=UTC), seed=0)
    folder.mkdir()
    return folder


@pytest.mark.parametrize(
    ("right", "texts", "low", "high"),
    [
        # as R's binom::binom.wilson gives them
        pytest.param(10, 20, 0.299, 0.701, id="a half"),
        pytest.param(20, 20, 0.839, 1.0, id="all"),
        pytest.param(0, 20, 0.0, 0.161, id="none"),
        pytest.param(0, 0, 0.0, 1.0, id="nobody was asked"),
    ],
)
def test_the_interval_is_wilsons(right: int, texts: int, low: float, high: float) -> None:
    assert interval(right, texts) == pytest.approx((low, high), abs=5e-4)


@pytest.mark.parametrize(
    ("right", "words"), [(14, "Guessing could give the same"), (15, "more than guessing"), (5, "less than guessing")]
)
def test_the_meaning_follows_from_the_interval_and_not_from_the_share(right: int, words: str) -> None:
    assert words in meaning(right, 20)


def test_tests_are_added_up(version: Path) -> None:
    blind_test.keep(version, TEST)
    blind_test.keep(version, TEST)

    assert blind_test.read(version) == [TEST, TEST]
    assert blind_test.total(blind_test.read(version)) == (26, 40)
    assert [path.name for path in version.parent.iterdir() if path != version] == [f"{version.name}.blindtest.json"]


def test_a_file_that_is_not_ours_gives_one_sentence(version: Path) -> None:
    version.with_name(f"{version.name}.blindtest.json").write_text('{"tests": [{"right": []}]}')

    with pytest.raises(ModelError, match=r"blindtest.json is not readable .* move it away"):
        blind_test.read(version)


def test_a_link_is_replaced_and_not_followed(version: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("somebody else's")
    version.with_name(f"{version.name}.blindtest.json.tmp").symlink_to(other)

    blind_test.keep(version, TEST)

    assert other.read_text() == "somebody else's"
    assert blind_test.read(version) == [TEST]


def test_the_results_of_a_version_are_deleted_with_it(version: Path) -> None:
    blind_test.keep(version, TEST)
    newer = version.with_name("20261201T000000Z-0000")
    newer.mkdir()

    removed = registry.prune(version.parent, keep=1)

    assert removed == [version.name]
    assert list(version.parent.iterdir()) == [newer]
