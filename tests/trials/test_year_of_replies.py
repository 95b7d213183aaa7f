"""A few weeks of the year of replies, and that its audit finds the faults that it looks for."""

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
def test_in_weeks_among_hostile_people_no_rule_is_broken_and_the_money_is_as_predicted(seed: int) -> None:
    found = run(6, seed)

    assert found.broken == []
    assert found.ledger == found.predicted > 0
    assert found.counts["answers"] > 50


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (replace(LIMITS, per_user_per_day=99, per_conversation_per_day=99, per_conversation=99), "no cap is broken"),
        (replace(LIMITS, max_age=timedelta(days=9)), "nobody is answered too late"),
    ],
    ids=["caps", "age"],
)
def test_the_audit_sees_a_bot_that_was_told_other_limits(other: Limits, told: str) -> None:
    found = run(11, 3, limits=other)

    assert [line for line in found.broken if line.startswith(told)]


class Deaf(OptOut):
    def phrase_in(self, text: str) -> str | None:
        return None


def test_the_audit_sees_a_bot_that_hears_no_stop() -> None:
    found = run(9, 4, opt_out=Deaf())

    assert any("who is blocked" in line for line in found.broken)
