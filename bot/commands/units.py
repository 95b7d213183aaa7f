"""`mynah install-units`: the units and a bot's folders put in place, and what to do next."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bot.commands.opening import FAILED
from bot.errors import MynahError

if TYPE_CHECKING:
    from argparse import Namespace

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,24}")  # mynah-NAME is the name of a user
SAID = {
    "new": "put in place",
    "same": "is there already",
    "renewed": "renewed: it was an earlier one of ours",
    "replaced": "replaced; what you had changed is beside it as {name}.before",
    "kept": "KEPT, since somebody has changed it: --force replaces it; `systemctl edit` is the place for changes",
}


def install_units(args: Namespace) -> int:
    from bot.running import units

    if args.bot is not None and not NAME.fullmatch(args.bot):
        raise MynahError(f"{args.bot!r} is no name for a unit: up to 25 small letters, digits, - and _")
    program = Path(sys.prefix) / "bin" / "mynah"
    if not program.exists():
        raise MynahError(
            f"{program} is not there: install mynah into a virtual environment first, /opt/mynah/.venv say"
        )
    for path in (program, Path(sys.executable).resolve()):
        if str(path).startswith(units.HIDDEN):
            print(
                f"mynah: the units cannot see {path} (ProtectHome=yes): make the virtual environment in /opt, "
                "with the system's Python",
                file=sys.stderr,
            )
    kept = False
    wanted = units.texts(program, gpu=args.gpu)
    for path, verdict in units.place(args.prefix / units.SYSTEM, wanted, force=args.force, dry_run=args.dry_run):
        kept |= verdict == "kept"
        said = SAID[verdict].format(name=path.name)
        print(f"{path}: {'would be ' if args.dry_run and verdict not in {'same', 'kept'} else ''}{said}")
    if args.bot:
        _prepare(args.prefix, args.bot, only_say=args.dry_run)
    if not args.dry_run:
        print(_next(args.prefix, args.bot or "NAME", program, prepared=args.bot is not None))
    return FAILED if kept else 0


def _prepare(prefix: Path, bot: str, *, only_say: bool) -> None:
    """What a bot needs besides the units. Nothing that is there is touched."""
    from bot.running import units

    etc = prefix / "etc/mynah" / bot
    state = prefix / "var/lib/mynah" / bot
    try:
        for path, mode in ((etc, 0o755), (etc / "keys", 0o700), (state, 0o700)):
            there = path.is_dir()
            if not there and not only_say:
                path.mkdir(parents=True)
                path.chmod(mode)
            print(f"{path}/: {'is there already' if there else 'would be made' if only_say else 'made'}")
        config = etc / "config.toml"
        if config.exists():
            print(f"{config}: is there already")
            return
        if not only_say:
            shutil.copyfile(units.example(), config)
            config.chmod(0o644)
        print(f"{config}: {'would be ' if only_say else ''}the example, to be edited")
    except OSError as error:
        raise MynahError(f"{error.filename}: {error.strerror}; `mynah install-units` writes there, as root") from error


def _next(prefix: Path, bot: str, program: Path, *, prepared: bool) -> str:
    config, mynah = f"/etc/mynah/{bot}/config.toml", shlex.quote(str(program))
    steps = [
        ("systemctl daemon-reload", ""),
        *([] if prepared else [(f"{mynah} install-units --bot NAME", "a bot's folders, and its configuration")]),
        (f"editor {config}", "bot, schedule.timezone"),
        (f"{mynah} --config {config} --state /var/lib/mynah/{bot} import ARCHIVE.zip", ""),
        (f"systemctl enable --now mynah@{bot}", "trains first, and then rehearses"),
        (f"systemctl enable --now mynah-retrain@{bot}.timer", "a new model each week"),
    ]
    gone = (prefix / "etc/systemd/system").as_posix()
    undo = f"systemctl disable --now mynah@{bot} mynah-retrain@{bot}.timer; rm -r {gone}/mynah*@.*"
    told = [f"  {step:48}  # {why}" if why else f"  {step}" for step, why in steps]
    return "\n".join(["", "next:", *told, "to take the units out again:", f"  {undo}"])
