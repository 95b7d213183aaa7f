"""`mynah run`: the objects put together, then one round or a life of them."""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from bot import room
from bot.commands.health import ready
from bot.commands.model import train
from bot.commands.shown import BUSY, FAILED, loaded
from bot.errors import Damaged, ModelError, NoRoom

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Mapping

    from bot.agenda import Agenda
    from bot.clock import Clock
    from bot.folder import StateFolder
    from bot.notify import Notifier
    from bot.screen.chain import Screen
    from bot.settings import Settings


class Begun(NamedTuple):
    """A bot that can speak: `refresh` looks for a newer model, `reload` reads the operator's lists anew too."""

    agenda: Agenda
    refresh: Callable[[], None]
    reload: Callable[[], None]


def run(args: Namespace) -> int:
    from bot import build, config, log
    from bot.clock import SystemClock, stamp
    from bot.folder import StateFolder
    from bot.notify import Notifier

    settings = loaded(args).settings
    clock = SystemClock()
    console = settings.log.format == "console" or (settings.log.format == "auto" and sys.stdout.isatty())
    hidden = build.hidden(settings)
    log.configure(level=settings.log.level, console=console, stream=sys.stdout, secrets=hidden, clock=clock)
    folder = StateFolder(settings.state)
    notifier = Notifier(config.notify_socket())
    every = args.every.total_seconds() if args.every else None
    about = {"since": stamp(clock.now()), "live": settings.live, "every": every, "bot": settings.bot}
    about |= {"mode": settings.mode}
    with folder.hold(about):
        begin = partial(_agenda, args, settings, folder, about, clock, notifier)
        if args.once:
            return _once(begin().agenda, clock)
        begun = _begun(begin, lambda: room.why_not(folder.root), notifier)
        return _on_and_on(args, settings, folder, begun, clock, notifier) if begun else 0


def _agenda(
    args: Namespace,
    settings: Settings,
    folder: StateFolder,
    about: Mapping[str, Any],
    clock: Clock,
    notifier: Notifier,
) -> Begun:
    """The bot, put together, and what makes it read anew. What can be wrong cheaply is looked at first."""
    import structlog

    from bot import build, build_replies
    from bot.agenda import Agenda
    from bot.rules import CurrentRules
    from bot.store import Store
    from bot.store_file import advice
    from bot.voice import CurrentVoice, earlier, promoted

    publisher = build.publisher(settings, clock)
    with Store.open(folder.history) as store:
        if damage := store.damage():
            raise Damaged(f"{folder.history}: {damage[0]}; {advice(folder.history)}")
        build.claim(store, settings)
        if settings.live:
            ready(settings, folder, store, clock)
    log = structlog.get_logger()
    rules = CurrentRules(lambda: loaded(args).settings.screen, log)
    if _untrained(folder):
        log.info("model.missing", detail="training one first", authors=", ".join(settings.training.authors))
        train(settings, folder, clock, notifier)
    voice = CurrentVoice(
        lambda: promoted(folder.models),
        lambda path: build.voice(path, settings),
        log,
        earlier=lambda: earlier(folder.models),
        keep_loaded=settings.voice.keep_loaded,
    )
    schedule = build.schedule(settings, args.every)
    log.info(
        "daemon.started",
        bot=settings.bot,
        mode="live" if settings.live else "dry run",
        asks=settings.mode == "review",
        model=voice.name,
        engine=voice.engine,
        next_slot="now" if args.once else f"{schedule.next(clock.now()).due:%Y-%m-%d %H:%M:%S} UTC",
    )
    outbox = build.outbox(settings, publisher, clock, every=args.every)
    manner = build.manner(settings, lambda why: log.warning("topics.refused", why=why))

    def open_store() -> Store:
        return Store.open(folder.history, create=False)

    def screen(store: Store) -> Screen:
        return build.screen(settings, store, voice, rules=rules.now)

    agenda = Agenda(
        open_store=open_store,
        voice=voice,
        screen=screen,
        outbox=outbox,
        lookout=build.lookout(settings, publisher, clock),
        schedule=schedule,
        manner=manner,
        clock=clock,
        queue=build.queue(settings, clock),
        replying=build_replies.replying(
            settings,
            publisher,
            outbox,
            voice,
            open_store=open_store,
            screen=screen,
            manner=manner,
            prices=build.prices(settings),
            clock=clock,
        ),
    )
    for post in agenda.begin():
        log.warning("post.unknown", post=post, do=f"nothing: it is looked for. Or `mynah resolve {post} …`")

    def refresh() -> None:
        before = voice.name
        voice.refresh()
        if voice.name != before:
            folder.tell({**about, "speaking": voice.name})

    def reload() -> None:
        rules.reload()
        refresh()

    folder.tell({**about, "speaking": voice.name})
    return Begun(agenda, refresh, reload)


def _untrained(folder: StateFolder) -> bool:
    """A damaged model in use is no reason to train: there may be an earlier one."""
    from bot.voice import promoted

    try:
        return promoted(folder.models) is None
    except ModelError:
        return False


def _begun(begin: Callable[[], Begun], why_not: Callable[[], str | None], notifier: Notifier) -> Begun | None:
    """Without room on the disk it waits, for to fall ten times would keep it down; None: it was asked to stop."""
    import threading

    import structlog

    from bot.daemon import on_signals

    log, stop, said = structlog.get_logger(), threading.Event(), False
    while True:
        if (why := why_not()) is None:
            try:
                return begin()
            except NoRoom as error:
                why = str(error)
        if not said:
            log.error("daemon.waits", why=why)
        said = True
        notifier.needs(120)
        with on_signals(stop=lambda _: stop.set()):
            if stop.wait(15):
                return None


def _once(agenda: Agenda, clock: Clock) -> int:
    import structlog

    from bot import slots
    from bot.daemon import on_signals
    from bot.diary import Diary

    with on_signals(stop=lambda _: None):  # the round ends, and then so do we
        ended = agenda.speak_now(slots.once(clock.now()))
        Diary(structlog.get_logger()).write(ended)
    return {"dry": 0, "posted": 0, "drafted": 0, "waiting": BUSY}.get(ended.outcome, FAILED)


def _on_and_on(
    args: Namespace,
    settings: Settings,
    folder: StateFolder,
    begun: Begun,
    clock: Clock,
    notifier: Notifier,
) -> int:
    import faulthandler
    from datetime import timedelta

    import structlog

    from bot import build
    from bot.daemon import Daemon
    from bot.diary import Diary
    from bot.heartbeat import Heartbeat

    faulthandler.enable()  # a stack for the watchdog's SIGABRT
    log = structlog.get_logger()
    heartbeat = Heartbeat(
        begun.agenda,
        Diary(log),
        refresh=begun.refresh,
        room=lambda: room.why_not(folder.root),
        backups=build.backups(settings, folder),
        clock=clock,
        log=log,
    )
    seldom = timedelta(seconds=15)  # lets a small machine sleep, and a minute's punctuality is not asked of a bot
    daemon = Daemon(
        heartbeat.beat,
        begun.reload,
        period=max(min(seldom, args.every / 5), timedelta(milliseconds=200)) if args.every else seldom,
        clock=clock,
        notifier=notifier,
        log=log,
    )
    if not daemon.run():
        log.error("daemon.cut_short", detail="the last round did not end in time")
        os._exit(FAILED)  # its thread would keep the process; the history is whole at every moment
    log.info("daemon.stopped")
    return 0
