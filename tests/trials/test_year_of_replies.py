"""A few weeks of the simulated year of replies, and checks that its audit detects faults."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bot.replies.opt_out import OptOut
from tests.trials.replying_bot import LIMITS
from tests.trials.year_of_replies import run

if TYPE_CHECKING:
    from bot.replies.limits import Limits


@pytest.mark.parametrize("seed", [1, 2], ids=["listening", "not listening"])
def test_weeks_of_hostile_mentions_break_no_rule_and_cost_as_predicted(seed: int) -> None:
    outcome = run(6, seed)

    assert outcome.broken == []
    assert outcome.ledger == outcome.predicted > 0
    assert outcome.counts["answers"] > 50


@pytest.mark.parametrize(
    ("other", "rule"),
    [
        (replace(LIMITS, per_user_per_day=99, per_conversation_per_day=99, per_conversation=99), "no cap is broken"),
        (replace(LIMITS, max_age=timedelta(days=9)), "no mention is answered too late"),
    ],
    ids=["caps", "age"],
)
def test_the_audit_detects_a_bot_with_other_limits(other: Limits, rule: str) -> None:
    outcome = run(11, 3, limits=other)

    assert [line for line in outcome.broken if line.startswith(rule)]


class IgnoringOptOut(OptOut):
    def phrase_in(self, text: str) -> str | None:
        return None


def test_the_audit_detects_a_bot_that_ignores_requests_to_stop() -> None:
    outcome = run(9, 4, opt_out=IgnoringOptOut())

    assert any("who is blocked" in line for line in outcome.broken)
