"""Posts as the bot would choose them, with a real model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.config.settings import ScreenLists, Settings
from bot.running import preview
from tests.fakes import FakeClock
from tests.installed import SENTENCES

if TYPE_CHECKING:
    from pathlib import Path

VERSION = "20261120T120000Z-0000"


def test_the_posts_pass_the_screen_and_none_comes_twice(talker: Path) -> None:
    posts = list(preview.posts(talker / VERSION, Settings(), FakeClock(), count=4, seed=0))

    assert len(set(posts)) == 4
    assert set(posts) <= set(SENTENCES)


def test_the_same_seed_gives_the_same_posts(talker: Path) -> None:
    first, second, other = (
        list(preview.posts(talker / VERSION, Settings(), FakeClock(), count=3, seed=seed)) for seed in (1, 1, 2)
    )

    assert first == second != other


def test_where_the_screen_refuses_the_drafts_there_are_fewer_posts(talker: Path) -> None:
    settings = Settings(screen=ScreenLists(deny=("the", "is", "a", "in")))

    assert list(preview.posts(talker / VERSION, settings, FakeClock(), count=1, seed=0)) == []


def test_a_live_bots_history_is_neither_read_nor_written(talker: Path, tmp_path: Path) -> None:
    settings = Settings(live=True, state=tmp_path)

    list(preview.posts(talker / VERSION, settings, FakeClock(), count=1, seed=0))

    assert list(tmp_path.iterdir()) == []
