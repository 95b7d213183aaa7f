"""A few weeks of the simulated year of replies, and checks that its audit detects faults."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bot.replies import drafting
from bot.replies.opt_out import OptOut, Wish
from bot.replies.sensitive import Sensitivity
from tests.trials.replying_bot import LIMITS
from tests.trials.year_of_replies import run

if TYPE_CHECKING:
    from bot.replies.limits import Limits
    from bot.values import Reason


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
    def wish_in(self, text: str) -> Wish | None:
        return None


class IgnoringSensitivity(Sensitivity):
    def why_not(self, text: str) -> Reason | None:
        return None


def test_the_audit_detects_a_bot_that_answers_distress_and_abuse() -> None:
    outcome = run(6, 2, sensitivity=IgnoringSensitivity())

    assert any("which is sensitive" in line for line in outcome.broken)


def test_the_audit_detects_a_bot_that_lets_itself_be_dictated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drafting.dictation, "why_not", lambda *_: None)

    outcome = run(6, 1)

    assert any(line.startswith("said what") for line in outcome.broken)


def test_the_audit_detects_a_bot_that_ignores_requests_to_stop() -> None:
    outcome = run(9, 4, opt_out=IgnoringOptOut())

    assert any("who is blocked" in line for line in outcome.broken)
