"""The parts of a bot, made from the settings. `account.py` makes what belongs to X; `app.py` puts all of it together.

Expensive imports happen where they are used, since most commands need only one or two of these functions.

The file is long because each part of the bot is built here.
"""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from bot.config.state_dir import StateDir, expanded
from bot.errors import Damaged
from bot.history import near_duplicates
from bot.history.backup import Backups, copies
from bot.history.review import ReviewQueue, ReviewSettings
from bot.replies.eligibility import Eligibility
from bot.replies.limits import Limits
from bot.replies.opt_out import OptOut
from bot.replies.polling import MentionPoller, PollSettings
from bot.replies.replying import Replier, ReplySettings
from bot.replies.sensitive import Sensitivity
from bot.rounds.posting import DraftSettings
from bot.rounds.prompts import Topics
from bot.rounds.slots import Daily, Every, Schedule
from bot.screen import chain, entities, form, harm, privacy
from bot.screen.operator_lists import Rules, lists, read
from bot.sending.budget import DOLLAR, Caps, Prices
from bot.sending.outbox import Brakes, DryRunPublisher, Outbox, Publisher, ReplyBrakes
from bot.sending.reconcile import Reconciler
from bot.voice.model_voice import ModelVoice, open_voice

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bot.clock import Clock
    from bot.config.settings import Settings
    from bot.history.store import Store
    from bot.rounds.posting import Pipeline
    from bot.screen.chain import Screen
    from bot.values import Reason
    from bot.voice.model_voice import ModelMemory, OpenSampler
    from bot.voice.voice import Voice
    from bot.x.twitter import X

NO_BRAKES = Brakes(timedelta(0), None, None, Caps(sys.maxsize, sys.maxsize), grace=timedelta(minutes=10))


# When it posts


def schedule(settings: Settings, every: timedelta | None) -> Schedule:
    """`every` replaces the configured schedule by one slot each such period."""
    if every:
        return Every(every)
    configured = settings.schedule
    return Daily(
        bot=settings.bot,
        zone=ZoneInfo(configured.timezone),
        start=configured.active_from,
        end=configured.active_to,
        per_day=configured.posts_per_day,
        jitter=configured.jitter,
        grace=configured.grace,
        catch_up=configured.catch_up,
    )


# What it says


def voice(
    folder: Path,
    settings: Settings,
    keepalive: Callable[[], None] = lambda: None,
    open_sampler: OpenSampler | None = None,
) -> ModelVoice:
    """Load the model as a voice. `keepalive` is called while a draft is generated."""
    configured = settings.voice
    return open_voice(
        folder,
        engine=configured.engine,
        device=configured.device,
        threads=configured.threads,
        temperature=configured.temperature,
        top_p=configured.top_p,
        max_tokens=configured.max_tokens,
        keepalive=keepalive,
        open_sampler=open_sampler,
    )


def draft_settings(settings: Settings, warn: Callable[[str], None]) -> DraftSettings:
    """`warn` is told what is wrong with the file of topics."""
    configured = settings.voice
    return DraftSettings(
        configured.prompts,
        configured.candidates,
        configured.tries,
        shares=configured.mix.model_dump(),
        topics=Topics(expanded(configured.topics), warn) if configured.topics else tuple,
        unspeakable=unspeakable(settings),
    )


# What may go out


def screen(
    settings: Settings,
    store: Store | None,
    memory: ModelMemory | Voice,
    *,
    but: int | None = None,
    rules: Rules | None = None,
) -> Screen:
    """`but`: a post that may be repeated, because it is the one being edited. `rules`: those already in memory."""
    dry = not settings.live
    rules = rules or read(settings.screen)
    return chain.build(
        was_posted=lambda norm: store is not None and store.said(norm, dry=dry, but=but),
        near_duplicate_of=lambda text: near_duplicates.said(store, text, dry=dry, but=but) if store else "",
        earlier_refusal=lambda text: near_duplicates.refused(store, text, dry=dry) if store else "",
        copy_of=memory.copied,
        foreign_language=memory.foreign if settings.screen.language else chain.no_match,
        classify=rules.classify or chain.no_match,
        lists=rules.lists,
        allow_links=settings.posting.allow_links,
        allow_vulgar=settings.posting.allow_vulgar,
        toxicity=settings.screen.toxicity,
        languages=lambda: memory.languages,
        max_hashtags=settings.posting.max_hashtags,
    )


def unspeakable(settings: Settings) -> Callable[[str], str | None]:
    """Why a tweet's content must not be trained on: only what is certain, since a tweet has no replacement.

    Its length and its mentions are checked in training/corpus.
    """
    own = lists(settings.screen)

    def why(text: str) -> str | None:
        reason = form.control_character(text) or privacy.why_not(text) or own.why_not(text)
        reason = reason or harm.why_not(text, vulgar=settings.posting.allow_vulgar, allowed=own.allowed, certain=True)
        return reason.name if reason else None

    return why


def review_queue(settings: Settings, clock: Clock) -> ReviewQueue:
    """Also made in auto mode: drafts left from review mode still expire."""
    import structlog

    return ReviewQueue(
        review_settings(settings), review_mode=settings.mode == "review", clock=clock, log=structlog.get_logger()
    )


def review_settings(settings: Settings) -> ReviewSettings:
    return ReviewSettings(settings.review.expires, settings.review.most)


# How it is sent, and what that may cost


def outbox(settings: Settings, publisher: Publisher, clock: Clock, *, every: timedelta | None) -> Outbox:
    own_prices = prices(settings)
    return Outbox(
        publisher,
        # A dry run with --every posts nothing, so it needs no limits. A live bot keeps them with any schedule.
        NO_BRAKES if every and not settings.live else brakes(settings),
        clock,
        dry=not settings.live,
        price=lambda text: own_prices.of_post(has_link=entities.link(text) is not None),
        reply_brakes=reply_brakes(settings, own_prices),
    )


def brakes(settings: Settings) -> Brakes:
    posting = settings.posting
    return Brakes(
        posting.min_gap,
        posting.max_per_hour,
        posting.max_per_day,
        caps(settings),
        settings.schedule.grace,
        settings.review.expires,
    )


def caps(settings: Settings) -> Caps:
    return Caps(_millionths(settings.budget.per_day), _millionths(settings.budget.per_month))


def prices(settings: Settings) -> Prices:
    configured = settings.budget
    return Prices(
        _millionths(configured.price_post),
        _millionths(configured.price_post_with_link),
        account=_millionths(configured.price_read_account),
        delete=_millionths(configured.price_delete),
        own=_millionths(configured.price_read_own),
        reply=_millionths(configured.price_reply),
        mention=_millionths(configured.price_read_mention),
    )


def reconciler(settings: Settings, publisher: X | DryRunPublisher, clock: Clock) -> Reconciler | None:
    """None in a dry run: nothing was sent, so nothing can be in doubt."""
    if isinstance(publisher, DryRunPublisher):
        return None
    import structlog

    return Reconciler(publisher, caps(settings), clock, prices=prices(settings), log=structlog.get_logger())


# Replies


def reply_brakes(settings: Settings, prices: Prices) -> ReplyBrakes | None:
    """None in a dry run too: reading mentions costs money, and nobody would get a reply."""
    if not settings.live or not settings.replies.are_on:
        return None
    return ReplyBrakes(
        limits(settings).why_never,
        caps(settings).share(settings.replies.budget_share),
        price=lambda text: prices.of_reply(has_link=entities.link(text) is not None),
    )


def mention_screen(settings: Settings) -> Callable[[str], Reason | None]:
    """Why a mention is not answered because of what it says: by the checks of posts for harm and privacy.

    Only what is certain: the words of a draft are the bot's own, and more of them may be doubted.
    """
    own = lists(settings.screen)

    def why(text: str) -> Reason | None:
        reason = privacy.why_not(text) or own.why_not(text)
        return reason or harm.why_not(text, vulgar=settings.posting.allow_vulgar, allowed=own.allowed, certain=True)

    return why


def limits(settings: Settings) -> Limits:
    configured = settings.replies
    return Limits(
        max_age=configured.max_age,
        per_user_per_day=configured.per_user_per_day,
        per_conversation_per_day=configured.per_conversation_per_day,
        per_conversation=configured.per_conversation,
        per_day=configured.per_day,
    )


def replier(
    settings: Settings, publisher: X | DryRunPublisher, pipeline: Pipeline, *, open_store: Callable[[], Store]
) -> Replier | None:
    if isinstance(publisher, DryRunPublisher) or not settings.replies.are_on:
        return None
    import structlog

    configured, log = settings.replies, structlog.get_logger()
    eligibility = Eligibility(
        OptOut(configured.opt_out), frozenset(configured.known_bots), Sensitivity(mention_screen(settings))
    )
    poll_settings = PollSettings(settings.bot, configured.poll, configured.listen, eligibility, prices(settings))
    poller = MentionPoller(publisher, pipeline.outbox, poll_settings, clock=pipeline.clock, log=log)
    reply_settings = ReplySettings(limits(settings), configured.listen, review_mode=settings.mode == "review")
    return Replier(pipeline, poller, reply_settings, open_store=open_store, log=log)


# What it remembers


def history(settings: Settings, state_dir: StateDir) -> Store:
    """Created where there is none, unless a live bot has lost its history: it would post the same things again."""
    from bot.history.store import Store

    if settings.live and (why := lost(settings, state_dir)):
        raise Damaged(why)
    return Store.open(state_dir.history)


def lost(settings: Settings, state_dir: StateDir) -> str | None:
    """What to do if the history is missing although backups of it exist; None if all is well."""
    folder = backups(settings, state_dir).folder
    saved = [copy.path for copy in copies(folder) if copy.kind == state_dir.history.stem]
    if state_dir.history.exists() or not saved:
        return None
    return (
        f"{state_dir.history} is missing, but there are backups of it: stop the bot and run "
        f"`mynah restore {saved[-1]}`; to start over with an empty history, move {folder} away"
    )


def backups(settings: Settings, state_dir: StateDir) -> Backups:
    configured = settings.backup
    folder = expanded(configured.folder) if configured.folder else state_dir.backups
    return Backups(folder, [state_dir.history, state_dir.library], keep=configured.keep, every=configured.every)


def _millionths(amount: float) -> int:
    return round(amount * DOLLAR)
