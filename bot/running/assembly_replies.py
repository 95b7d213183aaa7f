"""The objects that answer, made from the settings: assembly.py's part for replies. It prints nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.replies.eligibility import Eligibility
from bot.replies.limits import Limits
from bot.replies.opt_out import OptOut
from bot.replies.polling import MentionPoller
from bot.replies.replying import Replier
from bot.screen import entities
from bot.sending.outbox import Answering, DryRunPublisher

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.clock import Clock
    from bot.config.settings import Settings
    from bot.history.store import Store
    from bot.replies.drafting import Listener
    from bot.rounds.posting import DraftSettings
    from bot.screen.chain import Screen
    from bot.sending.budget import Caps, Prices
    from bot.sending.outbox import Outbox
    from bot.x.twitter import X


def answering(settings: Settings, caps: Caps, prices: Prices) -> Answering | None:
    """None in a rehearsal, too: to read mentions costs money, and nobody would get an answer."""
    if not settings.live or not settings.replies.are_on:
        return None
    return Answering(
        limits(settings).why_never,
        caps.share(settings.replies.budget_share),
        price=lambda text: prices.of_reply(has_link=entities.link(text) is not None),
    )


def limits(settings: Settings) -> Limits:
    wanted = settings.replies
    return Limits(
        max_age=wanted.max_age,
        per_user_per_day=wanted.per_user_per_day,
        per_conversation_per_day=wanted.per_conversation_per_day,
        per_conversation=wanted.per_conversation,
        per_day=wanted.per_day,
    )


def replying(
    settings: Settings,
    x: X | DryRunPublisher,
    outbox: Outbox,
    voice: Listener,
    *,
    open_store: Callable[[], Store],
    screen: Callable[[Store], Screen],
    draft_settings: DraftSettings,
    prices: Prices,
    clock: Clock,
) -> Replier | None:
    if isinstance(x, DryRunPublisher) or not settings.replies.are_on:
        return None
    import structlog

    wanted, log = settings.replies, structlog.get_logger()
    reading = MentionPoller(
        x,
        outbox,
        summons=Eligibility(OptOut(wanted.opt_out), frozenset(wanted.known_bots)),
        handle=settings.bot,
        every=wanted.poll,
        listen=wanted.listen,
        prices=prices,
        clock=clock,
        log=log,
    )
    return Replier(
        open_store=open_store,
        reading=reading,
        voice=voice,
        screen=screen,
        outbox=outbox,
        limits=limits(settings),
        draft_settings=draft_settings,
        listen=wanted.listen,
        review_mode=settings.mode == "review",
        clock=clock,
        log=log,
    )
