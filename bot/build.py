"""The objects, made from the settings: beside the commands, the one file that sees the whole configuration.

It opens no door to training and prints nothing; what is dear to import is imported where it is used.
"""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from bot.budget import DOLLAR, Caps, Prices
from bot.errors import ConfigError
from bot.lookout import ACCOUNT, Lookout
from bot.outbox import Brakes, Outbox, Publisher, Rehearsal
from bot.posting import Manner
from bot.screen import chain, form, harm, privacy, reach
from bot.settings import SECRETS, Settings
from bot.slots import Daily, Every, Schedule
from bot.voice import ModelVoice, open_voice

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bot.clock import Clock
    from bot.screen.chain import Screen
    from bot.store import Store
    from bot.twitter import X

NO_BRAKES = Brakes(timedelta(0), sys.maxsize, sys.maxsize, Caps(sys.maxsize, sys.maxsize), grace=timedelta(minutes=10))


def secrets(settings: Settings) -> dict[str, str]:
    """Those of the four keys that are set."""
    values = {name: getattr(settings.x, name) for name in SECRETS}
    return {name: value.get_secret_value() for name, value in values.items() if value is not None}


def publisher(settings: Settings, clock: Clock) -> X | Rehearsal:
    return gateway(settings, clock) if settings.live else Rehearsal()


def gateway(settings: Settings, clock: Clock) -> X:
    from bot.twitter import Keys, X

    keys = secrets(settings)
    if missing := [f"x.{name}" for name in SECRETS if name not in keys]:
        raise ConfigError(
            f"X wants keys: {', '.join(missing)} not set; put each in a file of that name in the "
            "folder that x.keys names (chmod 600), or give systemd credentials"
        )
    return X(Keys(**keys), now=clock.now, base_url=settings.x.base_url)


def claim(store: Store, settings: Settings) -> None:
    """A live history belongs to one account. An OAuth 1.0a token begins with its id, so X need not be asked."""
    account = secrets(settings).get("access_token", "").split("-")[0]
    if not settings.live or not account.isdigit():
        return
    kept = store.meta(ACCOUNT)
    if kept is None:
        store.keep_meta(ACCOUNT, account)
    elif kept != account:
        raise ConfigError(
            f"x.access_token is of account {account}, but the history in {settings.state} is of {kept}: "
            "choose another folder with --state"
        )


def outbox(settings: Settings, publisher: Publisher, clock: Clock, *, every: timedelta | None) -> Outbox:
    ours = prices(settings)
    return Outbox(
        publisher,
        # Trying things out, there is nobody to protect; speaking for real, the brakes hold whatever the schedule is.
        NO_BRAKES if every and not settings.live else brakes(settings),
        clock,
        dry=not settings.live,
        price=lambda text: ours.of_post(has_link=reach.link(text) is not None),
    )


def lookout(settings: Settings, publisher: X | Rehearsal, clock: Clock) -> Lookout | None:
    """None in a rehearsal: what was never sent is nowhere."""
    if isinstance(publisher, Rehearsal):
        return None
    import structlog

    return Lookout(publisher, caps(settings), clock, prices=prices(settings), log=structlog.get_logger())


def brakes(settings: Settings) -> Brakes:
    posting = settings.posting
    return Brakes(posting.min_gap, posting.max_per_hour, posting.max_per_day, caps(settings), settings.schedule.grace)


def prices(settings: Settings) -> Prices:
    wanted = settings.budget
    return Prices(
        _millionths(wanted.price_post),
        _millionths(wanted.price_post_with_link),
        account=_millionths(wanted.price_read_account),
        delete=_millionths(wanted.price_delete),
        own=_millionths(wanted.price_read_own),
    )


def caps(settings: Settings) -> Caps:
    return Caps(_millionths(settings.budget.per_day), _millionths(settings.budget.per_month))


def schedule(settings: Settings, every: timedelta | None) -> Schedule:
    if every:
        return Every(every)
    wanted = settings.schedule
    return Daily(
        bot=settings.bot,
        zone=ZoneInfo(wanted.timezone),
        start=wanted.active_from,
        end=wanted.active_to,
        per_day=wanted.posts_per_day,
        jitter=wanted.jitter,
        grace=wanted.grace,
        catch_up=wanted.catch_up,
    )


def manner(settings: Settings) -> Manner:
    return Manner(settings.voice.prompts, settings.voice.candidates, settings.voice.tries)


def screen(settings: Settings, store: Store | None, copied: Callable[[str], bool]) -> Screen:
    return chain.build(
        said=lambda norm: store is not None and store.said(norm, dry=not settings.live),
        copied=copied,
        allow_links=settings.posting.allow_links,
        allow_vulgar=settings.posting.allow_vulgar,
        max_hashtags=settings.posting.max_hashtags,
    )


def unspeakable(settings: Settings) -> Callable[[str], str | None]:
    """Why a tweet should not even be learnt: what it says. How long it is, and to whom, is for corpus.py to judge."""

    def why(text: str) -> str | None:
        reason = form.control_character(text) or privacy.why_not(text)
        reason = reason or harm.why_not(text, vulgar=settings.posting.allow_vulgar)
        return reason.name if reason else None

    return why


def voice(folder: Path, settings: Settings) -> ModelVoice:
    wanted = settings.voice
    return open_voice(
        folder,
        device=wanted.device,
        threads=wanted.threads,
        temperature=wanted.temperature,
        top_p=wanted.top_p,
        max_tokens=wanted.max_tokens,
    )


def _millionths(amount: float) -> int:
    return round(amount * DOLLAR)
