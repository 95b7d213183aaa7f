"""`mynah backup` and `mynah restore`: copies of the history and the library, made and put back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.commands.opening import FAILED, loaded
from bot.errors import Damaged, StoreError, training_errors

if TYPE_CHECKING:
    from argparse import Namespace
    from datetime import datetime
    from pathlib import Path
    from typing import Any

    from bot.config.settings import Settings
    from bot.config.state_dir import StateDir
    from bot.history.store import Store


def backup(args: Namespace) -> int:
    from bot.clock import SystemClock
    from bot.config.state_dir import StateDir
    from bot.running import assembly

    settings = loaded(args).settings
    made = assembly.backups(settings, StateDir(settings.state)).make(SystemClock().now())
    print("\n".join(map(str, made)) if made else "there is neither a history nor a library yet")
    return 0 if made else FAILED


def restore(args: Namespace) -> int:
    """Refused while the bot runs: it would go on in the file that was put aside."""
    from bot.clock import SystemClock, stamp
    from bot.config.state_dir import StateDir
    from bot.history import backup

    settings, now = loaded(args).settings, SystemClock().now()
    folder = StateDir(settings.state)
    try:
        kind = backup.kind_of(args.file)
    except Damaged as error:  # its own advice is for a file in use
        raise StoreError(
            f"{args.file} is damaged, or no SQLite file at all: choose another one that `mynah backup` made"
        ) from error
    target, prepare = {
        "history": (folder.history, lambda path: _history(path, folder, settings, args.file, now)),
        "library": (folder.library, _library),
    }[kind]
    with folder.hold({"since": stamp(now), "live": False, "every": None, "bot": settings.bot}):
        missing = _told(folder, args.file) if kind == "history" else []
        aside = backup.restore(args.file, target, at=now, prepare=prepare)
    print(f"{target} is now a copy of {args.file}")
    if aside:
        print(f"what was there is kept as {aside}; remove it when you are sure")
    for sentence in missing:
        print(sentence)
    return 0


def _history(path: Path, folder: StateDir, settings: Settings, source: Path, now: datetime) -> None:
    """What was said since is not in it, so a live bot waits for a person's word.

    No slot of before is open, what was to go out then does not, and who called before is not answered; who is to be
    left alone by the present history still is. X could be asked for its posts, but not which slot, mention or review
    each was for; a person sees that at a glance.
    """
    from bot.clock import stamp
    from bot.history.store import Store
    from bot.replies import polling
    from bot.rounds.agenda import BORN
    from bot.running import assembly
    from bot.sending import pause
    from bot.sending.reconcile import ACCOUNT

    with Store.open(path, create=False, back_up=False) as store:
        assembly.claim(store, settings)
        _same_account(store.meta(ACCOUNT), folder.history)
        store.keep_meta(BORN, stamp(now))
        polling.reset_after_restore(store, now)
        _leave_alone(store, folder.history, now)
        for post in store.posts_in("drafted", "approved", dry=False):
            store.move(post.id, "expired", at=now, note="it may have gone out after the backup")
        if settings.live or store.meta(ACCOUNT) or store.counts(dry=False):
            last = store.last_moment()
            ends = f"which ends at {stamp(last)}" if last else "which is empty"
            because = f"restored from {source}, {ends}: look at the bot's page for what it has said since"
            pause.pause(store, until=pause.FOR_GOOD, because=because)
            print("paused, since what was posted after the backup is not in it; `mynah resume` when you have looked")


def _leave_alone(store: Store, present: Path, now: datetime) -> None:
    """Whoever said stop, or was blocked, since the backup; who was unblocked since is blocked again, to be sure."""
    from bot.history import blocks
    from bot.replies.polling import CURSOR

    rows, are_all = _blocked_in(present, now)
    count = blocks.add_all(store, rows)
    if count:
        who = "1 person who was" if count == 1 else f"{count:,} people who were"
        print(f"{who} blocked since the backup, or said stop, stay so")
    if not are_all and (rows or store.meta(CURSOR) or blocks.blocks(store)):
        print(
            "the history that was there cannot be read in full: whoever was blocked since the backup may be answered "
            "again, unless X still shows where they said stop; `mynah block @handle` for each that you know of"
        )


def _blocked_in(present: Path, now: datetime) -> tuple[list[dict[str, Any]], bool]:
    """Who is, and whether these are all, as far as SQLite can tell."""
    from bot.history import blocks

    rows: list[dict[str, Any]] = []
    try:
        with _as_it_is(present) as store:
            rows = [row | {"at": _when(row["at"], now)} for row in blocks.blocks(store)]
            return rows, not store.damage()
    except StoreError:
        return rows, False


def _when(told: str, now: datetime) -> datetime:
    """Nobody loses a block by a flipped bit in its date."""
    from bot.clock import moment

    try:
        return moment(told)
    except StoreError:
        return now


def _as_it_is(path: Path) -> Store:
    """Also one by a newer mynah, which its own advice is to put a backup in the place of."""
    from bot.history.store import Store

    return Store.open(path, create=False, read_only=True, any_version=True)


def _same_account(account: str | None, present: Path) -> None:
    """The present history says whose it is, if it can still be read."""
    from bot.sending.reconcile import ACCOUNT

    try:
        with _as_it_is(present) as store:
            ours = store.meta(ACCOUNT)
    except StoreError:
        return
    if ours and account and ours != account:
        raise StoreError(f"it is the history of account {account}, and {present} is of {ours}: choose another --state")


def _library(path: Path) -> None:
    from training.library.library import Library

    with training_errors():
        Library.open(path, create=False).close()


def _told(folder: StateDir, source: Path) -> list[str]:
    """What the present history knows and the older one does not, as far as it can be read."""

    def ids(path: Path) -> set[str]:
        with _as_it_is(path) as store:
            return {row["x_id"] for row in store.rows("SELECT x_id FROM post WHERE x_id IS NOT NULL")}

    try:
        lost = len(ids(folder.history) - ids(source))
    except StoreError:
        return []
    return [f"{lost} posts that are on X are only in the one that was put aside"] if lost else []
