"""What the commands share: the configuration and the files they work on, and how rows are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Mapping, Sequence

    from bot.config import Loaded
    from bot.folder import StateFolder
    from bot.settings import Settings
    from bot.store import Store

FAILED, BUSY, INTERRUPTED = 1, 75, 130  # exit codes that several commands give


def loaded(args: Namespace) -> Loaded:
    from bot import config

    flags = {
        "state": args.state,
        "live": getattr(args, "live", None),
        "training": {"tweets": getattr(args, "tweets", None), "author": getattr(args, "author", None)},
    }
    return config.load(args.config, flags)


def looked_at(settings: Settings) -> tuple[StateFolder, Store | None]:
    """For commands that only look: the folder, and its history if there is one."""
    from bot.folder import StateFolder
    from bot.store import Store

    folder = StateFolder(settings.state)
    return folder, Store.open(folder.history, read_only=True) if folder.history.exists() else None


def writable(args: Namespace) -> Store:
    from bot.folder import StateFolder
    from bot.store import Store

    folder = StateFolder(loaded(args).settings.state)
    folder.make()
    return Store.open(folder.history)


def show(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], args: Namespace) -> None:
    from bot import tables

    if args.json:
        for row in rows:
            print(tables.as_json(row))
    elif args.csv:
        print(tables.as_csv(rows, list(rows[0]) if rows else columns))
    else:
        print(tables.as_table(rows, columns) if rows else "nothing yet")
