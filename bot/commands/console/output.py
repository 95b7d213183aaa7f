"""How commands print rows, posts and reasons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterable, Mapping, Sequence

    from bot.values import Post, Reason


def show(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[str], args: Namespace, *, empty: str = "nothing yet"
) -> None:
    """Print rows as JSON, CSV or a table. `empty` is printed in place of a table without rows."""
    from bot.commands.console import tables

    if args.json:
        for row in rows:
            print(tables.as_json(row))
    elif args.csv:
        print(tables.as_csv(rows, list(rows[0]) if rows else columns))
    else:
        print(tables.as_table(rows, columns) if rows else empty)


def post_row(post: Post) -> dict[str, Any]:
    """Convert a post to a row, with its cost in dollars; the history stores millionths."""
    from dataclasses import asdict

    from bot.sending.budget import DOLLAR

    return asdict(post) | {"cost": post.cost / DOLLAR}


def reasons_text(reasons: Iterable[Reason]) -> str:
    return ", ".join(f"{reason.name} ({reason.detail})" if reason.detail else reason.name for reason in reasons)


def tweet_count(count: int) -> str:
    return "1 tweet" if count == 1 else f"{count:,} tweets"
