"""Refusals that X explains by nothing we know, counted: several in a row are hardly about what was said.

One costs a post; a bot whose account may no longer write would lose every post that way, and look merely quiet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.errors import Unexplained
    from bot.history.store import Store

MOST = 3  # in a row, with nothing created between them
COUNTED = "unexplained_refusals"  # as the store names it


def refused(store: Store, error: Unexplained) -> str | None:
    """Count one; why everything should halt, if it should. After a halt the next one halts again."""
    count = int(store.meta(COUNTED) or 0) + 1
    store.keep_meta(COUNTED, str(count))
    if count < MOST:
        return None
    return f"X refused {count} posts in a row and gave no reason that mynah knows: sign in on x.com and look ({error})"


def mended(store: Store) -> None:
    """X took one."""
    if store.meta(COUNTED) is not None:
        store.drop_meta(COUNTED)
