"""`mynah history`: what was said, and what each post cost, in dollars as everywhere outside the history's own file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot import refusals
from bot.budget import DOLLAR
from bot.commands.shown import loaded, looked_at, show

if TYPE_CHECKING:
    from argparse import Namespace


def history(args: Namespace) -> int:
    from dataclasses import asdict

    _, store = looked_at(loaded(args).settings)
    rows: list[dict[str, Any]]
    if args.refused:
        rows = refusals.newest(store, dry=args.dry, limit=args.limit) if store else []
        show(rows, ("at", "slot", "reason", "detail", "text"), args)
        return 0
    posts = store.history(dry=args.dry, state=args.in_state, limit=args.limit) if store else []
    rows = [asdict(post) | {"cost": post.cost / DOLLAR} for post in posts]
    show(rows, ("id", "created_at", "state", "length", "text", "note"), args)
    return 0
