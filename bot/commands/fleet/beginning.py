"""Begins one bot of a fleet, as `mynah run` begins the only one; a missing model is trained in another process."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, cast

from bot.commands.run import check_history, has_model
from bot.errors import ConfigError, ModelError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from bot.config.settings import Settings
    from bot.fleet.children import Children
    from bot.fleet.voices import SharedVoices
    from bot.running.app import App, Process
    from bot.x.twitter import X


class Beginning:
    """Call it with a bot's whole settings; what stays in memory has no secrets."""

    def __init__(self, load: Callable[[Path], Settings], voices: SharedVoices, children: Children) -> None:
        self._load = load
        self._voices = voices
        self._children = children
        self._lock = threading.Lock()
        self._accounts: dict[str, Path] = {}

    def __call__(self, settings: Settings, process: Process) -> App:
        import structlog

        from bot.fleet.account import XOnCall, without_secrets
        from bot.running.app import App
        from bot.sending.outbox import DryRunPublisher

        home, clock, log = process.state_dir.root, process.clock, structlog.get_logger()
        self._claim(settings, home)
        check_history(settings, process.state_dir, clock)
        self._require_model(settings, process)
        # It has all of X that a running bot calls.
        publisher = cast("X", XOnCall(lambda: self._load(home), clock)) if settings.live else DryRunPublisher()
        app = App(process, without_secrets(settings), publisher)
        next_slot = app.now.schedule.next(clock.now()).due
        log.info(
            "bot.started",
            bot=settings.bot,
            live=settings.live,
            mode=settings.mode,
            model=app.voice.name,
            next_slot=f"{next_slot:%Y-%m-%d %H:%M:%S} UTC",
        )
        for post in app.now.agenda.begin():
            log.warning("post.unknown", post=post, do="nothing: the bot looks for it on X")
        app.announce()
        return app

    def _claim(self, settings: Settings, home: Path) -> None:
        """Two bots of one account would each keep the limits, and together break them."""
        from bot.running import account

        own = account.account_id(settings) if settings.live else ""
        if not own:
            return
        with self._lock:
            other = self._accounts.get(own)
            if other and other != home and account.account_id(self._load(other)) == own:
                raise ConfigError(f"it has the keys of the same account as {other}: remove one of the two")
            self._accounts[own] = home

    def _require_model(self, settings: Settings, process: Process) -> None:
        from bot.config.load import CONFIG
        from bot.voice.model_voice import promoted

        state_dir = process.state_dir
        if not has_model(state_dir):
            inputs = [state_dir.root / CONFIG, state_dir.library]
            stamps = [path.stat().st_mtime_ns for path in inputs if path.exists()]
            words = [sys.executable, "-m", "bot", "--home", str(state_dir.root), "retrain"]
            self._require(f"the first model of {state_dir.root.name}", words, stamps)
        model = promoted(state_dir.models)
        if model and (base := self._voices.missing_base(model, settings)):
            words = [sys.executable, "-m", "training.speak.bases", str(self._voices.store), str(model)]
            self._require("the light form of its base", words, [base])

    def _require(self, name: str, words: Sequence[str], version: Sequence[object]) -> None:
        """Ask for work; what failed is not tried again before its input is another."""
        from bot.fleet.member import NotYet

        work = self._children.ask(f"{name} {version}", words)
        if work.why_failed is None:
            raise NotYet(f"it waits for {name}, which is being made")
        if work.why_failed:
            raise ModelError(f"{name} could not be made: {work.why_failed}")
