"""Opens what commands work on: the configuration, the history and the library."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

from bot.errors import ConfigError, StoreError
from bot.history import ledger

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from bot.config.load import Loaded
    from bot.config.settings import Settings
    from bot.config.state_dir import StateDir
    from bot.history.store import Store
    from training.library.library import Library

FAILED, BUSY, INTERRUPTED = 1, 75, 130  # exit codes that several commands give


def loaded(args: Namespace, *, keyless: bool = False) -> Loaded:
    """Load the configuration; root then becomes the owner of the state folder, and new files are private.

    With `keyless`, the keys may be missing because the command is about to create them, as root.
    """
    import os

    from bot.config import owner
    from bot.config.state_dir import StateDir, expanded

    known: Loaded | None = getattr(args, "loaded", None)
    if known:  # the owner of the folder may not read root's keys again
        return known
    home: Path | None = getattr(args, "home", None)
    if home and not keyless:  # the configuration in it is its owner's too
        owner.become_owner(expanded(home).absolute())
    with owner.as_owner(expanded(home).absolute()) if home and keyless else nullcontext():
        config = read_configuration(args, keyless=keyless)
    os.umask(0o077)
    if not keyless and owner.become_owner(StateDir(config.settings.state).root):
        args.loaded = config
    return config


def read_configuration(args: Namespace, *, keyless: bool = False) -> Loaded:
    from bot.config import load
    from bot.config.state_dir import expanded

    home: Path | None = getattr(args, "home", None)
    if home and (args.config or args.state):
        raise ConfigError("--home says where configuration and state are: leave out --config and --state")
    flags = {
        "state": args.state,
        "live": getattr(args, "live", None),
        "mode": getattr(args, "mode", None),
        "training": {"rules": getattr(args, "rules", None)},
    }
    return load.load(args.config, flags, keyless=keyless, home=expanded(home).absolute() if home else None)


def own_command(args: Namespace) -> list[str]:
    """The words that start this program again with the same configuration; a command follows them."""
    import sys
    from pathlib import Path

    script = Path(sys.prefix) / "bin" / "mynah"
    program = [str(script)] if script.exists() else [sys.executable, "-m", "mynah_bot"]
    config = ["--config", str(args.config)] if args.config else []
    return [*program, *config, *(["--state", str(args.state)] if args.state else [])]


def history_to_read(settings: Settings) -> tuple[StateDir, Store | None]:
    """The state folder, and its history if there is one."""
    from bot.config.state_dir import StateDir
    from bot.history.store import Store

    folder = StateDir(settings.state)
    return folder, Store.open(folder.history, read_only=True) if folder.history.exists() else None


def history_to_write(args: Namespace) -> Store:
    """Open or create the history. Raises if it is missing while a bot runs, because a new one would repeat posts."""
    from bot.config.state_dir import StateDir
    from bot.history.store import Store

    settings = loaded(args).settings
    folder = StateDir(settings.state)
    folder.make()
    if folder.history.exists():
        return Store.open(folder.history, create=False)
    from bot.running import assembly  # slow to import, and rarely needed

    if folder.holder() is not None:
        why = assembly.lost(settings, folder)
        raise StoreError(why or f"{folder.history} is missing while a bot is running: stop it, or wait until it starts")
    return assembly.history(settings, folder)


@contextmanager
def existing_history(folder: StateDir) -> Iterator[Store | None]:
    """Open the history for writing; None if there is none."""
    from bot.history.store import Store

    if not folder.history.exists():
        yield None
        return
    with Store.open(folder.history, create=False) as store:
        yield store


def record_expense(folder: StateDir, kind: str, cost: int, *, about: str, at: datetime) -> None:
    """Record what a command paid, so that `mynah spend` shows it. Does nothing if there is no history."""
    with existing_history(folder) as store:
        if store:
            ledger.spend(store, kind, cost, about=about, by_hand=True, at=at)


@contextmanager
def library_to_read(folder: StateDir) -> Iterator[Library | None]:
    """Open the library for reading, once its schema is up to date; None if there is none. Raises training's errors."""
    from training.library.library import Library

    if not folder.library.exists():
        yield None
        return
    if Library.is_older(folder.library):
        library_to_write(folder, create=False).close()
    with Library.open(folder.library, read_only=True) as library:
        yield library


def library_to_write(folder: StateDir, *, create: bool = True) -> Library:
    """Open the library for writing; one with an older schema is backed up and migrated. Raises training's errors."""
    from bot.history import backup
    from training.library.library import Library

    return Library.open(folder.library, create=create, before=backup.before_migration)


def is_on_x(settings: Settings) -> bool:
    """Whether the bot talks to X itself and not to a test server."""
    from bot.config import ceilings

    return ceilings.is_x(settings.x.base_url)


def post_url(settings: Settings, handle: str, post: str) -> str:
    """The URL of a post. X finds it without the handle too; a test server shows no posts."""
    return f"https://x.com/{handle or 'i'}/status/{post}" if is_on_x(settings) else f"{post} at {settings.x.base_url}"


def how_to_install(error: ModuleNotFoundError) -> str | None:
    """How to install the missing module; None if it belongs to no extra, which is a bug."""
    from training import installation

    return installation.how_to_install(error.name or "")
