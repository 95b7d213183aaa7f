"""Configuration files, and the objects built from a valid one, except those that open files and sockets."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from bot.commands.console import tables
from bot.config import load
from bot.config.settings import Settings
from bot.replies.opt_out import OptOut
from bot.running import assembly
from bot.screen import operator_lists
from bot.x import signin, wire
from tests.fakes import NOON
from tests.trials.fuzz.documents import EXAMPLE, TYPICAL

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COLUMNS = ("key", "value", "source")


class Configuration:
    def __init__(self, folder: Path) -> None:
        self._file = folder / "config.toml"
        for name in list(os.environ):
            assert not name.startswith("MYNAH_"), f"{name} would change the configuration: unset it"

    def seeds(self) -> Iterator[bytes]:
        yield EXAMPLE.read_bytes()
        yield from (text.encode() for text in TYPICAL)

    def take(self, data: bytes) -> None:
        self._file.write_bytes(data)
        loaded = load.load(self._file)
        rows = [dict(zip(COLUMNS, row, strict=True)) for row in loaded.rows()]
        assert "canary" not in tables.as_csv(rows, COLUMNS)
        for row in rows:
            tables.as_json(row).encode()
            tables.shown(row["value"]).encode()
        load.differing(loaded.settings, Settings.model_construct())
        build(loaded.settings)

    def close(self) -> None:
        pass


def build(settings: Settings) -> None:
    """Build what a daemon builds before it opens a model, a store or the network."""
    schedule = assembly.schedule(settings, None)
    assert schedule.next(NOON).due > NOON
    schedule.due(NOON)
    outbox = assembly.brakes(settings)
    assert outbox.per_hour > 0
    assembly.caps(settings)
    assembly.reply_brakes(settings, assembly.prices(settings))
    assembly.limits(settings)
    assembly.review_settings(settings)
    OptOut(settings.replies.opt_out).phrase_in("please stop")
    wire.check_base_url(settings.x.base_url)
    signin.check_redirect(settings.x.redirect)
    operator_lists.lists(settings.screen).why_not("good morning")
