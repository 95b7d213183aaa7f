"""A bot is ready when its model has spoken, and a long draft is no silence."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from bot.config.settings import Settings
from bot.config.state_dir import StateDir
from bot.errors import StoreError
from bot.history.store import Store
from bot.running import assembly, status
from bot.running.app import App, Process, is_mute
from bot.running.systemd import Notifier
from bot.sending.outbox import DryRunPublisher
from bot.values import Draft
from tests.fakes import NOON, FakeClock, FakeVoice
from tests.limits import files_up_to
from training.models import registry

if TYPE_CHECKING:
    from pathlib import Path


def app(state: Path, keepalive: Any = lambda: None, *, keep_loaded: bool = True) -> App:
    settings = Settings(state=state, voice={"threads": 1, "max_tokens": 32, "keep_loaded": keep_loaded})  # type: ignore[arg-type]
    folder = StateDir(state)
    Store.open(folder.history).close()
    notifier = Notifier(None)
    notifier.keepalive = keepalive  # type: ignore[method-assign]
    process = Process(lambda: settings, folder, about={}, every=None, clock=FakeClock(), notifier=notifier)
    return App(process, settings, DryRunPublisher())


def test_a_model_speaks_before_anybody_is_told_that_the_bot_is_ready(state: Path) -> None:
    moves: list[int] = []

    born = app(state, lambda: moves.append(1))

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
    silent, heard = assembly.voice(folder, settings), assembly.voice(folder, settings, lambda: moves.append(1))

    assert heard.draft("", n=3, seed=5) == silent.draft("", n=3, seed=5)
    assert len(moves) >= 3


def test_a_reload_does_not_forget_when_the_last_post_left(state: Path) -> None:
    born = app(state)
    born.now.outbox._last_sent = 900.0
    before = born.now.outbox

    born.reload()

    assert born.now.outbox is not before
    assert born.now.outbox._last_sent == 900.0


def test_who_looks_is_told_of_a_model_that_broke_while_it_was_put_away(state: Path) -> None:
    models = state / "models"
    shutil.copytree(models / "20261120T120000Z-0000", models / "20261121T120000Z-0001")
    registry.promote(models / "20261121T120000Z-0001")
    born = app(state, keep_loaded=False)
    with StateDir(state).hold({}):
        born.refresh()
        (models / "20261121T120000Z-0001" / "memory.bin").write_bytes(b"something else")
        born.voice.draft("", n=1, seed=0)
        born.refresh()

        told = status.row(Settings(state=state), StateDir(state), NOON)

    assert born.voice.name == "20261120T120000Z-0000"
    assert any("it speaks with 20261120T120000Z-0000" in alert for alert in told["alerts"])


def test_a_reload_takes_a_model_over_that_was_refused_and_then_put_right_in_its_place(state: Path) -> None:
    models = state / "models"
    shutil.copytree(models / "20261120T120000Z-0000", models / "20261121T120000Z-0001")
    registry.promote(models / "20261121T120000Z-0001")
    memory = models / "20261121T120000Z-0001" / "memory.bin"
    memory.rename(models / "away")
    born = app(state)
    before = born.voice.name
    (models / "away").rename(memory)

    born.reload()

    assert (before, born.voice.name) == ("20261120T120000Z-0000", "20261121T120000Z-0001")


def test_what_could_not_be_told_on_a_full_disk_is_told_when_there_is_room(state: Path) -> None:
    born = app(state)
    with files_up_to(0):
        born.announce()
    born.refresh()

    assert json.loads((state / "holder.json").read_text())["speaking"] == born.voice.name


def test_a_reload_is_said_though_others_cannot_be_told_and_they_are_told_when_they_can(state: Path) -> None:
    born = app(state)
    born.announce()
    (state / "holder.json").unlink()
    (state / "holder.json").mkdir()

    with capture_logs() as said, pytest.raises(StoreError):
        born.reload()
    (state / "holder.json").rmdir()
    born.refresh()

    assert [line["event"] for line in said] == ["configuration.reloaded"]
    assert json.loads((state / "holder.json").read_text())["mode"] == "auto"
