"""The drafts that the screen refused, each with its reason, in the history."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from bot.clock import stamp

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from bot.history.store import Store
    from bot.values import Draft, Reason, Slot

KEPT = timedelta(days=180)


def add(
    store: Store, refused: Sequence[tuple[Draft, Reason]], *, slot: Slot, dry: bool, model: str, at: datetime
) -> None:
    with store.atomic():
        for draft, reason in refused:
            store.write(
                """
                INSERT INTO refusal (slot, dry, text, prompt, seed, reason, detail, model, at)
                VALUES (:slot, :dry, :text, :prompt, :seed, :reason, :detail, :model, :at)
                """,
                {
                    "slot": slot.key,
                    "dry": dry,
                    "text": draft.text,
                    "prompt": draft.prompt,
                    "seed": draft.seed,
                    "reason": reason.name,
                    "detail": reason.detail,
                    "model": model,
                    "at": stamp(at),
                },
            )
        prune(store, at)


def prune(store: Store, now: datetime) -> None:
    """Delete old refusals, whose texts may quote somebody; what they refused may be drafted, and refused, again."""
    since = {"since": stamp(now - KEPT)}
    if store.rows("SELECT 1 FROM refusal WHERE at < :since LIMIT 1", since):
        with store.atomic():
            store.write("DELETE FROM nearness WHERE source IN (SELECT -id FROM refusal WHERE at < :since)", since)
            store.write("DELETE FROM refusal WHERE at < :since", since)


def newest(store: Store, *, dry: bool | None = None, limit: int = 20) -> list[dict[str, Any]]:
    """The newest refusals first; with `dry=None`, those of both live and dry runs."""
    return store.rows(
        "SELECT * FROM refusal WHERE (:dry IS NULL OR dry = :dry) ORDER BY id DESC LIMIT :limit",
        {"dry": dry, "limit": limit},
    )


def counts(store: Store, *, dry: bool) -> dict[str, int]:
    """How many there are for each reason."""
    rows = store.rows("SELECT reason, count(*) AS n FROM refusal WHERE dry = ? GROUP BY reason ORDER BY reason", [dry])
    return {row["reason"]: row["n"] for row in rows}
