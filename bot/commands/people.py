"""`mynah block`, `mynah unblock` and `mynah forget`: people who met the bot on X, and people whose tweets it has."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from bot.commands.library import forget as forget_tweets
from bot.commands.opening import agreed, loaded, looked_at, show, writable
from bot.errors import MynahError, training_errors

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from bot.config.state_dir import StateDir
    from bot.history.store import Store


def block(args: Namespace) -> int:
    """Without a name: who is blocked."""
    from bot.clock import SystemClock
    from bot.history import blocks, mentions

    if args.handle is None:
        _, store = looked_at(loaded(args).settings)
        rows = blocks.blocks(store) if store else []
        show(rows, ("handle", "user", "because", "at"), args, empty="nobody is blocked")
        return 0
    if args.handle.casefold() == loaded(args).settings.bot.casefold():
        raise MynahError(f"@{args.handle} is the bot itself, which never answers its own posts; name somebody else")
    with writable(args) as store:
        user = mentions.user_id(store, args.handle)
        blocks.block(store, user=user, handle=args.handle, because="by hand", at=SystemClock().now())
    known = "" if user else "; under that name only, until it calls on the bot and shows its number"
    print(f"@{args.handle} is blocked, and will not be answered{known}")
    return 0


def unblock(args: Namespace) -> int:
    from bot.history import blocks

    with writable(args) as store:
        if not blocks.unblock(store, args.handle):
            raise MynahError(f"@{args.handle} is not blocked: `mynah block` lists those who are")
    print(f"@{args.handle} is not blocked any more; what they called meanwhile stays unanswered")
    return 0


def forget(args: Namespace) -> int:
    """Two things that may be known of a person: mentions, in the history, and tweets, in the library."""
    from bot.config.state_dir import StateDir

    folder = StateDir(loaded(args).settings.state)
    with _history(folder) as store:
        has_called = store is not None and _forget_mentions(args, store)
    if has_called and not _has_tweets(folder, args.author):
        print(f"the library has no tweets of @{args.author}")
        return 0
    return forget_tweets(args)


def _forget_mentions(args: Namespace, store: Store) -> bool:
    """Whether there were any to forget."""
    from bot.history import blocks, mentions

    count = mentions.count(store, args.author)
    if not count:
        return False
    what = "1 mention" if count == 1 else f"{count:,} mentions"
    if not args.yes and not agreed(f"Forget {what} by @{args.author}?"):
        print(f"the {what} were kept")
        return True
    user = mentions.user_id(store, args.author) or ""
    mentions.forget(store, args.author)
    print(f"forgot {what} by @{args.author}; answers of the bot that are on X stay there (`mynah delete`)")
    if blocks.is_blocked(store, user, args.author):
        print(f"@{args.author} stays blocked, and with that known by name; `mynah unblock @{args.author}` ends it")
    print("backups of the history know of it until newer ones have taken their place (backup.keep)")
    return True


@contextmanager
def _history(folder: StateDir) -> Iterator[Store | None]:
    from bot.history.store import Store

    if not folder.history.exists():
        yield None
        return
    with Store.open(folder.history) as store:
        yield store


def _has_tweets(folder: StateDir, handle: str) -> bool:
    from training.library.library import Library
    from training.sources.records import handle_of

    if not folder.library.exists():
        return False
    with training_errors(), Library.open(folder.library, read_only=True) as library:
        return handle_of(handle) in {author.handle for author in library.authors()}
