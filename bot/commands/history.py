"""`mynah history`: what was said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.commands.opening import loaded, looked_at, row_of, show
from bot.history import refusals

if TYPE_CHECKING:
    from argparse import Namespace


def history(args: Namespace) -> int:
    _, store = looked_at(loaded(args).settings)
    if args.refused:
        rows: list[dict[str, Any]] = refusals.newest(store, dry=args.dry, limit=args.limit) if store else []
        show(rows, ("at", "slot", "reason", "detail", "text"), args, empty="no draft was turned down yet")
        return 0
    posts = store.history(dry=args.dry, state=args.in_state, limit=args.limit) if store else []
    show([row_of(post) for post in posts], ("id", "created_at", "state", "length", "text", "note"), args)
    return 0
