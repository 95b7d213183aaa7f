"""The bot as agents of launchd, for `mynah install-units` on macOS: one runs it, one trains a new model each week."""

from __future__ import annotations

import plistlib
import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.commands.console.terminal import say
from bot.errors import MynahError

if TYPE_CHECKING:
    import re
    from argparse import Namespace

AGENTS, LOGS = Path("Library/LaunchAgents"), Path("Library/Logs")
FAILED_STARTS_APART = 60  # seconds, as RestartSec= of the systemd unit


def install(args: Namespace, name: re.Pattern[str]) -> int:
    """For the user who runs it; nothing is started. `name`: what a bot's name looks like."""
    from bot.running import units

    if args.bot is None or not name.fullmatch(args.bot):
        raise MynahError("say which bot, in lower-case letters, digits, - and _: `mynah install-units --bot NAME`")
    home = Path.home() if args.prefix == Path("/") else args.prefix.absolute()
    agents = {
        home / AGENTS / file: text for file, text in texts(Path(sys.prefix) / "bin/mynah", home, args.bot).items()
    }
    try:
        for path, text in agents.items():
            if path.exists() and path.read_bytes() not in {text, b""} and not args.force:
                raise MynahError(f"{path} is another version: --force replaces it")
            if not args.dry_run:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(text)
            say(f"{path}: {'would be installed' if args.dry_run else 'installed'}")
        own = config(home, args.bot)
        if not own.exists() and not args.dry_run:
            own.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(units.example(), own)
            say(f"{own}: copied from the example, for you to edit")
        if not args.dry_run:
            (home / LOGS).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MynahError(f"{error.filename}: {error.strerror}") from error
    say(_next_steps(home, args.bot, list(agents)))
    return 0


def _next_steps(home: Path, bot: str, agents: list[Path]) -> str:
    mynah = shlex.join(["mynah", "--config", str(config(home, bot)), "--state", str(state(home, bot))])
    run, retrain = (shlex.quote(str(path)) for path in agents)
    steps = [
        (f"open -e {shlex.quote(str(config(home, bot)))}", "set bot, schedule.timezone and x.keys"),
        (f"{mynah} import ARCHIVE.zip", ""),
        (f"launchctl bootstrap gui/$(id -u) {run}", "trains a model, then makes dry runs, also after the next login"),
        (f"launchctl bootstrap gui/$(id -u) {retrain}", "trains a new model each week"),
        (f"tail -f {shlex.quote(str(home / LOGS / label(bot, 'run')))}.log", "its log"),
        (f"launchctl bootout gui/$(id -u)/{label(bot, 'run')}", "stops it"),
    ]
    return "\n".join(["", "next steps:", *(f"  {step}{f'  # {why}' if why else ''}" for step, why in steps)])


def texts(program: Path, home: Path, bot: str) -> dict[str, bytes]:
    """The property lists by their names in ~/Library/LaunchAgents."""
    run = _agent(program, home, bot, "run")
    # launchd knows no exit code that a restart cannot help, so a wrong configuration is tried again each minute.
    run |= {"RunAtLoad": True, "KeepAlive": {"SuccessfulExit": False}, "ThrottleInterval": FAILED_STARTS_APART}
    retrain = _agent(program, home, bot, "retrain")
    retrain |= {"StartCalendarInterval": {"Weekday": 0, "Hour": 3, "Minute": 30}, "LowPriorityIO": True, "Nice": 10}
    return {f"{agent['Label']}.plist": plistlib.dumps(agent) for agent in (run, retrain)}


def label(bot: str, command: str) -> str:
    return f"mynah.{bot}" if command == "run" else f"mynah-{command}.{bot}"


def config(home: Path, bot: str) -> Path:
    return home / ".config/mynah" / bot / "config.toml"


def state(home: Path, bot: str) -> Path:
    return home / ".local/state/mynah" / bot


def _agent(program: Path, home: Path, bot: str, command: str) -> dict[str, Any]:
    log = str(home / LOGS / f"{label(bot, command)}.log")
    arguments = [program, "--config", config(home, bot), "--state", state(home, bot), command]
    return {
        "Label": label(bot, command),
        "ProgramArguments": list(map(str, arguments)),
        "EnvironmentVariables": {"HF_HUB_OFFLINE": "1"},
        "ProcessType": "Background",
        "Umask": 0o077,
        "ExitTimeOut": 60,  # the current round has 50 s to end
        "StandardOutPath": log,
        "StandardErrorPath": log,
    }
