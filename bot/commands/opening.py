"""What the commands share: the configuration and the files they work on, and how rows are shown."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from bot.errors import MynahError, StoreError

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterable, Mapping, Sequence

    from bot.config.load import Loaded
    from bot.config.settings import Settings
    from bot.config.state_dir import StateDir
    from bot.history.store import Store
    from bot.values import Post, Reason
    from training.library.library import Library

FAILED, BUSY, INTERRUPTED = 1, 75, 130  # exit codes that several commands give

# What a machine that only looks, or only speaks, or only trains need not have.
EXTRAS = {
    **dict.fromkeys(("torch", "transformers", "tokenizers", "safetensors", "numpy"), "model"),
    **dict.fromkeys(("apscheduler", "tweepy", "requests", "requests_oauthlib"), "speak"),
    "huggingface_hub": "train",
    "onnxruntime": "light",
}


def loaded(args: Namespace, *, keyless: bool = False) -> Loaded:
    """`keyless`: the folder of the keys may be empty, since they are only about to be made."""
    from bot.config import load

    flags = {
        "state": args.state,
        "live": getattr(args, "live", None),
        "mode": getattr(args, "mode", None),
        "training": {"rules": getattr(args, "rules", None)},
    }
    return load.load(args.config, flags, keyless=keyless)


def looked_at(settings: Settings) -> tuple[StateDir, Store | None]:
    """For commands that only look: the folder, and its history if there is one."""
    from bot.config.state_dir import StateDir
    from bot.history.store import Store

    folder = StateDir(settings.state)
    return folder, Store.open(folder.history, read_only=True) if folder.history.exists() else None


def writable(args: Namespace) -> Store:
    """Begun where there is none, but not beside a bot that runs: it has lost one, and would say things again."""
    from bot.config.state_dir import StateDir
    from bot.history.store import Store

    settings = loaded(args).settings
    folder = StateDir(settings.state)
    folder.make()
    if folder.history.exists():
        return Store.open(folder.history, create=False)
    from bot.running import assembly  # takes a moment, which most calls can spare

    if folder.holder() is not None:
        why = assembly.lost(settings, folder)
        raise StoreError(why or f"{folder.history} is not there, though a bot runs: stop it first, or let it begin")
    return assembly.history(settings, folder)


def open_library(folder: StateDir, *, create: bool = True) -> Library:
    """To be written to; an older one is copied before its schema changes. Raises the errors of training."""
    from bot.history import backup
    from training.library.library import Library

    return Library.open(folder.library, create=create, before=backup.before_migration)


def is_on_x(settings: Settings) -> bool:
    """Whether it is X that we speak to, and no server of one's own."""
    from urllib.parse import urlsplit

    return (urlsplit(settings.x.base_url).hostname or "").endswith((".x.com", ".twitter.com"))


def address(settings: Settings, handle: str, post: str) -> str:
    """Where a post can be seen; a server of one's own shows nothing. Without a handle X finds it too."""
    return f"https://x.com/{handle or 'i'}/status/{post}" if is_on_x(settings) else f"{post} at {settings.x.base_url}"


def installing(error: ModuleNotFoundError) -> str | None:
    """How to install what is missing; None for what belongs to no group, and so is our own mistake."""
    extra = EXTRAS.get((error.name or "").split(".")[0])
    return f"pip install 'mynah-bot[{extra}]'" if extra else None


def agreed(question: str) -> bool:
    """Asked of a person only: a script says --yes."""
    if not sys.stdin.isatty():
        raise MynahError("nobody is there to ask: say --yes if this is meant")
    try:
        return input(f"{question} [y/N] ").strip().lower() in {"y", "yes"}
    except EOFError:
        return False


def tweets(count: int) -> str:
    return "1 tweet" if count == 1 else f"{count:,} tweets"


def row_of(post: Post) -> dict[str, Any]:
    """What it cost is in dollars, as everywhere outside the history's own file."""
    from dataclasses import asdict

    from bot.sending.budget import DOLLAR

    return asdict(post) | {"cost": post.cost / DOLLAR}


def listed(reasons: Iterable[Reason]) -> str:
    return ", ".join(f"{reason.name} ({reason.detail})" if reason.detail else reason.name for reason in reasons)


def show(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[str], args: Namespace, *, empty: str = "nothing yet"
) -> None:
    """`empty`: what a person is told where there is no row; a program gets nothing then."""
    from bot.commands.console import tables

    if args.json:
        for row in rows:
            print(tables.as_json(row))
    elif args.csv:
        print(tables.as_csv(rows, list(rows[0]) if rows else columns))
    else:
        print(tables.as_table(rows, columns) if rows else empty)
