"""The drafts that the screen refused, each with its reason, in the history."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from bot.clock import stamp
from bot.history import totals

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from bot.history.store import Store
    from bot.values import Draft, Reason, Slot

KEPT = timedelta(days=180)
MOST = 1_000  # deleted at once; a round, after which this happens, has fewer


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
    since = {"since": stamp(now - KEPT), "most": MOST}
    old = "SELECT id FROM refusal WHERE at < :since ORDER BY at LIMIT :most"
    if store.rows(old, since):
        with store.atomic():
            keys = f"SELECT same_key(text, dry), -id FROM refusal WHERE id IN ({old})"  # noqa: S608  constants
            store.write(f"DELETE FROM nearness WHERE (key, source) IN ({keys})", since)  # noqa: S608
            store.write(f"DELETE FROM refusal WHERE id IN ({old})", since)  # noqa: S608


def newest(store: Store, *, dry: bool | None = None, limit: int = 20) -> list[dict[str, Any]]:
    """The newest refusals first; with `dry=None`, those of both live and dry runs."""
    of_mode = "" if dry is None else "WHERE dry = :dry"
    return store.rows(
        f"SELECT * FROM refusal {of_mode} ORDER BY id DESC LIMIT :limit",  # noqa: S608  constants
        {"dry": dry, "limit": limit},
    )


def counts(store: Store, *, dry: bool) -> dict[str, int]:
    """How many there are for each reason."""
    return totals.counts(store, "refusal", dry=dry)
