"""`mynah block`, `unblock`, `mentions` and `forget`: people who mentioned the bot, and people whose tweets it has.

The file is long because `forget`, `block` and `mentions` each say and ask what they will touch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bot.commands import arguments
from bot.commands.console.keyboard import confirm
from bot.commands.console.output import show, tweet_count
from bot.commands.console.terminal import say
from bot.commands.model.consent import keep_consent
from bot.commands.opening import (
    FAILED,
    existing_history,
    history_to_read,
    history_to_write,
    library_to_read,
    library_to_write,
    loaded,
    post_url,
)
from bot.errors import MynahError, StoreError, training_errors

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from pathlib import Path

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
    say(f"@{args.handle} is blocked and will get no replies{by_name}")
    return 0


def add_unblock_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("handle", type=arguments.handle, metavar="@HANDLE", help="the account to unblock")


def unblock(args: Namespace) -> int:
    from bot.history import blocks

    with history_to_write(args) as store:
        if not blocks.unblock(store, args.handle):
            raise MynahError(f"@{args.handle} is not blocked: `mynah block` lists those who are")
    say(f"@{args.handle} is no longer blocked; mentions made in the meantime get no reply")
    return 0


def add_mentions_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--seen", metavar="ID", help="take this mention off the list (all: every one)")
    arguments.add_json(parser)


def mentions(args: Namespace) -> int:
    """List the mentions that a person should look at, or take one off the list."""
    from bot.clock import SystemClock
    from bot.history import threads

    settings = loaded(args).settings
    if args.seen is None:
        _, store = history_to_read(settings)
        rows = [
            {"mention": row["id"], "by": row["handle"], "because": row["concern"], "read": row["at"]}
            | {"address": post_url(settings, row["handle"] or "i", row["id"])}
            for row in (threads.to_look_at(store) if store else [])
        ]
        show(rows, ("mention", "by", "because", "read", "address"), args, empty="no mention needs a person")
        return 0
    with history_to_write(args) as store:
        waiting = [row["id"] for row in threads.to_look_at(store)]
        if args.seen != "all" and args.seen not in waiting:
            raise MynahError(f"{args.seen} is not on the list: `mynah mentions` shows it")
        for mention in waiting if args.seen == "all" else [args.seen]:
            threads.mark_seen(store, mention, at=SystemClock().now())
    print("the list is empty" if args.seen == "all" else f"{args.seen} is off the list")
    return 0


def add_forget_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("author", type=arguments.handle, metavar="@HANDLE", help="the person to forget")
    parser.add_argument(
        "--delete-models", action="store_true", help="also delete the models that learnt them, even the one in use"
    )
    parser.add_argument("--plan", action="store_true", help="only show what there is of them, and change nothing")
    arguments.add_yes(parser)


def forget(args: Namespace) -> int:
    """Delete a person's mentions from the history, and their tweets and all that quotes them.

    The tweets themselves go last: what is interrupted can be run again.
    """
    from bot.config.state_dir import StateDir
    from bot.running import assembly

    settings = loaded(args).settings
    folder = StateDir(settings.state)
    if args.plan:
        return _plan(args, folder, assembly.backups(settings, folder).folder)
    with existing_history(folder) as store:
        had_mentions = store is not None and _forget_mentions(args, store)
    traces = _traces(args.author, folder, assembly.backups(settings, folder).folder)
    if had_mentions and not traces.any():
        _clear_histories(traces)
        say(f"the library has no tweets by @{args.author}")
        return _outcome(traces)
    return _forget_tweets(args, folder, traces)


def _plan(args: Namespace, folder: StateDir, backups: Path) -> int:
    from bot.history import mentions
    from training.models import registry

    traces = _traces(args.author, folder, backups)
    with existing_history(folder) as store:
        count = mentions.count(store, args.author) if store else 0
    in_use = next((one.name for one in registry.versions(folder.models) if one.in_use), "")
    names = ", ".join(f"{name} (in use)" if name == in_use else name for name in traces.versions)
    print(f"@{args.author}: {tweet_count(traces.tweets)} in the library, {count:,} mentions in the history")
    print(f"models that learnt them: {names or 'none'}")
    print(f"backups: {len(traces.copies)} of the library with their tweets, {len(traces.histories)} of the history")
    if traces.any() or count:
        print("refused drafts that quote tweets, unfinished trainings, and the statement of consent go too")
    for path in traces.unread:
        print(f"not readable, so it may have them: {path}")
    print("nothing was changed")
    return 0


def _forget_mentions(args: Namespace, store: Store) -> bool:
    """Delete a person's mentions after a confirmation. Returns whether there were any."""
    from bot.history import blocks, mentions

    count = mentions.count(store, args.author)
    if not count:
        return False
    counted = "1 mention" if count == 1 else f"{count:,} mentions"
    if not args.yes and not confirm(f"Forget {counted} by @{args.author}?"):
        say(f"kept {counted}")
        return True
    user = mentions.user_id(store, args.author) or ""
    mentions.forget(store, args.author)
    say(f"forgot {counted} by @{args.author}; the bot's replies stay on X (`mynah delete` deletes them)")
    if blocks.is_blocked(store, user, args.author):
        say(f"@{args.author} stays blocked, so the name is still stored; `mynah unblock @{args.author}` removes it")
    return True


@dataclass(slots=True)
class _Traces:
    """Where a person's tweets are, or are quoted."""

    author: str
    tweets: int = 0
    versions: list[str] = field(default_factory=list)  # of the model, that learnt them
    copies: list[Path] = field(default_factory=list)  # backups of the library with their tweets
    histories: list[Path] = field(default_factory=list)  # all backups of the history
    unread: list[Path] = field(default_factory=list)  # what may have them, but cannot be read

    def any(self) -> bool:
        return bool(self.tweets or self.versions or self.copies)


def _traces(handle: str, folder: StateDir, backups: Path) -> _Traces:
    from bot.history import backup
    from training.models import registry
    from training.sources.records import handle_of

    traces = _Traces(handle_of(handle))
    with training_errors():
        with library_to_read(folder) as library:
            authors = library.authors() if library else []
        traces.tweets = next((author.tweets for author in authors if author.handle == traces.author), 0)
        traces.versions, silent = registry.trained_on(folder.models, traces.author)
    traces.unread = [folder.models / name for name in silent]
    places = dict.fromkeys((backups, folder.backups, folder.root))
    for path in sorted(path for place in places for path in place.glob("library-*.db")):
        try:
            if backup.has_author(path, traces.author):
                traces.copies.append(path)
        except StoreError:
            traces.unread.append(path)
    traces.histories = sorted(path for place in places for path in place.glob("history-*.db"))
    return traces


def _forget_tweets(args: Namespace, folder: StateDir, traces: _Traces) -> int:
    author = traces.author
    if not traces.any():
        with training_errors(), library_to_write(folder, create=False) as library:
            library.archive(author)  # an error that says whom the library has
    if not args.yes and not confirm(f"Remove {tweet_count(traces.tweets)} by @{author}?"):
        say("nothing was removed")
        return 0
    with training_errors():
        _clear(traces, folder)
        _forget_models(args, folder, traces)
        if traces.tweets:
            with library_to_write(folder, create=False) as library:
                library.forget(author)
            say(f"removed {tweet_count(traces.tweets)} by @{author}; the imported files are yours to keep or delete")
    return _outcome(traces)


def _outcome(traces: _Traces) -> int:
    for path in traces.unread:
        say(f"not readable, so it may still have them: {path}; delete it, then run this again")
    return FAILED if traces.unread else 0


def _clear(traces: _Traces, folder: StateDir) -> None:
    """Everything that may quote the tweets, apart from models and the library itself."""
    from bot.history import forgetting

    if folder.models.is_dir():
        _clear_training(folder)
    keep_consent(folder, "")  # it is a statement about them too
    with existing_history(folder) as store:
        if store:
            forgetting.clear_refusals(store, traces.versions)
    for path in traces.copies:
        path.unlink()
    if count := len(traces.copies):
        say(f"removed {'1 backup' if count == 1 else f'{count} backups'} of the library that held them too")
    _clear_histories(traces)


def _clear_histories(traces: _Traces) -> None:
    """Delete their mentions, and refused drafts that quote tweets, from the backups of the history."""
    from bot.history import forgetting

    cleared = 0
    for path in traces.histories:
        try:
            cleared += forgetting.clear_backup(path, traces.author, traces.versions)
        except StoreError:
            traces.unread.append(path)
    if cleared:
        where = "1 backup" if cleared == 1 else f"{cleared} backups"
        say(f"removed their mentions and refused drafts from {where} of the history")


def _clear_training(folder: StateDir) -> None:
    """What an interrupted training left, and the runs that Weights & Biases keeps; an error while one is at work."""
    import shutil

    from training.models import registry

    runs = [folder.root / name for name in ("wandb", ".cache/wandb", ".local/share/wandb")]
    with registry.hold(folder.models):
        for path in (folder.models / registry.UNFINISHED, *runs):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
    log = folder.root.glob("log.jsonl*")  # it may quote what a model wrote
    for left in (*folder.root.glob("library.db.*"), *folder.root.glob("history.db.*"), *log):  # of killed processes
        left.unlink()


def _forget_models(args: Namespace, folder: StateDir, traces: _Traces) -> None:
    from training.models import registry

    models, names = folder.models, traces.versions
    if not names:
        say(f"no model in {models} was trained on them")
        return
    for version in registry.versions(models):
        if version.name in names:
            in_use = " and is in use" if version.in_use else ""
            say(f"model {version.name} was trained on them{in_use}: {version.folder}")
    counted = "this model" if len(names) == 1 else f"these {len(names)} models"
    with registry.hold(models):
        if args.delete_models or (not args.yes and confirm(f"Delete {counted} too? A model cannot unlearn.")):
            registry.delete(models, names)
            say(f"deleted {counted}; `mynah retrain` makes one without them")
            return
        registry.mark_forgotten(models, names)
    say("a model cannot unlearn: train one without them with `mynah retrain`, then run this again with --delete-models")
