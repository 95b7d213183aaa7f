"""`mynah run`: from the settings to the running bot, top to bottom.

The file is long because each way to start, wait and end has a function.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from bot.clock import why_doubted
from bot.commands import arguments
from bot.commands.console import terminal
from bot.commands.doctor import ready
from bot.commands.opening import BUSY, FAILED, loaded, own_command, read_configuration
from bot.commands.retrain import train
from bot.errors import Damaged, ModelError, MynahError, NoRoom
from bot.running import resources
from bot.values import VERSION

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable, Iterator

    from bot.clock import Clock
    from bot.config.settings import Settings
    from bot.config.state_dir import StateDir
    from bot.running.app import App, Process
    from bot.running.logs.lines import LogLines
    from bot.running.notifications.notifications import Notifications
    from bot.running.systemd import Notifier

RETRY = 15.0  # seconds between two checks while the start waits
RETRY_AFTER_TRYING = 120.0  # a first training reads all tweets before it knows how much disk space it needs


def add_arguments(parser: ArgumentParser) -> None:
    arguments.add_live(parser)
    parser.add_argument(
        "--mode", choices=("auto", "review"), help="auto: post by itself; review: every draft needs your approval"
    )
    parser.add_argument("--once", action="store_true", help="do one round now, then exit")
    parser.add_argument(
        "--every",
        type=arguments.duration,
        metavar="DURATION",
        help="post every DURATION (e.g. 10s) instead of following the schedule",
    )
    parser.add_argument(
        "--web", action="store_true", help="also serve the page of `mynah web`, in a process of its own"
    )


def run(args: Namespace) -> int:
    from bot.clock import SystemClock, stamp
    from bot.config import load
    from bot.config.state_dir import StateDir
    from bot.running.app import Process
    from bot.running.log import why_unwritable
    from bot.running.notifications.notifications import running as told
    from bot.running.systemd import Notifier

    settings, clock = loaded(args).settings, SystemClock()
    process = Process(
        load=lambda: read_configuration(args).settings,
        state_dir=StateDir(settings.state),
        about={
            "since": stamp(clock.now()),
            "live": settings.live,
            "every": args.every.total_seconds() if args.every else None,
            "bot": settings.bot,
        },
        every=args.every,
        clock=clock,
        notifier=Notifier(load.notify_socket()),
        log_problem=why_unwritable,
    )
    configure_log(settings, clock, process.state_dir)
    if not os.isatty(0):  # a reload that is asked for while it starts; the daemon listens to later ones
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with process.state_dir.hold(process.about), web_page(args):
        if args.once:
            return run_once(start(settings, process), process)
        app = start_when_possible(
            lambda: start(settings, process),
            lambda: why_not_yet(process.state_dir, clock),
            process.notifier,
        )
        if app is None:
            return 0
        with metrics_server(app, process), told(notifications(app, process)):
            return run_daemon(app, process)


@contextmanager
def web_page(args: Namespace) -> Iterator[None]:
    """With --web, `mynah web` as long as this process lasts: it ends when its standard input does."""
    if not args.web:
        yield
        return
    import subprocess
    from importlib.util import find_spec

    for module in ("starlette", "uvicorn", "jinja2"):
        if find_spec(module) is None:
            raise ModuleNotFoundError(module, name=module)
    command = [*own_command(args), "web", "--with-parent"]
    # In a session of its own, Ctrl-C reaches the bot alone, which then ends the page.
    page = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)  # noqa: S603  ourselves
    try:
        yield
    finally:
        page.communicate()  # closes its standard input, and waits


def configure_log(settings: Settings, clock: Clock, state_dir: StateDir | None = None) -> None:
    """For the process that runs the bot; with `state_dir`, `mynah watch` sees the log too."""
    from bot.running import account, log

    is_for_people = settings.log.format == "console" or (settings.log.format == "auto" and sys.stdout.isatty())
    log.configure(
        level=settings.log.level,
        stream=sys.stdout,
        secrets=account.hidden(settings),
        clock=clock,
        console=log_lines(settings, sys.stdout) if is_for_people else None,
        folder=state_dir.root if state_dir else None,
    )


def log_lines(settings: Settings, stream: TextIO) -> LogLines:
    """The format of the log on a terminal."""
    from zoneinfo import ZoneInfo

    from bot.running.logs.lines import LogLines

    zone = ZoneInfo(settings.schedule.timezone)
    return LogLines(zone=zone, width=lambda: terminal.width(stream), colour=terminal.has_colour(stream))


def start(settings: Settings, process: Process) -> App:
    """The bot, ready for its first round. What is cheap to check comes first, then a first training, then the model."""
    import structlog

    from bot.running import account
    from bot.running.app import App
    from bot.sending.outbox import how_to_resolve

    log, state_dir, clock = structlog.get_logger(), process.state_dir, process.clock
    publisher = account.publisher(settings, clock)
    check_history(settings, state_dir, clock)
    if not has_model(state_dir):
        log.info("model.missing", detail="training one first")
        train(settings, state_dir, clock, process.notifier)
    app = App(process, settings, publisher)
    log.info(
        "daemon.started",
        bot=settings.bot,
        live=settings.live,
        mode=settings.mode,
        model=app.voice.name,
        engine=app.voice.engine,
        next_slot=f"{app.now.schedule.next(clock.now()).due:%Y-%m-%d %H:%M:%S} UTC",
    )
    for post in app.now.agenda.begin():
        log.warning("post.unknown", post=post, do=f"nothing: the bot looks for it on X; or {how_to_resolve(post)}")
    app.announce()
    return app


def check_history(settings: Settings, state_dir: StateDir, clock: Clock) -> None:
    """Raises if the history is damaged, belongs to another account, or lacks something that going live needs."""
    from bot.history.file import advice
    from bot.running import account, assembly

    with assembly.history(settings, state_dir) as store:
        if damage := store.damage():
            raise Damaged(f"{state_dir.history}: {damage[0]}; {advice(state_dir.history)}")
        account.claim(store, settings)
        if settings.live:
            ready(settings, state_dir, store, clock)


def has_model(state_dir: StateDir) -> bool:
    """Whether a model was promoted. A damaged one counts: an earlier one may load, so this is no reason to train."""
    from bot.voice.model_voice import promoted

    try:
        return promoted(state_dir.models) is not None
    except ModelError:
        return True


def start_when_possible(
    start: Callable[[], App],
    why_not: Callable[[], str | None],
    notifier: Notifier,
    *,
    pauses: tuple[float, float] = (RETRY, RETRY_AFTER_TRYING),
) -> App | None:
    """Wait for disk space or a credible clock, because a service that exits is not restarted forever.

    None if a signal ended the wait. `pauses`: after a check that failed, and after a start that ran out of space.
    """
    import threading

    import structlog

    from bot.running.daemon import on_signals

    log, stop, logged = structlog.get_logger(), threading.Event(), ""
    while True:
        pause = pauses[0]
        if (why := why_not()) is None:
            try:
                return start()
            except NoRoom as error:
                why, pause = str(error), pauses[1]
        with on_signals(stop=lambda _: stop.set(), hang_up=lambda: None):  # there is nothing to reload yet
            if why != logged:
                log.error("daemon.waits", why=why)
            logged = why
            notifier.needs(600)
            if stop.wait(pause):
                return None


def why_not_yet(state_dir: StateDir, clock: Clock) -> str | None:
    """Why the start has to wait: no space, or a wrong clock (one without a battery waits for the network to set it)."""
    return why_doubted(clock.now()) or resources.why_not(state_dir.root)


def run_once(app: App, process: Process) -> int:
    import structlog

    from bot.rounds import slots
    from bot.running.daemon import on_signals
    from bot.running.round_log import RoundLog

    with on_signals(stop=lambda _: None):  # the process ends with this round, so a first signal can be ignored
        ended = app.now.agenda.speak_now(slots.once(process.clock.now()))
        RoundLog(structlog.get_logger()).write(ended)
        notifications(app, process).turn()
    return {"dry": 0, "posted": 0, "drafted": 0, "waiting": BUSY}.get(ended.outcome, FAILED)


def run_daemon(app: App, process: Process) -> int:
    import faulthandler
    from datetime import timedelta

    import structlog

    from bot.running.daemon import Daemon
    from bot.running.heartbeat import Heartbeat
    from bot.running.round_log import RoundLog

    faulthandler.enable()  # prints the stacks when systemd's watchdog sends SIGABRT
    log, state_dir = structlog.get_logger(), process.state_dir
    heartbeat = Heartbeat(
        lambda: app.now,
        RoundLog(log),
        refresh=app.refresh,
        shortage=lambda: resources.why_not(state_dir.root),
        clock=process.clock,
        log=log,
    )

    def beat() -> None:
        if heartbeat.beat():
            state_dir.beat()

    period = timedelta(seconds=15)  # lets a small machine sleep; nobody needs a bot to be punctual to the second
    if process.every:
        period = max(min(period, process.every / 5), timedelta(milliseconds=200))
    daemon = Daemon(
        beat,
        app.reload,
        period=period,
        problem=process.log_problem,
        clock=process.clock,
        notifier=process.notifier,
        log=log,
    )
    if not daemon.run():
        log.error("daemon.cut_short", detail="the last round did not end in time")
        os._exit(FAILED)  # the round's thread would keep the process alive; the history is whole at every moment
    log.info("daemon.stopped")
    return 0


def notifications(app: App, process: Process) -> Notifications:
    import structlog

    from bot.running.notifications.notifications import Notifications

    log = structlog.get_logger()
    return Notifications(lambda: app.now.settings, process.state_dir, clock=process.clock, log=log)


@contextmanager
def metrics_server(app: App, process: Process) -> Iterator[None]:
    """Prometheus metrics if `metrics.listen` is set. Without address or library the bot runs without them."""
    import structlog

    from bot.config.types import listen_address

    address = listen_address(app.now.settings.metrics.listen)
    server = None
    if address:
        try:
            from bot.running import metrics, status  # only here: prometheus_client takes memory

            def text() -> str:
                row = status.row(app.now.settings, process.state_dir, process.clock.now())
                return metrics.exposition(row | {"version": VERSION})

            server = metrics.MetricsServer(address, text, process.clock.monotonic)
        except (MynahError, ModuleNotFoundError) as error:
            structlog.get_logger().error("metrics.failed", why=str(error))
    try:
        yield
    finally:
        if server:
            server.close()
