"""`mynah run`: the objects put together, then one round or a life of them."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from bot.commands.health import ready
from bot.commands.model import train
from bot.commands.shown import BUSY, FAILED, loaded

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable

    from bot.agenda import Agenda
    from bot.clock import Clock
    from bot.folder import StateFolder
    from bot.notify import Notifier
    from bot.settings import Settings


def run(args: Namespace) -> int:
    from bot import build, config, log
    from bot.clock import SystemClock, stamp
    from bot.folder import StateFolder
    from bot.notify import Notifier

    settings = loaded(args).settings
    clock = SystemClock()
    console = settings.log.format == "console" or (settings.log.format == "auto" and sys.stdout.isatty())
    secrets = build.secrets(settings).values()
    log.configure(level=settings.log.level, console=console, stream=sys.stdout, secrets=secrets, clock=clock)
    folder = StateFolder(settings.state)
    notifier = Notifier(config.notify_socket())
    every = args.every.total_seconds() if args.every else None
    with folder.hold({"since": stamp(clock.now()), "live": settings.live, "every": every, "bot": settings.bot}):
        agenda, refresh = _agenda(args, settings, folder, clock, notifier)
        return _once(agenda, clock) if args.once else _on_and_on(args, agenda, refresh, clock, notifier)


def _agenda(
    args: Namespace, settings: Settings, folder: StateFolder, clock: Clock, notifier: Notifier
) -> tuple[Agenda, Callable[[], None]]:
    """The bot, put together, and what makes it look for a newer model. What can be wrong cheaply is looked at first."""
    import structlog

    from bot import build
    from bot.agenda import Agenda
    from bot.store import Store
    from bot.voice import CurrentVoice, promoted

    publisher = build.publisher(settings, clock)
    with Store.open(folder.history) as store:
        build.claim(store, settings)
        if settings.live:
            ready(settings, folder, store, clock)
    log = structlog.get_logger()
    if promoted(folder.models) is None:
        log.info("model.missing", detail="training one first", authors=", ".join(settings.training.authors))
        train(settings, folder, clock, notifier)
    voice = CurrentVoice(lambda: promoted(folder.models), lambda path: build.voice(path, settings), log)
    schedule = build.schedule(settings, args.every)
    log.info(
        "daemon.started",
        bot=settings.bot,
        mode="live" if settings.live else "dry run",
        model=voice.name,
        next_slot="now" if args.once else f"{schedule.next(clock.now()).due:%Y-%m-%d %H:%M:%S} UTC",
    )
    agenda = Agenda(
        open_store=lambda: Store.open(folder.history, create=False),
        voice=voice,
        screen=lambda store: build.screen(settings, store, voice.copied),
        outbox=build.outbox(settings, publisher, clock, every=args.every),
        lookout=build.lookout(settings, publisher, clock),
        schedule=schedule,
        manner=build.manner(settings),
        clock=clock,
    )
    for post in agenda.begin():
        log.warning("post.unknown", post=post, do=f"nothing: it is looked for. Or `mynah resolve {post} …`")
    return agenda, voice.refresh


def _once(agenda: Agenda, clock: Clock) -> int:
    import structlog

    from bot import slots
    from bot.daemon import on_signals
    from bot.diary import Diary

    with on_signals(stop=lambda _: None):  # the round ends, and then so do we
        ended = agenda.speak_now(slots.once(clock.now()))
        Diary(structlog.get_logger()).write(ended)
    return {"dry": 0, "posted": 0, "waiting": BUSY}.get(ended.outcome, FAILED)


def _on_and_on(args: Namespace, agenda: Agenda, refresh: Callable[[], None], clock: Clock, notifier: Notifier) -> int:
    import faulthandler
    from datetime import timedelta

    import structlog

    from bot.daemon import Daemon
    from bot.diary import Diary

    faulthandler.enable()  # a stack for the watchdog's SIGABRT
    log = structlog.get_logger()
    diary = Diary(log)

    def tick() -> None:
        refresh()
        if ended := agenda.turn():
            diary.write(ended)

    seldom = timedelta(seconds=15)  # lets a small machine sleep, and a minute's punctuality is not asked of a bot
    daemon = Daemon(
        tick,
        refresh,
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
