"""The parts of a living bot, made from the settings, and made again from new ones while it lives.

A reload takes all of a configuration or none of it. What must outlast it does: the voice with its model, the way to X,
and when the last post left. What only a start can change is held as it was, and the log says so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import structlog

from bot.config.load import differing
from bot.errors import ConfigError, ModelError
from bot.history.store import Store
from bot.rounds.agenda import Agenda
from bot.running import assembly, assembly_replies, resources
from bot.screen import operator_lists as rules
from bot.voice.model_voice import earlier, promoted
from bot.voice.voice import CurrentVoice

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import timedelta
    from pathlib import Path

    from bot.clock import Clock
    from bot.config.settings import Settings
    from bot.config.state_dir import StateDir
    from bot.history.backup import Backups
    from bot.rounds.slots import Schedule
    from bot.screen.chain import Screen
    from bot.screen.operator_lists import Rules
    from bot.sending.outbox import DryRunPublisher, Outbox
    from bot.voice.model_voice import ModelVoice
    from bot.voice.voice import Voice
    from bot.x.twitter import X

# Who speaks, from where, by which keys; how the log is written; models of a gigabyte besides the voice.
AT_START = ("bot", "live", "state", "x", "log", "metrics")
AT_START_OF_SCREEN = ("classifier", "classifier_labels", "classifier_threshold")
OF_THE_MODEL = ("engine", "device", "threads", "temperature", "top_p", "max_tokens")  # what it is opened with


@dataclass(frozen=True, slots=True)
class Parts:
    """What follows from one configuration."""

    settings: Settings
    rules: Rules
    outbox: Outbox
    schedule: Schedule
    agenda: Agenda
    backups: Backups


class App:
    def __init__(
        self,
        wanted: Callable[[], Settings],
        settings: Settings,
        *,
        publisher: X | DryRunPublisher,
        folder: StateDir,
        about: Mapping[str, Any],
        every: timedelta | None,
        keepalive: Callable[[], None],
        clock: Clock,
    ) -> None:
        """`wanted` reads the configuration anew; `about` is what the folder tells of us; `keepalive`: see voice.py."""
        self._wanted = wanted
        self._publisher = publisher
        self._folder = folder
        self._about = about
        self._every = every
        self._keepalive = keepalive
        self._clock = clock
        self._log = structlog.get_logger()
        self._told = ""
        own = rules.read(settings.screen)
        self._settings = settings
        self.voice = CurrentVoice(
            lambda: promoted(folder.models),
            self._opened,
            self._log,
            earlier=lambda: earlier(folder.models),
            keep_loaded=settings.voice.keep_loaded,
            is_short=resources.is_short_of_memory,
        )
        self.now = self._made(settings, own)

    def refresh(self) -> None:
        """Look for a newer model; for between two rounds, like the reload."""
        self.voice.refresh()
        if self.voice.name != self._told:  # also where the one before it had to be opened in the midst of a round
            self.tell()

    def reload(self) -> None:
        before, at_start = self._settings, list[str]()
        try:
            fresh, at_start = held(self._wanted(), before)
            made = self._made(fresh, replace(self.now.rules, lists=rules.lists(fresh.screen)))
            if any(getattr(fresh.voice, key) != getattr(before.voice, key) for key in OF_THE_MODEL):
                self.voice.reopen(lambda path: self._opened(path, fresh))
        except (ConfigError, ModelError) as error:
            self._log.error("configuration.refused", why=str(error), do="the one of before stays in force")
        else:
            made.outbox.follows(self.now.outbox)
            self.voice.keep_loaded = fresh.voice.keep_loaded
            self._settings, self.now, self._told = fresh, made, ""
            changed = differing(before, fresh)
            self._log.info("configuration.reloaded", changed=changed, only_at_a_restart=at_start)
        self.voice.look_again()
        self.refresh()

    def tell(self) -> None:
        about = {**self._about, "mode": self._settings.mode, "speaking": self.voice.name}
        self._told = self.voice.name if self._folder.tell(about) else ""

    def _opened(self, path: Path, settings: Settings | None = None) -> ModelVoice:
        voice = assembly.voice(path, settings or self._settings, keepalive=self._keepalive)
        if is_mute(voice):
            raise ModelError(f"{path} opens, and says nothing: train it again, or `mynah rollback`")
        return voice

    def _made(self, settings: Settings, own: Rules) -> Parts:
        log, clock = self._log, self._clock
        outbox = assembly.outbox(settings, self._publisher, clock, every=self._every)
        draft_settings = assembly.draft_settings(settings, lambda why: log.warning("topics.refused", why=why))
        schedule = assembly.schedule(settings, self._every)

        def open_store() -> Store:
            return Store.open(self._folder.history, create=False)

        def screen(store: Store) -> Screen:
            return assembly.screen(settings, store, self.voice, rules=own)

        agenda = Agenda(
            open_store=open_store,
            voice=self.voice,
            screen=screen,
            outbox=outbox,
            reconciler=assembly.reconciler(settings, self._publisher, clock),
            schedule=schedule,
            draft_settings=draft_settings,
            clock=clock,
            queue=assembly.queue(settings, clock),
            replying=assembly_replies.replying(
                settings,
                self._publisher,
                outbox,
                self.voice,
                open_store=open_store,
                screen=screen,
                draft_settings=draft_settings,
                prices=assembly.prices(settings),
                clock=clock,
            ),
        )
        return Parts(settings, own, outbox, schedule, agenda, assembly.backups(settings, self._folder))


def is_mute(voice: Voice) -> bool:
    """The canary: a model that opens may still be unable to say a word."""
    said = voice.draft("", n=2, seed=0)
    return not all(math.isfinite(draft.likelihood) for draft in said) or not any(draft.text for draft in said)


def held(fresh: Settings, before: Settings) -> tuple[Settings, list[str]]:
    """The new settings with the old values of what only a start can change, and which of those differ."""
    screen = fresh.screen.model_copy(update={key: getattr(before.screen, key) for key in AT_START_OF_SCREEN})
    kept: dict[str, Any] = {key: getattr(before, key) for key in AT_START}
    as_held = fresh.model_copy(update={**kept, "screen": screen})
    return as_held, differing(as_held, fresh)
