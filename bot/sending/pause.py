"""Pauses all posting: a person pauses the bot, or the bot halts itself after a response from X.

The bot halts after a response about the account, such as a 401, and after several refusals in a row that X does not
explain. A single unexplained refusal costs one post; but if the account may no longer write, every further post would
be lost unnoticed.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from bot.clock import moment, stamp

if TYPE_CHECKING:
    from bot.errors import Unexplained
    from bot.history.store import Store

PAUSED_UNTIL, PAUSED_BECAUSE = "paused_until", "paused_because"  # keys of the store's meta table
HALTED_AT = "halted_at"  # another key, set only if the bot paused itself
UNEXPLAINED = "unexplained_refusals"
FOR_GOOD = datetime(9999, 12, 31, tzinfo=UTC)  # until somebody resumes
HALT = timedelta(minutes=15)  # a 401 may be an outage of X's: try again, slowly, and say so in `mynah status`
HALT_UNEXPLAINED = timedelta(days=1)  # after refusals that X does not explain; then one post a day is tried
MOST_UNEXPLAINED = 3  # in a row, with nothing created between them


def pause(store: Store, *, until: datetime, because: str) -> None:
    store.keep_meta(PAUSED_UNTIL, stamp(until))
    store.keep_meta(PAUSED_BECAUSE, because)
    store.drop_meta(HALTED_AT)


def resume(store: Store) -> None:
    store.drop_meta(PAUSED_UNTIL)
    store.drop_meta(PAUSED_BECAUSE)
    store.drop_meta(HALTED_AT)


def why_paused(store: Store, at: datetime) -> str | None:
    until, halted = store.meta(PAUSED_UNTIL), store.meta(HALTED_AT)
    if until is None or moment(until) <= at:
        return None
    if halted and at < moment(halted):  # halted while the clock was ahead: the pause could last for years
        return None
    span = "" if moment(until) >= FOR_GOOD else f" until {until}"
    return f"paused{span}: {store.meta(PAUSED_BECAUSE)}; `mynah resume` ends it"


def halt(store: Store, now: datetime, because: str, *, span: timedelta = HALT) -> None:
    """Pause for `span`, unless a person's pause lasts longer."""
    if not why_paused(store, now + span):
        pause(store, until=now + span, because=because)
        store.keep_meta(HALTED_AT, stamp(now))


def count_unexplained(store: Store, now: datetime, error: Unexplained) -> None:
    """Count a refusal; several in a row halt, and so does each further one after a halt."""
    count = int(store.meta(UNEXPLAINED) or 0) + 1
    store.keep_meta(UNEXPLAINED, str(count))
    if count >= MOST_UNEXPLAINED:
        because = f"X refused {count} posts in a row and gave no reason that mynah knows: sign in on x.com and look"
        halt(store, now, f"{because} ({error})", span=HALT_UNEXPLAINED)


def reset_unexplained(store: Store) -> None:
    """Reset the count of refusals, after X has created a post."""
    if store.meta(UNEXPLAINED) is not None:
        store.drop_meta(UNEXPLAINED)
