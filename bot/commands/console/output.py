"""How commands print rows, posts and reasons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterable, Mapping, Sequence

    from bot.values import Post, Reason


def show(
    rows: Sequence[Mapping[str, Any]],
    columns: Sequence[str],
    args: Namespace,
    *,
    empty: str = "nothing yet",
    heading: int = 1,
) -> None:
    """Print rows as JSON, CSV or a table. `empty` is printed in place of a table without rows.

    Where a terminal is too narrow for the table, it is a list; `heading` columns are the first line of each entry.
    """
    from bot.commands.console import tables, terminal

    if args.json:
        for row in rows:
            print(tables.as_json(row))
    elif args.csv:
        print(tables.as_csv(rows, list(rows[0]) if rows else columns))
    elif rows:
        width, colour = terminal.width(), terminal.has_colour()
        terminal.put(tables.as_table(rows, columns, width=width, colour=colour, heading=heading))
    else:
        terminal.say(empty)


def show_facts(row: Mapping[str, Any]) -> None:
    """Print a row as a line for each of its values; those without a value are left out."""
    from bot.commands.console import tables, terminal

    facts = [tables.Fact(key.replace("_", " "), tables.shown(value)) for key, value in row.items()]
    filled = [fact for fact in facts if fact.value]
    terminal.put(tables.as_facts(filled, width=terminal.width(), colour=terminal.has_colour()))


def post_row(post: Post) -> dict[str, Any]:
    """Convert a post to a row, with its cost in dollars; the history stores millionths."""
    from dataclasses import asdict

    from bot.sending.budget import DOLLAR

    return asdict(post) | {"cost": post.cost / DOLLAR}


def reasons_text(reasons: Iterable[Reason]) -> str:
    return ", ".join(f"{reason.name} ({reason.detail})" if reason.detail else reason.name for reason in reasons)


def tweet_count(count: int) -> str:
    return "1 tweet" if count == 1 else f"{count:,} tweets"
