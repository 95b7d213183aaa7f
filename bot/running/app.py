"""The running bot: its parts, made from the settings, and made again when the configuration is reloaded.

A reload takes the whole new configuration or none of it. It keeps the model in memory, the connection to X and the time
of the last post. What only a restart can change stays as it was, and the log says so.
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
from bot.rounds.posting import Pipeline
from bot.running import assembly, resources
from bot.screen import operator_lists
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
    from bot.running.systemd import Notifier
    from bot.screen.chain import Screen
    from bot.screen.operator_lists import Rules
    from bot.sending.outbox import DryRunPublisher, Outbox
    from bot.voice.model_voice import ModelVoice
    from bot.voice.voice import Voice
    from bot.x.twitter import X

# The identity of the bot, how it logs, and a classifier, which may take a gigabyte beside the model.
ONLY_AT_START = ("bot", "live", "state", "x", "log", "metrics")
ONLY_AT_START_OF_SCREEN = ("classifier", "classifier_labels", "classifier_threshold")
REOPENS_THE_MODEL = ("engine", "device", "threads", "temperature", "top_p", "max_tokens")


@dataclass(frozen=True, slots=True)
class Process:
    """What lasts as long as the process, whatever the configuration becomes."""

    load: Callable[[], Settings]  # reads the configuration again
    state_dir: StateDir
    about: Mapping[str, Any]  # for `mynah status` in another process
    every: timedelta | None  # `--every`, in place of the schedule
    clock: Clock
    notifier: Notifier
    log_problem: Callable[[], str] = lambda: ""
    # Loads a model that is known to speak, when it is needed: for many bots in one process. None: this bot's own.
    open_shared: Callable[[Path, Settings], ModelVoice] | None = None


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
    def __init__(self, process: Process, settings: Settings, publisher: X | DryRunPublisher) -> None:
        self._process = process
        self._settings = settings
        self._publisher = publisher
        self._log = structlog.get_logger()
        self._announced = ("", "")  # the model that holder.json names, and the problem with the log
        rules = operator_lists.read(settings.screen)
        models = process.state_dir.models
        self.voice = CurrentVoice(
            lambda: promoted(models),
            self._open_voice,
            self._log,
            earlier=lambda: earlier(models),
            keep_loaded=settings.voice.keep_loaded,
            is_short=resources.is_short_of_memory,
            is_shared=process.open_shared is not None,
        )
        self.now = self._make_parts(settings, rules)

    def refresh(self) -> None:
        """Take over a newly promoted model. Call it between two rounds, like `reload`."""
        self.voice.refresh()
        if self._news() != self._announced:  # true also if a damaged model was replaced in the middle of a round
            self.announce()

    def reload(self) -> None:
        before, skipped = self._settings, list[str]()
        try:
            settings, skipped = hold_back(self._process.load(), before)
            rules = replace(self.now.rules, lists=operator_lists.lists(settings.screen))
            parts = self._make_parts(settings, rules)
            if any(getattr(settings.voice, key) != getattr(before.voice, key) for key in REOPENS_THE_MODEL):
                self.voice.reopen(lambda path: self._open_voice(path, settings))
        except (ConfigError, ModelError) as error:
            self._log.error("configuration.refused", why=str(error), do="the previous configuration stays in use")
        else:
            parts.outbox.follows(self.now.outbox)
            self.voice.keep_loaded = settings.voice.keep_loaded
            self._settings, self.now, self._announced = settings, parts, ("", "")
            changed = differing(before, settings)
            self._log.info("configuration.reloaded", changed=changed, only_at_a_restart=skipped)
        self.voice.look_again()
        self.refresh()

    def announce(self) -> None:
        """Tell other processes which model is in use; on a full disk it is tried again at the next refresh."""
        speaking, problem = self._news()
        about = {**self._process.about, "mode": self._settings.mode, "speaking": speaking, "log": problem}
        self._announced = (speaking, problem) if self._process.state_dir.tell(about) else ("", "")

    def _news(self) -> tuple[str, str]:
        return self.voice.name, self._process.log_problem()

    def _open_voice(self, path: Path, settings: Settings | None = None) -> ModelVoice:
        if self._process.open_shared:
            return self._process.open_shared(path, settings or self._settings)
        voice = assembly.voice(path, settings or self._settings, keepalive=self._process.notifier.keepalive)
        if is_mute(voice):
            raise ModelError(f"{path} loads but generates nothing: train it again, or run `mynah rollback`")
        return voice

    def _make_parts(self, settings: Settings, rules: Rules) -> Parts:
        publisher, clock, every = self._publisher, self._process.clock, self._process.every
        outbox = assembly.outbox(settings, publisher, clock, every=every)
        schedule = assembly.schedule(settings, every)
        drafts = assembly.draft_settings(settings, lambda why: self._log.warning("topics.refused", why=why))

        def open_store() -> Store:
            return Store.open(self._process.state_dir.history, create=False)

        def screen(store: Store) -> Screen:
            return assembly.screen(settings, store, self.voice, rules=rules)

        pipeline = Pipeline(self.voice, screen, outbox, drafts, clock)
        agenda = Agenda(
            pipeline,
            schedule,
            open_store=open_store,
            reconciler=assembly.reconciler(settings, publisher, clock),
            queue=assembly.review_queue(settings, clock),
            replier=assembly.replier(settings, publisher, pipeline, open_store=open_store),
        )
        return Parts(settings, rules, outbox, schedule, agenda, assembly.backups(settings, self._process.state_dir))


def is_mute(voice: Voice) -> bool:
    """Whether a model that loads cannot generate a word."""
    drafts = voice.draft("", n=2, seed=0)
    return not all(math.isfinite(draft.likelihood) for draft in drafts) or not any(draft.text for draft in drafts)


def hold_back(settings: Settings, before: Settings) -> tuple[Settings, list[str]]:
    """The new settings with the old values of what only a restart can change, and the keys that were held back."""
    screen = settings.screen.model_copy(update={key: getattr(before.screen, key) for key in ONLY_AT_START_OF_SCREEN})
    old: dict[str, Any] = {key: getattr(before, key) for key in ONLY_AT_START}
    merged = settings.model_copy(update={**old, "screen": screen})
    return merged, differing(merged, settings)
