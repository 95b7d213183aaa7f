"""`mynah` alone: what is in this state folder, and what to do next."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from bot.commands.console import terminal
from bot.commands.opening import history_to_read, library_to_read, loaded
from bot.errors import ModelError, training_errors
from bot.values import VERSION

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence
    from pathlib import Path

    from bot.config.settings import Settings
    from bot.config.state_dir import StateDir


class Contents(NamedTuple):
    """What a state folder has."""

    tweets: int
    authors: Sequence[str]
    model: str | None
    damage: str  # what is wrong with the model
    is_running: bool
    posts: int


def say_next(args: Namespace) -> int:
    settings = loaded(args).settings
    folder, store = history_to_read(settings)
    with training_errors(), library_to_read(folder) as library:
        authors = [author for author in (library.authors() if library else []) if author.tweets]
    model, damage = _model(folder)
    posts = sum(store.counts(dry=not settings.live).values()) if store else 0
    contents = Contents(
        sum(author.tweets for author in authors),
        [author.spelling or author.handle for author in authors],
        model,
        damage,
        folder.holder() is not None,
        posts,
    )
    _show(contents, settings, folder)
    return 0


def next_step(contents: Contents, *, live: bool) -> str:
    """The command that gets a bot one step further."""
    run = "mynah run --live" if live else "mynah run"
    if contents.is_running:
        return "the bot is running: `mynah status` says how it is, `mynah watch` keeps saying it"
    if contents.damage:
        return "`mynah models` says what is wrong with the model, `mynah rollback` goes back to the one before"
    if contents.model:
        does = "posts on schedule" if live else "shows what the bot would post, and when; nothing goes to X"
        return f"`{run}` {does}"
    if contents.tweets:
        return "`mynah retrain` trains a model on these tweets"
    return (
        "`mynah import FILE` takes in an archive of X; to see a bot at once, `mynah run --every 10s` trains one on the "
        "tweets of a made-up bird"
    )


def _short(path: Path) -> str:
    """The path with ~ for the home folder."""
    from pathlib import Path

    with suppress(RuntimeError, ValueError):  # there is no home, or the path is elsewhere
        return f"~/{path.relative_to(Path.home())}"
    return str(path)


def _model(folder: StateDir) -> tuple[str | None, str]:
    from bot.voice.model_voice import promoted

    try:
        current = promoted(folder.models)
    except ModelError as error:
        return None, str(error)
    return current.name if current else None, ""


def _show(contents: Contents, settings: Settings, folder: StateDir) -> None:
    from bot.commands.console.tables import Fact, as_facts

    who = ", ".join(f"@{author}" for author in contents.authors)
    facts = [
        Fact("bot", f"@{settings.bot}, {'live' if settings.live else 'a dry run: nothing goes to X'}"),
        Fact("folder", _short(folder.root)),
        Fact("tweets", f"{contents.tweets:,} by {who}" if who else "none yet"),
        Fact("model", contents.damage or contents.model or "none yet", "bad" if contents.damage else ""),
        Fact("posts", f"{contents.posts:,}" if contents.posts else "none yet"),
    ]
    terminal.say(f"Mynah {VERSION}", style="bold")
    terminal.put(as_facts(facts, width=terminal.width(), colour=terminal.has_colour()))
    terminal.say()
    terminal.hint(next_step(contents, live=settings.live), sys.stdout)
    terminal.say("`mynah --help` lists all commands")
