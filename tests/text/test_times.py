from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.text import times

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)  # a Friday
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("ahead", "text"),
    [
        (timedelta(hours=2, minutes=10), "in 2 h 10 min"),
        (timedelta(minutes=5, seconds=50), "in 5 min"),
        (timedelta(minutes=59, seconds=59.9), "in 1 h"),
        (timedelta(days=1, hours=3), "in 1 day 3 h"),
        (timedelta(days=12, hours=3), "in 12 days"),
        (timedelta(seconds=3), "now"),
        (timedelta(seconds=-3), "just now"),
        (timedelta(minutes=-90), "1 h 30 min ago"),
        (timedelta(days=-400), "400 days ago"),
    ],
)
def test_how_far_a_moment_is_from_now(ahead: timedelta, text: str) -> None:
    assert times.distance(NOW + ahead, NOW) == text


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (NOW, "13:00 CET"),
        (NOW + timedelta(hours=11), "tomorrow 00:00 CET"),
        (NOW - timedelta(days=1), "yesterday 13:00 CET"),
        (NOW + timedelta(days=3), "Monday 13:00 CET"),
        (NOW - timedelta(days=3), "17 November 13:00 CET"),
        (NOW + timedelta(days=200), "8 June 2027 14:00 CEST"),
    ],
)
def test_a_moment_is_on_the_clocks_of_a_named_zone(moment: datetime, text: str) -> None:
    assert times.clock_time(moment, NOW, BERLIN) == text


def test_a_zone_without_a_name_is_a_number_after_utc() -> None:
    assert times.clock_time(NOW, NOW, ZoneInfo("America/Sao_Paulo")) == "09:00 UTC-03"


def test_a_moment_is_said_as_a_distance_and_as_a_time() -> None:
    assert times.said(NOW + timedelta(hours=2), NOW, BERLIN) == "in 2 h (15:00 CET)"
