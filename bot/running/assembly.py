"""The objects, made from the settings: beside the commands, the one file that sees the whole configuration.

It opens no door to training and prints nothing; what is dear to import is imported where it is used.
"""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from bot.config.settings import KEYS, SECRETS, Settings
from bot.config.state_dir import StateDir, expanded
from bot.errors import ConfigError, Damaged
from bot.history import near_duplicates
from bot.history.backup import Backups, copies
from bot.history.review import ReviewQueue, ReviewSettings
from bot.rounds.posting import DraftSettings
from bot.rounds.prompts import Topics
from bot.rounds.slots import Daily, Every, Schedule
from bot.running import assembly_replies
from bot.screen import chain, entities, form, harm, privacy
from bot.screen.operator_lists import Rules, lists, read
from bot.sending.budget import DOLLAR, Caps, Prices
from bot.sending.outbox import Brakes, DryRunPublisher, Outbox, Publisher
from bot.sending.reconcile import ACCOUNT, Reconciler
from bot.voice.model_voice import ModelVoice, open_voice
from bot.x.tokens import NAME, TokenFile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bot.clock import Clock
    from bot.history.store import Store
    from bot.screen.chain import Screen
    from bot.voice.model_voice import ModelMemory
    from bot.voice.voice import Voice
    from bot.x.bearer import Bearer
    from bot.x.signing import Keys
    from bot.x.twitter import X

NO_BRAKES = Brakes(timedelta(0), sys.maxsize, sys.maxsize, Caps(sys.maxsize, sys.maxsize), grace=timedelta(minutes=10))


def secrets(settings: Settings) -> dict[str, str]:
    """Those that are set, the keys and the app's own."""
    values = {name: getattr(settings.x, name) for name in SECRETS}
    return {name: value.get_secret_value() for name, value in values.items() if value is not None}


def hidden(settings: Settings) -> list[str]:
    """All that must not show, the login's tokens too."""
    grant = login(settings).read() if settings.x.auth == "oauth2" else None
    return [*secrets(settings).values(), *((grant.access_token, grant.refresh_token) if grant else ())]


def lacking(settings: Settings) -> list[str]:
    """The keys that X wants and that are not set."""
    wanted = KEYS if settings.x.auth == "oauth1" else ("client_id",)
    return [f"x.{name}" for name in wanted if name not in secrets(settings)]


def login(settings: Settings) -> TokenFile:
    return TokenFile(StateDir(settings.state).root / NAME)


def account(settings: Settings) -> str:
    """Whose keys these are, by its number; empty where they do not say. X is not asked."""
    if settings.x.auth == "oauth2":
        grant = login(settings).read()
        return grant.account if grant else ""
    number = secrets(settings).get("access_token", "").split("-")[0]  # a token of OAuth 1.0a begins with it
    return number if number.isdigit() else ""


def publisher(settings: Settings, clock: Clock) -> X | DryRunPublisher:
    return gateway(settings, clock) if settings.live else DryRunPublisher()


def gateway(settings: Settings, clock: Clock) -> X:
    from bot.x.twitter import X

    return X(identity(settings, clock), now=clock.now, base_url=settings.x.base_url)


def identity(settings: Settings, clock: Clock) -> Keys | Bearer:
    from bot.x.bearer import Bearer
    from bot.x.signin import Client
    from bot.x.signing import Keys

    if missing := lacking(settings):
        raise ConfigError(
            f"X wants keys: {', '.join(missing)} not set; `mynah auth` asks for them, or put each in a file of that "
            "name in the folder that x.keys names (chmod 600), or give systemd credentials"
        )
    found = secrets(settings)
    if settings.x.auth == "oauth1":
        return Keys(**{name: found[name] for name in KEYS})
    file = login(settings)
    if file.read() is None:
        raise ConfigError(f"nobody is logged in: {file.path} is not there; `mynah auth` logs in")
    return Bearer(file, Client(found["client_id"], found.get("client_secret", "")), now=clock.now)


def claim(store: Store, settings: Settings) -> None:
    """A live history belongs to one account."""
    of_keys = account(settings)
    if not settings.live or not of_keys:
        return
    kept = store.meta(ACCOUNT)
    if kept is None:
        store.keep_meta(ACCOUNT, of_keys)
    elif kept != of_keys:
        raise ConfigError(
            f"the keys are of account {of_keys}, but the history in {settings.state} is of {kept}: "
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
        price=lambda text: ours.of_post(has_link=entities.link(text) is not None),
        answering=assembly_replies.answering(settings, caps(settings), ours),
    )


def reconciler(settings: Settings, publisher: X | DryRunPublisher, clock: Clock) -> Reconciler | None:
    """None in a rehearsal: what was never sent is nowhere."""
    if isinstance(publisher, DryRunPublisher):
        return None
    import structlog

    return Reconciler(publisher, caps(settings), clock, prices=prices(settings), log=structlog.get_logger())


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


def queue(settings: Settings, clock: Clock) -> ReviewQueue:
    """In auto mode too: what waits from before still expires."""
    import structlog

    return ReviewQueue(terms(settings), review_mode=settings.mode == "review", clock=clock, log=structlog.get_logger())


def terms(settings: Settings) -> ReviewSettings:
    return ReviewSettings(settings.review.expires, settings.review.most)


def prices(settings: Settings) -> Prices:
    wanted = settings.budget
    return Prices(
        _millionths(wanted.price_post),
        _millionths(wanted.price_post_with_link),
        account=_millionths(wanted.price_read_account),
        delete=_millionths(wanted.price_delete),
        own=_millionths(wanted.price_read_own),
        reply=_millionths(wanted.price_reply),
        mention=_millionths(wanted.price_read_mention),
    )


def backups(settings: Settings, folder: StateDir) -> Backups:
    wanted = settings.backup
    place = expanded(wanted.folder) if wanted.folder else folder.backups
    return Backups(place, [folder.history, folder.library], keep=wanted.keep, every=wanted.every)


def history(settings: Settings, folder: StateDir) -> Store:
    """Begun where there is none; but not where a live bot has lost one, for it would say things again."""
    from bot.history.store import Store

    if settings.live and (why := lost(settings, folder)):
        raise Damaged(why)
    return Store.open(folder.history)


def lost(settings: Settings, folder: StateDir) -> str | None:
    """What to do where the history is gone, and a copy of it is there; None where all is well."""
    place = backups(settings, folder).folder
    there = [copy.path for copy in copies(place) if copy.kind == folder.history.stem]
    if folder.history.exists() or not there:
        return None
    return (
        f"{folder.history} is gone, and backups of it are there: stop the bot, and `mynah restore {there[-1]}` puts "
        f"one in its place; to begin anew, move {place} away"
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


def draft_settings(settings: Settings, warn: Callable[[str], None]) -> DraftSettings:
    """`warn` hears what is wrong with the file of topics."""
    wanted = settings.voice
    return DraftSettings(
        wanted.prompts,
        wanted.candidates,
        wanted.tries,
        shares=wanted.mix.model_dump(),
        topics=Topics(expanded(wanted.topics), warn) if wanted.topics else tuple,
        unspeakable=unspeakable(settings),
    )


def screen(
    settings: Settings,
    store: Store | None,
    learnt: ModelMemory | Voice,
    *,
    but: int | None = None,
    rules: Rules | None = None,
) -> Screen:
    """`but`: a post that may be said again, since it is the one that is looked at. `rules`: those in memory already."""
    dry = not settings.live
    rules = rules or read(settings.screen)
    return chain.build(
        said=lambda norm: store is not None and store.said(norm, dry=dry, but=but),
        near=lambda text: near_duplicates.said(store, text, dry=dry, but=but) if store else "",
        refused=lambda text: near_duplicates.refused(store, text, dry=dry) if store else "",
        copied=learnt.copied,
        foreign=learnt.foreign if settings.screen.language else chain.nothing,
        classified=rules.classified or chain.nothing,
        lists=rules.lists,
        allow_links=settings.posting.allow_links,
        allow_vulgar=settings.posting.allow_vulgar,
        max_hashtags=settings.posting.max_hashtags,
    )


def unspeakable(settings: Settings) -> Callable[[str], str | None]:
    """Why a tweet should not even be learnt: what it says. How long it is, and to whom, is for corpus.py to judge."""
    own = lists(settings.screen)

    def why(text: str) -> str | None:
        reason = form.control_character(text) or privacy.why_not(text) or own.why_not(text)
        reason = reason or harm.why_not(text, vulgar=settings.posting.allow_vulgar, allowed=own.allowed)
        return reason.name if reason else None

    return why


def voice(folder: Path, settings: Settings, keepalive: Callable[[], None] = lambda: None) -> ModelVoice:
    """`keepalive` is called while a draft grows."""
    wanted = settings.voice
    return open_voice(
        folder,
        engine=wanted.engine,
        device=wanted.device,
        threads=wanted.threads,
        temperature=wanted.temperature,
        top_p=wanted.top_p,
        max_tokens=wanted.max_tokens,
        keepalive=keepalive,
    )


def _millionths(amount: float) -> int:
    return round(amount * DOLLAR)
