"""Logs one line for each round: the post, or why there was none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.sending.budget import dollars

if TYPE_CHECKING:
    from structlog.stdlib import BoundLogger

    from bot.rounds.posting import Round


class RoundLog:
    def __init__(self, log: BoundLogger) -> None:
        self._log = log
        self._waiting = ("", "")

    def write(self, ended: Round) -> None:
        """Log how a round ended. A wait is logged once, not at every heartbeat."""
        waiting = (ended.slot, ended.detail) if ended.outcome == "waiting" else ("", "")
        if waiting[0] and waiting == self._waiting:
            return
        self._waiting = waiting
        fields = {}
        if post := ended.post:
            fields = {
                "post": post.id,
                "prompt": post.prompt,
                "text": post.text,
                "length": post.length,
                "cost": dollars(post.cost),
                "x_id": post.x_id,
                "seed": post.seed,
                "model": post.model,
            }
        self._log.info(
            "round.ended",
            outcome=ended.outcome,
            slot=ended.slot,
            **fields,
            refused=dict(ended.refused),
            detail=ended.detail,
        )
