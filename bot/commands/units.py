"""`mynah install-units`: installs the systemd units (on macOS agents of launchd) and a bot's folders."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bot.commands.console.terminal import say, warn
from bot.commands.opening import FAILED
from bot.commands.setup import agents
from bot.errors import MynahError

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,24}")  # mynah-NAME is also the name of a Unix user
VERDICTS = {  # what was done with a unit, and what --dry-run says would be done
    "new": ("installed", "would be installed"),
    "same": ("already up to date", "already up to date"),
    "renewed": ("updated", "would be updated"),
    "replaced": ("replaced; your version is kept as {name}.before", "would be replaced; yours kept as {name}.before"),
    "kept": 2 * ("KEPT, because it was changed: --force replaces it; use `systemctl edit` for changes instead",),
}


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--bot", metavar="NAME", help="also create the folders and the configuration of this bot")
    parser.add_argument("--gpu", action="store_true", help="add the drop-in for a machine with an NVIDIA GPU")
    parser.add_argument("--force", action="store_true", help="also replace units that were changed by hand")
    parser.add_argument("--dry-run", action="store_true", help="only show what would be done")
    parser.add_argument(
        "--prefix", type=Path, default=Path("/"), metavar="DIR", help="the root of another system (default: /)"
    )


def install_units(args: Namespace) -> int:
    from bot.running import units

    if sys.platform == "darwin":
        return agents.install(args, NAME)
    if args.bot is not None and not NAME.fullmatch(args.bot):
        raise MynahError(
            f"{args.bot!r} is not a name for a unit: use up to 25 lower-case letters, digits, - and _, "
            "beginning with a letter or digit"
        )
    program = Path(sys.prefix) / "bin" / "mynah"
    if not program.exists():
        raise MynahError(
            f"{program} does not exist: install mynah into a virtual environment first, for example /opt/mynah/.venv"
        )
    for path in (program, Path(sys.executable).resolve()):
        if str(path).startswith(units.HIDDEN):
            warn(
                f"the units cannot read {path} (ProtectHome=yes): create the virtual environment in /opt, with the "
                "system's Python"
            )
    any_kept = False
    texts = units.texts(program, gpu=args.gpu)
    for path, verdict in units.place(args.prefix / units.SYSTEM, texts, force=args.force, dry_run=args.dry_run):
        any_kept |= verdict == "kept"
        say(f"{path}: {VERDICTS[verdict][args.dry_run].format(name=path.name)}")
    if args.bot:
        _prepare(args.prefix, args.bot, dry_run=args.dry_run)
    if not args.dry_run:
        say(_next_steps(args.prefix, args.bot or "NAME", program, prepared=args.bot is not None))
    return FAILED if any_kept else 0


def _prepare(prefix: Path, bot: str, *, dry_run: bool) -> None:
    """Creates the folders and the configuration of a bot; leaves existing ones alone."""
    from bot.running import units

    etc = prefix / "etc/mynah" / bot
    state = prefix / "var/lib/mynah" / bot
    try:
        for path, mode in ((etc, 0o755), (etc / "keys", 0o700), (state, 0o700)):
            exists = path.is_dir()
            if not exists and not dry_run:
                path.mkdir(parents=True)
                path.chmod(mode)
            say(f"{path}/: {'already exists' if exists else 'would be created' if dry_run else 'created'}")
        config = etc / "config.toml"
        if config.exists():
            say(f"{config}: already exists")
            return
        if not dry_run:
            shutil.copyfile(units.example(), config)
            config.chmod(0o644)
        say(f"{config}: {'would be copied' if dry_run else 'copied'} from the example, for you to edit")
    except OSError as error:
        raise MynahError(f"{error.filename}: {error.strerror}; `mynah install-units` writes there, as root") from error


def _next_steps(prefix: Path, bot: str, program: Path, *, prepared: bool) -> str:
    config, mynah = f"/etc/mynah/{bot}/config.toml", shlex.quote(str(program))
    steps = [
        ("systemctl daemon-reload", ""),
        *([] if prepared else [(f"{mynah} install-units --bot NAME", "creates a bot's folders and configuration")]),
        (f"editor {config}", "set bot and schedule.timezone"),
        (f"{mynah} --config {config} --state /var/lib/mynah/{bot} import ARCHIVE.zip", ""),
        (f"systemctl enable --now mynah@{bot}", "trains a model, then makes dry runs"),
        (f"systemctl enable --now mynah-retrain@{bot}.timer", "trains a new model every week"),
        (f"systemctl enable --now mynah-web@{bot}", "serves a page on this machine: docs/web.md"),
    ]
    system = (prefix / "etc/systemd/system").as_posix()
    undo = f"systemctl disable --now mynah@{bot} mynah-web@{bot} mynah-retrain@{bot}.timer; rm -r {system}/mynah*@.*"
    lines = [f"  {step:48}  # {comment}" if comment else f"  {step}" for step, comment in steps]
    return "\n".join(["", "next steps:", *lines, "to remove the units again:", f"  {undo}"])
