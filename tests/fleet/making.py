"""Folders of bots with a small real model, and a fleet whose heartbeats a test steps through."""

from __future__ import annotations

import shutil
from concurrent.futures import wait
from contextlib import nullcontext
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import structlog

from bot.commands.fleet.beginning import Beginning
from bot.config import load
from bot.config.state_dir import StateDir
from bot.fleet.children import Children
from bot.fleet.fleet import Fleet
from bot.fleet.member import Member, Services
from bot.fleet.voices import SharedVoices
from tests.fakes import FakeClock

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from bot.config.settings import Settings
    from tests.fake_x.server import FakeX
    from tests.fake_x.state import User

PERIOD = timedelta(seconds=15)


def make_bot(root: Path, name: str, talker: Path, config: str = "") -> Path:
    """A bot's folder, with a copy of the models folder `talker`."""
    home = root / name
    shutil.copytree(talker, home / "models", symlinks=True)
    (home / "config.toml").write_text(f'bot = "{name}"\n[voice]\nmax_tokens = 32\n{config}', encoding="utf-8")
    return home


def put_keys(home: Path, user: User, x: FakeX) -> None:
    """Make the bot a live one of that user."""
    keys = {
        "consumer_key": user.secrets.consumer_key,
        "consumer_secret": user.secrets.consumer_secret,
        "access_token": user.access_token,
        "access_token_secret": user.secrets.token_secret,
    }
    (home / "keys").mkdir(mode=0o700, exist_ok=True)
    for name, value in keys.items():
        path = home / "keys" / name
        path.write_text(value, encoding="ascii")
        path.chmod(0o600)
    config = home / "config.toml"
    config.write_text(f'live = true\n{config.read_text()}\n[x]\nbase_url = "{x.url}"\n', encoding="utf-8")


def settings_of(home: Path) -> Settings:
    return load.load(None, home=home).settings


def services(root: Path, clock: FakeClock | None = None, *, every: timedelta | None = None, **other: Any) -> Services:
    voices = SharedVoices(root / ".bases", drafting=2)
    parts: dict[str, Any] = {
        "load": settings_of,
        "begin": Beginning(settings_of, voices, Children(structlog.get_logger())),
        "serve": lambda _, __: nullcontext(),
        "open_voice": voices.open,
        "clock": clock or FakeClock(),
        "every": every,
        "period": PERIOD,
    }
    return Services(**parts | other)


class SteppedFleet:
    """A fleet of which each step is one tick, and ends when all its heartbeats have ended."""

    def __init__(self, shared: Services, root: Path) -> None:
        self.clock = shared.clock
        log = structlog.get_logger()
        self.fleet = Fleet(
            StateDir(root),
            lambda home: Member(home, shared),
            about={},
            clock=shared.clock,
            log=log,
            rounds=4,
            heartbeats=4,
        )

    def step(self, *, after: timedelta = timedelta(0), times: int = 1) -> list[str]:
        """Ticks; the names of the bots that were in a full heartbeat in the last one."""
        names: list[str] = []
        for _ in range(times):
            self.clock.passes(after)  # type: ignore[attr-defined]
            self.fleet.tick()
            names = sorted(name for name, _ in self.fleet._beating)
            wait(self.fleet._beating.values(), timeout=600)
        return names

    def member(self, name: str) -> Member:
        return next(member for member in self.fleet.members if member.name == name)

    def stop(self) -> None:
        assert self.fleet.stop(timedelta(minutes=10))


def due_slot(fleet: SteppedFleet, name: str) -> datetime:
    """The bot's next slot."""
    app = fleet.member(name)._app
    assert app
    return app.now.schedule.next(fleet.clock.now()).due


def outcomes(log: Sequence[Any], event: str = "round.ended") -> dict[str, str]:
    """By bot, the outcome of its last round."""
    return {line["name"]: line.get("outcome", "") for line in log if line["event"] == event}
