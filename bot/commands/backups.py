"""`mynah backup` and `mynah restore`: copies of the history and the library."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bot.commands.console.terminal import hint, say
from bot.commands.opening import FAILED, loaded
from bot.errors import Damaged, StoreError, training_errors

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from typing import Any

    from bot.config.settings import Settings
    from bot.config.state_dir import StateDir
    from bot.history.store import Store


def backup(args: Namespace) -> int:
    from bot.clock import SystemClock
    from bot.config.state_dir import StateDir
    from bot.running import assembly

    settings = loaded(args).settings
    folder = StateDir(settings.state)
    backups = assembly.backups(settings, folder)
    with _size_shown(backups.folder, [folder.history, folder.library]):
        copies = backups.make(SystemClock().now())
    if not copies:
        say("there is neither a history nor a library yet")
        return FAILED
    say("\n".join(map(str, copies)))
    hint("`mynah restore FILE` puts one of them back")
    return 0


@contextmanager
def _size_shown(folder: Path, sources: Sequence[Path]) -> Iterator[None]:
    """Show how much of the sources is in new files of the folder."""
    from bot.commands.console.progress import growing

    earlier = {*folder.glob("*.db")}
    total = sum(source.stat().st_size for source in sources if source.is_file())
    with growing("backing up", lambda: {*folder.glob("*.db*")} - earlier, total):
        yield


def add_restore_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="a backup made by `mynah backup` or by the bot")


def restore(args: Namespace) -> int:
    """Restore a backup. Refuses while the bot is running, since the bot would go on writing to the replaced file."""
    from bot.clock import SystemClock, stamp
    from bot.config.state_dir import StateDir
    from bot.history import backup

    settings, now = loaded(args).settings, SystemClock().now()
    folder = StateDir(settings.state)
    try:
        kind = backup.kind_of(args.file)
    except Damaged as error:  # the advice in its message is for a file in use
        raise StoreError(
            f"{args.file} is damaged or not a SQLite file: choose another backup made by `mynah backup`"
        ) from error
    target, prepare = {
        "history": (folder.history, lambda path: _prepare_history(path, folder, settings, args.file, now)),
        "library": (folder.library, _prepare_library),
    }[kind]
    with folder.hold({"since": stamp(now), "live": False, "every": None, "bot": settings.bot}):
        missing = _posts_missing(folder, args.file) if kind == "history" else []
        replaced = backup.restore(args.file, target, at=now, prepare=prepare)
    say(f"{target} is now a copy of {args.file}")
    if replaced:
        say(f"the previous file is kept as {replaced}; delete it when you no longer need it")
    for sentence in missing:
        say(sentence)
    hint("`mynah status` shows the state of the bot now")
    return 0


def _prepare_history(path: Path, folder: StateDir, settings: Settings, source: Path, now: datetime) -> None:
    """Adjust a restored history. It lacks the posts made after the backup, so a live bot is paused until resumed.

    Earlier slots are closed, waiting posts expire, earlier mentions get no reply, and the accounts that the present
    history blocks stay blocked. X could list its posts, but not the slot, mention or review that each belongs to.
    """
    from bot.clock import stamp
    from bot.history.store import Store
    from bot.replies import polling
    from bot.rounds.agenda import BORN
    from bot.running import account
    from bot.sending import pause
    from bot.sending.reconcile import ACCOUNT

    with Store.open(path, create=False, back_up=False) as store:
        account.claim(store, settings)
        _same_account(store.meta(ACCOUNT), folder.history)
        store.keep_meta(BORN, stamp(now))
        polling.reset_after_restore(store, now)
        _carry_blocks_over(store, folder.history, now)
        for post in store.posts_in("drafted", "approved", dry=False):
            store.move(post.id, "expired", at=now, note="it may have been posted after the backup")
        if settings.live or store.meta(ACCOUNT) or store.counts(dry=False):
            last = store.last_moment()
            ends = f"which ends at {stamp(last)}" if last else "which is empty"
            because = f"restored from {source}, {ends}: check the bot's page for what it has posted since"
            pause.pause(store, until=pause.FOR_GOOD, because=because)
            say("paused, because posts made after the backup are not in it: check the bot's page, then `mynah resume`")


def _carry_blocks_over(store: Store, present: Path, now: datetime) -> None:
    """Add the present history's blocks. A block in the backup stays, even if the user was unblocked afterwards."""
    from bot.history import blocks
    from bot.replies.polling import CURSOR

    rows, are_all = _blocked_in(present, now)
    count = blocks.add_all(store, rows)
    if count:
        who = "1 person who was blocked or opted out since the backup stays"
        more = f"{count:,} people who were blocked or opted out since the backup stay"
        say(f"{who if count == 1 else more} blocked")
    if not are_all and (rows or store.meta(CURSOR) or blocks.blocks(store)):
        say(
            "the previous history cannot be read in full: people who were blocked since the backup may get replies "
            "again, unless X still shows that they opted out; `mynah block @HANDLE` blocks those you know of"
        )


def _blocked_in(present: Path, now: datetime) -> tuple[list[dict[str, Any]], bool]:
    """The blocks, and whether they are complete as far as SQLite can tell."""
    from bot.history import blocks

    rows: list[dict[str, Any]] = []
    try:
        with _open_any_version(present) as store:
            rows = [row | {"at": _block_time(row["at"], now)} for row in blocks.blocks(store)]
            return rows, not store.damage()
    except StoreError:
        return rows, False


def _block_time(text: str, now: datetime) -> datetime:
    """Parse the time of a block; a damaged one becomes `now`, so that the block is not lost."""
    from bot.clock import moment

    try:
        return moment(text)
    except StoreError:
        return now


def _open_any_version(path: Path) -> Store:
    """Open a history of any version: restoring a backup is what mynah advises for one that a newer mynah wrote."""
    from bot.history.store import Store

    return Store.open(path, create=False, read_only=True, any_version=True)


def _same_account(account: str | None, present: Path) -> None:
    """Raise if the backup belongs to another account than the present history, if that can still be read."""
    from bot.sending.reconcile import ACCOUNT

    try:
        with _open_any_version(present) as store:
            ours = store.meta(ACCOUNT)
    except StoreError:
        return
    if ours and account and ours != account:
        raise StoreError(
            f"this backup belongs to account {account}, but {present} belongs to {ours}: choose another --state"
        )


def _prepare_library(path: Path) -> None:
    from training.library.library import Library

    with training_errors():
        Library.open(path, create=False).close()


def _posts_missing(folder: StateDir, source: Path) -> list[str]:
    """Return a sentence on the posts that only the present history has; none if it cannot be read."""

    def ids(path: Path) -> set[str]:
        with _open_any_version(path) as store:
            return {row["x_id"] for row in store.rows("SELECT x_id FROM post WHERE x_id IS NOT NULL")}

    try:
        count = len(ids(folder.history) - ids(source))
    except StoreError:
        return []
    if not count:
        return []
    posts = "1 post that is" if count == 1 else f"{count} posts that are"
    return [f"{posts} on X can only be found in the previous file"]
