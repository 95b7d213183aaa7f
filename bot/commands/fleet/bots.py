"""`mynah run --bots` and `mynah fleet`: many bots in one process, each a folder with all that is one bot's."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.commands import arguments
from bot.commands import run as single
from bot.commands.console.output import show
from bot.commands.opening import FAILED
from bot.errors import ConfigError, MynahError

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from bot.config.settings import Settings
    from bot.config.state_dir import StateDir

BASES = ".bases"  # in the folder of the bots: what they share
DESCRIPTORS = 1_000  # of the process itself; each bot needs one more, and some while it is in a heartbeat
IDENTITY = ("bot", "state", "x.")  # keys that must not be the same for all
COLUMNS = ("bot", "running", "mode", "next_slot", "last_post", "heartbeat_age", "problem")


def add_run_arguments(parser: ArgumentParser) -> None:
    single.add_arguments(parser)
    parser.add_argument(
        "--bots", type=Path, metavar="DIR", help="run many bots: every folder in DIR that has a config.toml"
    )


def run(args: Namespace) -> int:
    if args.bots is None:
        return single.run(args)
    if args.once or args.state or args.home:
        raise ConfigError("--bots runs many bots, each in its own folder: leave out --once, --state and --home")
    return _run(args)


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("what", choices=("status", "retrain"), help="status: list the bots; retrain: train them anew")
    parser.add_argument("names", nargs="*", metavar="BOT", help="only these bots, by the names of their folders")
    parser.add_argument("--bots", type=Path, metavar="DIR", required=True, help="the folder of the bots")
    parser.add_argument("--all", action="store_true", help="retrain all bots, one after the other")
    arguments.add_json(parser)


def fleet(args: Namespace) -> int:
    homes = _chosen(args)
    return _status(args, homes) if args.what == "status" else _retrain(args, homes)


# Running


def _run(args: Namespace) -> int:
    import structlog

    from bot.clock import SystemClock, stamp
    from bot.config import load
    from bot.config.state_dir import StateDir
    from bot.fleet.children import Children
    from bot.running.systemd import Notifier

    state_dir, clock = _opened(args.bots), SystemClock()
    settings = _settings_of_process(args)
    _allow_descriptors()
    single.configure_log(settings, clock)
    log = structlog.get_logger()
    about = {"since": stamp(clock.now()), "fleet": True}
    children = Children(log)
    with StateDir(state_dir.root).hold(about):
        log.info("fleet.started", bots=str(state_dir.root))
        try:
            ended = _run_daemon(args, state_dir, about, children, Notifier(load.notify_socket()))
        finally:
            children.close()
    if not ended:
        log.error("daemon.cut_short", detail="the last rounds did not end in time")
        os._exit(FAILED)  # their threads would keep the process alive; each history is whole at every moment
    log.info("fleet.stopped")
    return 0


def _run_daemon(args: Namespace, state_dir: StateDir, about: dict[str, Any], children: Any, notifier: Any) -> bool:
    """Whether all heartbeats ended in time. Long: every part of the process is built and ended here, in order."""
    from datetime import timedelta

    import structlog

    from bot.clock import SystemClock
    from bot.commands.fleet.beginning import Beginning
    from bot.config import load
    from bot.fleet.fleet import ROUNDS, Fleet
    from bot.fleet.member import Member, Services
    from bot.fleet.voices import SharedVoices
    from bot.running.daemon import STOP_WITHIN, Daemon

    clock, log = SystemClock(), structlog.get_logger()
    drafting = os.cpu_count() or 1
    voices = SharedVoices(state_dir.root / BASES, drafting=drafting)
    period = timedelta(seconds=15)
    if args.every:
        period = max(min(period, args.every / 5), timedelta(milliseconds=200))

    def settings_of(home: Path) -> Settings:
        return load.load(None, {"live": args.live, "mode": args.mode}, home=home).settings

    services = Services(
        load=settings_of,
        begin=Beginning(settings_of, voices, children),
        serve=single.metrics_server,
        open_voice=voices.open,
        clock=clock,
        every=args.every,
        period=period,
    )
    fleet = Fleet(
        state_dir,
        lambda home: Member(home, services),
        about=about,
        clock=clock,
        log=log,
        rounds=drafting + ROUNDS,
    )

    def tick() -> None:
        fleet.tick()
        voices.tidy()

    daemon = Daemon(tick, fleet.reload, period=period, clock=clock, notifier=notifier, log=log)
    ended = daemon.run()
    children.close()  # a training is not waited for
    voices.close()
    return fleet.stop(STOP_WITHIN) and ended


def _opened(bots: Path) -> StateDir:
    """The folder of the bots, as its owner."""
    from bot.config import owner
    from bot.config.state_dir import StateDir

    state_dir = StateDir(bots)
    owner.become_owner(state_dir.root)
    os.umask(0o077)
    if not state_dir.root.is_dir():
        raise ConfigError(f"{bots}: no such folder; make it, and in it a folder with a config.toml for each bot")
    return state_dir


def _settings_of_process(args: Namespace) -> Settings:
    """What is the same for all bots, such as the log: from --config or the environment, not from a bot's folder."""
    from bot.config import load

    loaded = load.load(args.config or Path(os.devnull))
    shared = [f"{key} ({origin})" for key, origin in loaded.origins.items() if key.startswith(IDENTITY)]
    if shared:
        raise ConfigError(f"these would be the same for all bots: {', '.join(shared)}; put them in each bot's folder")
    return loaded.settings


def _allow_descriptors() -> None:
    """Use all the file descriptors that the system allows: every bot's folder is held open."""
    import resource  # not on Windows

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


# Commands


def _chosen(args: Namespace) -> list[Path]:
    from bot.fleet.fleet import homes

    found = {home.name: home for home, _ in homes(_opened(args.bots).root)}
    if missing := [name for name in args.names if name not in found]:
        raise MynahError(f"{args.bots} has no bot {missing[0]!r}: a bot is a folder with a config.toml")
    return [found[name] for name in args.names] or [*found.values()]


def _status(args: Namespace, homes: list[Path]) -> int:
    from bot.config.state_dir import StateDir

    about = StateDir(args.bots).holder()
    failed = (about or {}).get("failed", {})
    show([_row(home, failed.get(home.name, "")) for home in homes], COLUMNS, args, empty=f"no bots in {args.bots} yet")
    if not args.json:
        running = "is running" if about is not None else "is not running: `mynah run --bots` starts it"
        print(f"{len(homes)} {'bot' if len(homes) == 1 else 'bots'}; the process {running}")
    return 0


def _row(home: Path, failed: str) -> dict[str, Any]:
    from bot.clock import SystemClock, moment
    from bot.config import load
    from bot.config.state_dir import StateDir
    from bot.running import status

    try:
        settings = load.load(None, home=home, keyless=True).settings
        row = status.row(settings, StateDir(home), SystemClock().now())
    except MynahError as error:
        return dict.fromkeys(COLUMNS) | {"bot": home.name, "running": False, "problem": failed or str(error)}
    times = {name: moment(row[name]) if row[name] else None for name in ("next_slot", "last_post")}
    problem = failed or row["paused"] or "; ".join(row["alerts"])
    return {name: row.get(name) for name in COLUMNS} | times | {"bot": home.name, "problem": problem}


def _retrain(args: Namespace, homes: list[Path]) -> int:
    """One after the other, each by a process of its own; those that fail are named at the end."""
    import subprocess

    if bool(args.names) == args.all:
        raise MynahError("name the bots to retrain, or use --all for all of them")
    failed = []
    for home in homes:
        print(f"{home.name}:", file=sys.stderr)
        process = subprocess.run([sys.executable, "-m", "bot", "--home", home, "retrain"], check=False)  # noqa: S603
        if process.returncode:
            failed.append(home.name)
    if failed:
        raise MynahError(f"{len(failed)} of {len(homes)} bots have no new model: {', '.join(failed)}")
    return 0
