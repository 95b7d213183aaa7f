"""The commits that are made while the power is cut: the states of posts, the same on every machine.

The clock ticks once per commit, so a history shows how far it has come (`position`). It must then equal, row by row,
the result of the first N commits (`tables`): there is nothing in between.
"""

from __future__ import annotations

import hashlib
import json
import random
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

from bot.clock import moment
from bot.history import ledger, refusals
from bot.values import Draft, Reason, Slot

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bot.history.store import Store

BEGAN = datetime(2026, 11, 21, tzinfo=UTC)
TICK = timedelta(seconds=1)
WORDS = ("rain", "soup", "bell", "crumb", "clock", "train", "hat", "bench", "roof", "piano", "pigeon", "whistle")
# The steps of a post, as outbox.py and reconcile.py store them.
POST_STEPS = (
    ("draft", "approve", "send", "post", "pay"),
    ("turn down", "draft", "approve", "send", "post", "pay"),
    ("draft", "approve", "send", "lose", "pay", "find"),
    ("draft", "approve", "send", "lose", "pay", "give up"),
    ("draft", "approve", "send", "take back", "send", "post", "pay"),
    ("draft", "approve", "send", "refuse"),
)
MOVES: dict[str, tuple[str, dict[str, Any]]] = {
    "approve": ("approved", {}),
    "send": ("sending", {"cost": 15_000}),
    "take back": ("approved", {"note": "X: 429", "not_before": BEGAN}),
    "refuse": ("refused", {"note": "X: 403", "cost": 0}),
    "lose": ("unknown", {"note": "no answer"}),
}
# Tables with a time; the newest time of all is that of the last commit.
MOMENTS = ("event", "expense", "look", "refusal", "slot")


class Commit(NamedTuple):
    nth: int  # from 1
    post: int  # its id
    step: str


def commits(after: int = 0) -> Iterator[Commit]:
    """Endless."""
    nth = 0
    for post in count(1):
        for step in random.Random(post).choice(POST_STEPS):
            nth += 1
            if nth > after:
                yield Commit(nth, post, step)


def write(store: Store, commit: Commit) -> None:
    """Make a commit in one transaction, by the methods that the bot uses."""
    nth, post, step = commit
    at = BEGAN + nth * TICK
    x_id = str(10**18 + post)
    match step:
        case "turn down":
            twice = [(_draft(-nth, post), Reason("too_long", "301 > 280")), (_draft(nth, post), Reason("slur", "***"))]
            refusals.add(store, twice, slot=_slot(post), dry=False, model="v1", at=at)
        case "draft":
            draft = _draft(0, post)
            store.add_draft(
                draft, slot=_slot(post), norm=draft.text, length=len(draft.text), dry=False, model="v1", at=at
            )
        case "post":
            with store.atomic():
                store.move(post, "posted", at=at, x_id=x_id)
                store.keep_meta("last_posted", x_id)
        case "find" | "give up":
            is_found = step == "find"
            with store.atomic():
                store.add_lookup(post, "unknown", "found" if is_found else "absent", "", at=at, again=None)
                store.move(post, "posted" if is_found else "abandoned", at=at, x_id=x_id if is_found else None)
        case "pay":
            ledger.spend(store, "look", 1_000, about=f"post {post}", by_hand=False, at=at)
        case _:
            state, more = MOVES[step]
            store.move(post, state, at=at, **more)


def position(store: Store) -> int:
    """The number of commits in the history, by its newest time; 0 if it is new."""
    moments = [store.rows(f"SELECT max(at) AS at FROM {table}")[0]["at"] for table in MOMENTS]
    newest = max(filter(None, moments), default=None)
    return round((moment(newest) - BEGAN) / TICK) if newest else 0


def tables(store: Store) -> dict[str, tuple[int, str]]:
    """(number of rows, their hash) of each table, except sqlite-utils' own, which have the real time."""
    names = store.rows("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\'")
    digests = {}
    for name in sorted(row["name"] for row in names):
        rows = sorted(json.dumps(row, sort_keys=True) for row in store.rows(f"SELECT * FROM {name}"))
        digests[name] = (len(rows), hashlib.sha256("\n".join(rows).encode()).hexdigest()[:16])
    return digests


def _slot(post: int) -> Slot:
    return Slot(f"slot {post}", BEGAN + post * timedelta(hours=1))


def _draft(refused: int, post: int) -> Draft:
    """A draft of five words up to one of several pages of the file."""
    rng = random.Random(f"{refused} {post}")
    words = rng.choices(WORDS, k=rng.choice((5, 20, 50, 800)))
    return Draft(f"{post} {refused} {' '.join(words)}", prompt="", seed=post, likelihood=-rng.random())
