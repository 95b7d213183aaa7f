"""`mynah block`, `unblock` and `forget`: people who mentioned the bot, and people whose tweets it has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.commands import arguments
from bot.commands.console.keyboard import confirm
from bot.commands.console.output import show, tweet_count
from bot.commands.opening import (
    existing_history,
    history_to_read,
    history_to_write,
    library_to_read,
    library_to_write,
    loaded,
)
from bot.errors import MynahError, training_errors

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterator
    from pathlib import Path

    from bot.config.settings import Settings
    from bot.config.state_dir import StateDir
    from bot.history.store import Store


def add_block_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "handle",
        nargs="?",
        type=arguments.handle,
        metavar="@HANDLE",
        help="the account to block (default: list the blocked accounts)",
    )
    arguments.add_json(parser)


def block(args: Namespace) -> int:
    """Block a user, or list the blocked users if no handle is given."""
    from bot.clock import SystemClock
    from bot.history import blocks, mentions

    if args.handle is None:
        _, store = history_to_read(loaded(args).settings)
        rows = blocks.blocks(store) if store else []
        show(rows, ("handle", "user", "because", "at"), args, empty="nobody is blocked")
        return 0
    if args.handle.casefold() == loaded(args).settings.bot.casefold():
        raise MynahError(f"@{args.handle} is the bot itself, which never replies to its own posts")
    with history_to_write(args) as store:
        user = mentions.user_id(store, args.handle)
        blocks.block(store, user=user, handle=args.handle, because="by hand", at=SystemClock().now())
    by_name = "" if user else "; only under this name until a mention shows its account number"
    print(f"@{args.handle} is blocked and will get no replies{by_name}")
    return 0


def add_unblock_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("handle", type=arguments.handle, metavar="@HANDLE", help="the account to unblock")


def unblock(args: Namespace) -> int:
    from bot.history import blocks

    with history_to_write(args) as store:
        if not blocks.unblock(store, args.handle):
            raise MynahError(f"@{args.handle} is not blocked: `mynah block` lists those who are")
    print(f"@{args.handle} is no longer blocked; mentions made in the meantime get no reply")
    return 0


def add_forget_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("author", type=arguments.handle, metavar="@HANDLE", help="the person to forget")
    arguments.add_yes(parser)


def forget(args: Namespace) -> int:
    """Delete a person's mentions from the history and their tweets from the library."""
    from bot.config.state_dir import StateDir

    settings = loaded(args).settings
    folder = StateDir(settings.state)
    with existing_history(folder) as store:
        had_mentions = store is not None and _forget_mentions(args, store)
    if had_mentions and not _has_tweets(folder, args.author):
        print(f"the library has no tweets by @{args.author}")
        return 0
    return _forget_tweets(args, settings, folder)


def _forget_mentions(args: Namespace, store: Store) -> bool:
    """Delete a person's mentions after a confirmation. Returns whether there were any."""
    from bot.history import blocks, mentions

    count = mentions.count(store, args.author)
    if not count:
        return False
    counted = "1 mention" if count == 1 else f"{count:,} mentions"
    if not args.yes and not confirm(f"Forget {counted} by @{args.author}?"):
        print(f"kept {counted}")
        return True
    user = mentions.user_id(store, args.author) or ""
    mentions.forget(store, args.author)
    print(f"forgot {counted} by @{args.author}; the bot's replies stay on X (`mynah delete` deletes them)")
    if blocks.is_blocked(store, user, args.author):
        print(f"@{args.author} stays blocked, so the name is still stored; `mynah unblock @{args.author}` removes it")
    print("backups of the history still hold them until newer backups replace them (backup.keep)")
    return True


def _has_tweets(folder: StateDir, handle: str) -> bool:
    from training.sources.records import handle_of

    with training_errors(), library_to_read(folder) as library:
        return library is not None and handle_of(handle) in {author.handle for author in library.authors()}


def _forget_tweets(args: Namespace, settings: Settings, folder: StateDir) -> int:
    from bot.history import backup
    from bot.running import assembly

    with training_errors(), library_to_write(folder, create=False) as library:
        author = library.archive(args.author)  # an error if there is no such author
        if not args.yes and not confirm(f"Remove {tweet_count(len(author.tweets))} by @{author.author}?"):
            print("nothing was removed")
            return 0
        count = library.forget(author.author)
    copies = backup.with_author((assembly.backups(settings, folder).folder, folder.root), author.author)
    for path in copies:
        path.unlink()
    print(f"removed {tweet_count(count)} by @{author.author}; the imported files are yours to keep or delete")
    if copies:
        print(f"removed {len(copies)} backup{'s' if len(copies) > 1 else ''} of the library that held them too")
    versions = list(_versions_trained_on(author.author, folder.models))
    for name, in_use in versions:
        print(f"model {name} was trained on them{' and is in use' if in_use else ''}: {folder.models / name}")
    if versions:
        print("a model cannot unlearn: train one without them with `mynah retrain`, then delete these folders")
    else:
        print(f"no model in {folder.models} was trained on them")
    return 0


def _versions_trained_on(author: str, models: Path) -> Iterator[tuple[str, bool]]:
    """The name of each version whose manifest names the author, and whether it is in use."""
    from training import errors
    from training.models import registry
    from training.models.model_dir import MANIFEST, read_manifest

    for path in sorted(models.glob(f"*/{MANIFEST}")):
        version = path.parent
        if version.is_symlink():
            continue
        try:
            authors = read_manifest(version).authors
            current = registry.current(models)
        except errors.ModelError:
            continue
        if author in authors:
            yield version.name, current is not None and current.name == version.name
