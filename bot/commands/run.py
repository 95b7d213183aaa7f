"""`mynah run`: the objects put together, then one round or a life of them."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from bot.clock import why_doubted
from bot.commands.doctor import ready
from bot.commands.opening import BUSY, FAILED, loaded
from bot.commands.retrain import train
from bot.errors import Damaged, ModelError, MynahError, NoRoom
from bot.running import resources

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Iterator, Mapping

    from bot.clock import Clock
    from bot.config.settings import Settings
    from bot.config.state_dir import StateDir
    from bot.rounds.agenda import Agenda
    from bot.running.app import App
    from bot.running.systemd import Notifier


def run(args: Namespace) -> int:
    from bot.clock import SystemClock, stamp
    from bot.config import load
    from bot.config.state_dir import StateDir
    from bot.running import assembly, log
    from bot.running.systemd import Notifier

    settings = loaded(args).settings
    clock = SystemClock()
    console = settings.log.format == "console" or (settings.log.format == "auto" and sys.stdout.isatty())
    hidden = assembly.hidden(settings)
    log.configure(level=settings.log.level, console=console, stream=sys.stdout, secrets=hidden, clock=clock)
    folder = StateDir(settings.state)
    notifier = Notifier(load.notify_socket())
    every = args.every.total_seconds() if args.every else None
    about = {"since": stamp(clock.now()), "live": settings.live, "every": every, "bot": settings.bot}
    with folder.hold(about):
        begin = partial(_born, args, settings, folder, about, clock, notifier)
        if args.once:
            return _once(begin().now.agenda, clock)
        app = _begun(begin, partial(_why_wait, folder, clock), notifier)
        if app is None:
            return 0
        with _watched(app, folder, clock):
            return _on_and_on(args, folder, app, clock, notifier)


def _born(
    args: Namespace,
    settings: Settings,
    folder: StateDir,
    about: Mapping[str, Any],
    clock: Clock,
    notifier: Notifier,
) -> App:
    """The bot, put together. What can be wrong cheaply is looked at first."""
    import structlog

    from bot.running import assembly
    from bot.running.app import App

    publisher = assembly.publisher(settings, clock)
    _look(settings, folder, clock)
    log = structlog.get_logger()
    if _untrained(folder):
        log.info("model.missing", detail="training one first")
        train(settings, folder, clock, notifier)
    app = App(
        lambda: loaded(args).settings,
        settings,
        publisher=publisher,
        folder=folder,
        about=about,
        every=args.every,
        keepalive=notifier.keepalive,
        clock=clock,
    )
    log.info(
        "daemon.started",
        bot=settings.bot,
        mode="live" if settings.live else "dry run",
        review_mode=settings.mode == "review",
        model=app.voice.name,
        engine=app.voice.engine,
        next_slot="now" if args.once else f"{app.now.schedule.next(clock.now()).due:%Y-%m-%d %H:%M:%S} UTC",
    )
    for post in app.now.agenda.begin():
        log.warning("post.unknown", post=post, do=f"nothing: it is looked for. Or `mynah resolve {post} …`")
    app.tell()
    return app


def _look(settings: Settings, folder: StateDir, clock: Clock) -> None:
    """Is the history whole, is it this account's, and is all there that going live needs?"""
    from bot.history.file import advice
    from bot.running import assembly

    with assembly.history(settings, folder) as store:
        if damage := store.damage():
            raise Damaged(f"{folder.history}: {damage[0]}; {advice(folder.history)}")
        assembly.claim(store, settings)
        if settings.live:
            ready(settings, folder, store, clock)


def _untrained(folder: StateDir) -> bool:
    """A damaged model in use is no reason to train: there may be an earlier one."""
    from bot.voice.model_voice import promoted

    try:
        return promoted(folder.models) is None
    except ModelError:
        return False


def _why_wait(folder: StateDir, clock: Clock) -> str | None:
    """A machine without a clock of its own begins in the past, where nobody may go live; the network sets it soon."""
    return why_doubted(clock.now()) or resources.why_not(folder.root)


PAUSES = 15.0, 120.0  # seconds; a first training reads all tweets before it knows how much room it needs


def _begun(
    begin: Callable[[], App],
    why_not: Callable[[], str | None],
    notifier: Notifier,
    pauses: tuple[float, float] = PAUSES,
) -> App | None:
    """Without room, or with a wrong clock, it waits, for to fall would keep it down; None: it was asked to stop.

    `pauses`: before it looks again, and before it begins again where there was room and yet too little.
    """
    import threading

    import structlog

    from bot.running.daemon import on_signals

    log, stop, said = structlog.get_logger(), threading.Event(), ""
    while True:
        pause = pauses[0]
        if (why := why_not()) is None:
            try:
                return begin()
            except NoRoom as error:
                why, pause = str(error), pauses[1]
        with on_signals(stop=lambda _: stop.set(), hang_up=lambda: None):  # a reload has nothing to reload yet
            if why != said:
                log.error("daemon.waits", why=why)
            said = why
            notifier.needs(600)
            if stop.wait(pause):
                return None


@contextmanager
def _watched(app: App, folder: StateDir, clock: Clock) -> Iterator[None]:
    """The door for Prometheus, where one is asked for; a bot without it speaks all the same."""
    import structlog

    from bot.commands.arguments import VERSION
    from bot.config.types import listen_address
    from bot.running import metrics, status_row

    at = listen_address(app.now.settings.metrics.listen)
    door = None
    try:
        if at:
            row = partial(status_row.row, folder=folder)
            door = metrics.MetricsServer(
                at,
                lambda: metrics.exposition(row(app.now.settings, now=clock.now()) | {"version": VERSION}),
                clock.monotonic,
            )
    except MynahError as error:
        structlog.get_logger().error("metrics.failed", why=str(error))
    try:
        yield
    finally:
        if door:
            door.close()


def _once(agenda: Agenda, clock: Clock) -> int:
    import structlog

    from bot.rounds import slots
    from bot.running.daemon import on_signals
    from bot.running.round_log import RoundLog

    with on_signals(stop=lambda _: None):  # the round ends, and then so do we
        ended = agenda.speak_now(slots.once(clock.now()))
        RoundLog(structlog.get_logger()).write(ended)
    return {"dry": 0, "posted": 0, "drafted": 0, "waiting": BUSY}.get(ended.outcome, FAILED)


def _on_and_on(
    args: Namespace,
    folder: StateDir,
    app: App,
    clock: Clock,
    notifier: Notifier,
) -> int:
    import faulthandler
    from datetime import timedelta

    import structlog

    from bot.running.daemon import Daemon
    from bot.running.heartbeat import Heartbeat
    from bot.running.round_log import RoundLog

    faulthandler.enable()  # a stack for the watchdog's SIGABRT
    log = structlog.get_logger()
    heartbeat = Heartbeat(
        lambda: app.now,
        RoundLog(log),
        refresh=app.refresh,
        room=lambda: resources.why_not(folder.root),
        clock=clock,
        log=log,
    )

    def beat() -> None:
        if heartbeat.beat():
            folder.beat()

    seldom = timedelta(seconds=15)  # lets a small machine sleep, and a minute's punctuality is not asked of a bot
    daemon = Daemon(
        beat,
        app.reload,
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
