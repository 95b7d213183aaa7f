"""The objects that answer, made from the settings: assembly.py's part for replies. It prints nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.replies.eligibility import Eligibility
from bot.replies.limits import Limits
from bot.replies.opt_out import OptOut
from bot.replies.polling import MentionPoller, PollSettings
from bot.replies.replying import Replier, ReplySettings
from bot.screen import entities
from bot.sending.outbox import DryRunPublisher, ReplyBrakes

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.config.settings import Settings
    from bot.history.store import Store
    from bot.rounds.posting import Pipeline
    from bot.sending.budget import Caps, Prices
    from bot.x.twitter import X


def answering(settings: Settings, caps: Caps, prices: Prices) -> ReplyBrakes | None:
    """None in a rehearsal, too: to read mentions costs money, and nobody would get an answer."""
    if not settings.live or not settings.replies.are_on:
        return None
    return ReplyBrakes(
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
    settings: Settings, x: X | DryRunPublisher, pipeline: Pipeline, *, open_store: Callable[[], Store], prices: Prices
) -> Replier | None:
    if isinstance(x, DryRunPublisher) or not settings.replies.are_on:
        return None
    import structlog

    wanted, log = settings.replies, structlog.get_logger()
    eligibility = Eligibility(OptOut(wanted.opt_out), frozenset(wanted.known_bots))
    polls = PollSettings(settings.bot, wanted.poll, wanted.listen, eligibility, prices)
    poller = MentionPoller(x, pipeline.outbox, polls, clock=pipeline.clock, log=log)
    replies = ReplySettings(limits(settings), wanted.listen, review_mode=settings.mode == "review")
    return Replier(pipeline, poller, replies, open_store=open_store, log=log)
