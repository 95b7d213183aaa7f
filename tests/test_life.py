"""A bot is ready when its model has spoken, and a long draft is no silence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bot import build
from bot.folder import StateFolder
from bot.life import Life, is_mute
from bot.outbox import Rehearsal
from bot.settings import Settings
from bot.store import Store
from bot.tweets import Draft
from tests.fakes import FakeClock, FakeVoice

if TYPE_CHECKING:
    from pathlib import Path


def life(state: Path, moves_on: Any = lambda: None) -> Life:
    settings = Settings(state=state, voice={"threads": 1, "max_tokens": 32})  # type: ignore[arg-type]
    folder = StateFolder(state)
    Store.open(folder.history).close()
    return Life(
        lambda: settings,
        settings,
        publisher=Rehearsal(),
        folder=folder,
        about={},
        every=None,
        moves_on=moves_on,
        clock=FakeClock(),
    )


def test_a_model_speaks_before_anybody_is_told_that_the_bot_is_ready(state: Path) -> None:
    moves: list[int] = []

    born = life(state, lambda: moves.append(1))

    assert born.voice.name == "20261120T120000Z-0000"
    assert moves  # it has said something, and was heard while it did


class Parrot(FakeVoice):
    """Says what it was given, whatever it is asked."""

    def __init__(self, *drafts: Draft) -> None:
        super().__init__()
        self._drafts = drafts

    def draft(self, *_: object, **__: object) -> list[Draft]:
        return list(self._drafts)


@pytest.mark.parametrize(
    ("drafts", "mute"),
    [
        ([Draft("Hm.", likelihood=-1.0), Draft("", likelihood=-2.0)], False),
        ([Draft("", likelihood=-1.0), Draft("", likelihood=-1.0)], True),
        ([Draft("Hm.", likelihood=float("nan")), Draft("Hm.", likelihood=-1.0)], True),
    ],
    ids=["words", "nothing", "no number"],
)
def test_a_model_that_says_nothing_is_none(drafts: list[Draft], mute: bool) -> None:
    assert is_mute(Parrot(*drafts)) is mute


def test_a_draft_tells_that_it_grows_and_says_the_same(state: Path) -> None:
    moves: list[int] = []
    settings = Settings(voice={"threads": 1, "max_tokens": 32})  # type: ignore[arg-type]
    folder = state / "models" / "20261120T120000Z-0000"
    silent, heard = build.voice(folder, settings), build.voice(folder, settings, lambda: moves.append(1))

    assert heard.draft("", n=3, seed=5) == silent.draft("", n=3, seed=5)
    assert len(moves) >= 3


def test_a_reload_does_not_forget_when_the_last_post_left(state: Path) -> None:
    born = life(state)
    born.now.outbox._last_sent = 900.0
    before = born.now.outbox

    born.reload()

    assert born.now.outbox is not before
    assert born.now.outbox._last_sent == 900.0
