"""Assembling the bot: it is ready once its model has generated text, and a long generation reports progress."""

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


def new_app(state: Path, keepalive: Any = lambda: None, *, keep_loaded: bool = True) -> App:
    settings = Settings(state=state, voice={"threads": 1, "max_tokens": 32, "keep_loaded": keep_loaded})  # type: ignore[arg-type]
    folder = StateDir(state)
    Store.open(folder.history).close()
    notifier = Notifier(None)
    notifier.keepalive = keepalive  # type: ignore[method-assign]
    process = Process(lambda: settings, folder, about={}, every=None, clock=FakeClock(), notifier=notifier)
    return App(process, settings, DryRunPublisher())


def test_the_model_generates_text_before_the_bot_is_ready(state: Path) -> None:
    calls: list[int] = []

    app = new_app(state, lambda: calls.append(1))

    assert app.voice.name == "20261120T120000Z-0000"
    assert calls  # it generated text and reported its progress


class Parrot(FakeVoice):
    """Returns the same drafts for every prompt."""

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
def test_a_model_whose_drafts_are_empty_or_not_numbers_is_mute(drafts: list[Draft], mute: bool) -> None:
    assert is_mute(Parrot(*drafts)) is mute


def test_a_draft_reports_its_progress_without_changing_the_text(state: Path) -> None:
    calls: list[int] = []
    settings = Settings(voice={"threads": 1, "max_tokens": 32})  # type: ignore[arg-type]
    folder = state / "models" / "20261120T120000Z-0000"
    plain, reporting = assembly.voice(folder, settings), assembly.voice(folder, settings, lambda: calls.append(1))

    assert reporting.draft("", n=3, seed=5) == plain.draft("", n=3, seed=5)
    assert len(calls) >= 3


def test_a_reload_keeps_the_time_of_the_last_post(state: Path) -> None:
    app = new_app(state)
    app.now.outbox._last_sent = 900.0
    before = app.now.outbox

    app.reload()

    assert app.now.outbox is not before
    assert app.now.outbox._last_sent == 900.0


def test_status_reports_a_model_that_was_damaged_while_it_was_unloaded(state: Path) -> None:
    models = state / "models"
    shutil.copytree(models / "20261120T120000Z-0000", models / "20261121T120000Z-0001")
    registry.promote(models / "20261121T120000Z-0001")
    app = new_app(state, keep_loaded=False)
    with StateDir(state).hold({}):
        app.refresh()
        (models / "20261121T120000Z-0001" / "memory.bin").write_bytes(b"something else")
        app.voice.draft("", n=1, seed=0)
        app.refresh()

        row = status.row(Settings(state=state), StateDir(state), NOON)

    assert app.voice.name == "20261120T120000Z-0000"
    assert any("it speaks with 20261120T120000Z-0000" in alert for alert in row["alerts"])


def test_a_reload_loads_a_refused_model_that_was_repaired_in_place(state: Path) -> None:
    models = state / "models"
    shutil.copytree(models / "20261120T120000Z-0000", models / "20261121T120000Z-0001")
    registry.promote(models / "20261121T120000Z-0001")
    memory = models / "20261121T120000Z-0001" / "memory.bin"
    memory.rename(models / "away")
    app = new_app(state)
    before = app.voice.name
    (models / "away").rename(memory)

    app.reload()

    assert (before, app.voice.name) == ("20261120T120000Z-0000", "20261121T120000Z-0001")


def test_a_holder_file_that_a_full_disk_prevented_is_written_later(state: Path) -> None:
    app = new_app(state)
    with files_up_to(0):
        app.announce()
    app.refresh()

    assert json.loads((state / "holder.json").read_text())["speaking"] == app.voice.name


def test_a_reload_is_logged_even_if_the_holder_file_cannot_be_written_until_later(state: Path) -> None:
    app = new_app(state)
    app.announce()
    (state / "holder.json").unlink()
    (state / "holder.json").mkdir()

    with capture_logs() as log, pytest.raises(StoreError):
        app.reload()
    (state / "holder.json").rmdir()
    app.refresh()

    assert [line["event"] for line in log] == ["configuration.reloaded"]
    assert json.loads((state / "holder.json").read_text())["mode"] == "auto"
