from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.trials.year import CONTROLS, ZONES, around_changes, simulate
from tests.trials.year_world import changes

if TYPE_CHECKING:
    from collections import Counter

START = datetime(2027, 3, 1, tzinfo=UTC)


def broken(counts: Counter[str]) -> set[str]:
    return {name for name, number in counts.items() if name.startswith("broken") and number}


def test_no_rule_is_broken_in_the_weeks_around_every_change_of_the_clocks() -> None:
    """One week each; `python -m tests.trials.year` simulates whole years."""
    messages: list[str] = []

    counts = around_changes(0, days=7, messages=messages)

    assert broken(counts) == set(), "\n".join(messages)
    assert counts["days"] == 7 * 2 * len(ZONES)
    assert counts["posts"] > 200
    assert min(counts["crash"], counts["step"], counts["sleep"], counts["outage"], counts["halts_shown"]) > 3


@pytest.mark.parametrize("without", CONTROLS)
def test_the_simulation_detects_a_bot_that_lacks_a_safeguard(without: str) -> None:
    """The control: without it, no broken rule would prove nothing."""
    days = {"intent": 20, "doubt": 20, "slots": 3}.get(without, 8)

    counts = simulate(1, days=days, zone="America/New_York", start=START, without=without, messages=[])

    expected = {"slots": "slot", "intent": "doubled", "doubt": "stuck"}.get(without, without)
    assert f"broken_{expected}" in broken(counts)


@pytest.mark.parametrize("zone", ZONES)
def test_each_zone_has_its_clocks_changed_twice_a_year(zone: str) -> None:
    assert len(changes(zone, 2027)) == 2
