"""X for one bot of many: its keys are read for each request and dropped after it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from bot.config.settings import SECRETS
from bot.errors import ConfigError, Halted
from bot.running import account, log

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bot.clock import Clock
    from bot.config.settings import Settings
    from bot.values import Mentions, Receipt, Timeline
    from bot.x.payloads import Account
    from bot.x.twitter import X

PAGE = 100


class XOnCall:
    """The calls of `X` that a running bot makes, each by a client of its own."""

    def __init__(self, load: Callable[[], Settings], clock: Clock) -> None:
        """`load` reads the configuration with its secrets."""
        self._load = load
        self._clock = clock

    def post(self, text: str, *, reply_to: str | None = None, without: Sequence[str] = ()) -> Receipt:
        with self._client() as client:
            return client.post(text, reply_to=reply_to, without=without)

    def me(self) -> Account:
        with self._client() as client:
            return client.me()

    def own_posts(self, account_id: str, *, since_id: str | None = None, limit: int = 5) -> Timeline:
        with self._client() as client:
            return client.own_posts(account_id, since_id=since_id, limit=limit)

    def mentions(
        self, account_id: str, *, since_id: str = "", until_id: str = "", token: str = "", limit: int = PAGE
    ) -> Mentions:
        with self._client() as client:
            return client.mentions(account_id, since_id=since_id, until_id=until_id, token=token, limit=limit)

    @contextmanager
    def _client(self) -> Iterator[X]:
        try:
            settings = self._load()
            client = account.gateway(settings, self._clock)
        except ConfigError as error:  # before the request, so that it leaves no post in doubt
            raise Halted(str(error)) from error
        with log.hiding(account.hidden(settings)), client:
            yield client


def without_secrets(settings: Settings) -> Settings:
    """The configuration as it may stay in memory."""
    return settings.model_copy(update={"x": settings.x.model_copy(update=dict.fromkeys(SECRETS))})
