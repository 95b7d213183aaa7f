"""What all pages share: the configuration as it is now, the state folder, the sessions and their messages."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from bot.commands import opening
from bot.config.state_dir import StateDir
from bot.errors import ConfigError, ModelError, MynahError
from bot.history.store import Store
from bot.voice.model_voice import promoted
from bot.web.access import Access, FailureLimit
from bot.web.speaker import Speaker

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator
    from datetime import datetime

    from bot.clock import Clock
    from bot.config.load import Loaded
    from bot.config.settings import Settings

READ_AGAIN = 2.0  # seconds for which the configuration is not read again


@dataclass(frozen=True, slots=True)
class Message:
    """What came of an action, for the next page. `kind`: `done` or `problem`."""

    text: str
    kind: str = "done"


class Site:
    def __init__(self, args: Namespace, clock: Clock, *, cookie: str = "mynah") -> None:
        """`args` are those of the command, as the functions of other commands take them."""
        self.args = args
        self.clock = clock
        self.cookie = cookie
        self._loaded = opening.loaded(args)
        self._read_at = clock.monotonic()
        self._lock = threading.Lock()
        self._messages: dict[str, Message] = {}
        self.problem = ""  # why the newest configuration is not in use
        self.state_dir = StateDir(self.settings.state)
        self.state_dir.make()
        self.access = Access(self.state_dir, clock)
        self.failures = FailureLimit(clock)
        self.speaker = Speaker([*opening.own_command(args), "web", "--speak"])
        self.user_header = self.settings.web.user_header
        self.users = frozenset(self.settings.web.users)

    @property
    def loaded(self) -> Loaded:
        """The configuration with the origins of its values. One with errors changes nothing, as in the bot."""
        with self._lock:
            if self.clock.monotonic() - self._read_at > READ_AGAIN:
                self._read_at = self.clock.monotonic()
                try:
                    self._loaded, self.problem = opening.read_configuration(self.args), ""
                except ConfigError as error:
                    self.problem = str(error)
            return self._loaded

    @property
    def settings(self) -> Settings:
        return self.loaded.settings

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.settings.schedule.timezone)

    @property
    def has_model(self) -> bool:
        """A damaged one counts: it is no reason to begin."""
        try:
            return promoted(self.state_dir.models) is not None
        except ModelError:
            return True

    def now(self) -> datetime:
        return self.clock.now()

    def settings_of(self, *, dry: bool) -> Settings:
        """The settings for a post of a dry run, or for a live one, whatever the mode is now."""
        return self.settings.model_copy(update={"live": not dry})

    @contextmanager
    def history(self) -> Iterator[Store | None]:
        """The history, to read; None if there is none yet. Opened for each request: a store belongs to a thread."""
        if not self.state_dir.history.exists():
            yield None
            return
        with Store.open(self.state_dir.history, read_only=True) as store:
            yield store

    @contextmanager
    def history_to_write(self) -> Iterator[Store]:
        """The history, to change. Raises where there is none: nothing on the page changes an empty one."""
        if not self.state_dir.history.exists():
            raise MynahError("there is no history yet: it begins when the bot first runs")
        with Store.open(self.state_dir.history, create=False) as store:
            yield store

    def close(self) -> None:
        self.speaker.close()

    def leave_message(self, session: str, message: Message) -> None:
        with self._lock:
            self._messages[session] = message

    def take_message(self, session: str) -> Message | None:
        with self._lock:
            return self._messages.pop(session, None)
