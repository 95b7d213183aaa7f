from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.trials.year import CONTROLS, ZONES, around_changes, watch
from tests.trials.year_world import changes

if TYPE_CHECKING:
    from collections import Counter

START = datetime(2027, 3, 1, tzinfo=UTC)


def broken(counts: Counter[str]) -> set[str]:
    return {name for name, number in counts.items() if name.startswith("broken") and number}


def test_ten_weeks_around_every_change_of_the_clocks_break_no_promise() -> None:
    """A week of each; `python -m tests.trials.year` watches whole years."""
    told: list[str] = []

    counts = around_changes(0, days=7, told=told)

    assert broken(counts) == set(), "\n".join(told)
    assert counts["days"] == 7 * 2 * len(ZONES)
    assert counts["posts"] > 200
    assert min(counts["crash"], counts["step"], counts["sleep"], counts["outage"], counts["halts_shown"]) > 3


@pytest.mark.parametrize("without", CONTROLS)
def test_a_bot_that_lacks_a_safeguard_is_found_out(without: str) -> None:
    """The control: what finds nothing here would find nothing there."""
    days = {"intent": 20, "doubt": 20, "slots": 3}.get(without, 8)

    counts = watch(1, days=days, zone="America/New_York", start=START, without=without, told=[])

    expected = {"slots": "slot", "intent": "doubled", "doubt": "stuck"}.get(without, without)
    assert f"broken_{expected}" in broken(counts)


@pytest.mark.parametrize("zone", ZONES)
def test_each_zone_has_its_clocks_changed_twice_a_year(zone: str) -> None:
    assert len(changes(zone, 2027)) == 2
