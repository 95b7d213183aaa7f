from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.rounds.slots import Daily, Every, once

ZONES = ["UTC", "Europe/Lisbon", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "America/Santiago"]


def daily(**changes: object) -> Daily:
    settings = {
        "bot": "bird",
        "zone": ZoneInfo("Europe/Lisbon"),
        "start": time(9),
        "end": time(21),
        "per_day": 6,
        "jitter": timedelta(minutes=20),
        "grace": timedelta(minutes=10),
        "catch_up": "skip",
    }
    return Daily(**(settings | changes))  # type: ignore[arg-type]


def test_a_day_has_its_slots_in_order_within_the_active_hours() -> None:
    slots = list(daily().day(date(2026, 11, 20)))

    local = [slot.due.astimezone(ZoneInfo("Europe/Lisbon")) for slot in slots]
    assert len(slots) == 6
    assert local == sorted(local)
    assert all(time(9) <= moment.time() < time(21) for moment in local)


def test_slots_depend_only_on_the_settings_and_the_day() -> None:
    assert list(daily().day(date(2026, 11, 20))) == list(daily().day(date(2026, 11, 20)))


def test_two_bots_have_different_slots() -> None:
    one = [slot.due for slot in daily(bot="one").day(date(2026, 11, 20))]
    two = [slot.due for slot in daily(bot="two").day(date(2026, 11, 20))]

    assert not set(one) & set(two)


def test_active_hours_may_pass_midnight() -> None:
    slots = list(daily(start=time(22), end=time(2), per_day=2, jitter=timedelta(0)).day(date(2026, 11, 20)))

    assert [slot.key for slot in slots] == ["2026-11-20T23:00", "2026-11-21T01:00"]


@pytest.mark.parametrize("zone", ZONES)
def test_a_year_of_any_zone_has_no_slot_twice_and_none_outside_its_hours(zone: str) -> None:
    schedule = daily(zone=ZoneInfo(zone), start=time(0), end=time(0), per_day=24, jitter=timedelta(0))
    days = [date(2026, 1, 1) + timedelta(days=number) for number in range(365)]
    slots = [slot for day in days for slot in schedule.day(day)]

    assert max(Counter(slot.key for slot in slots).values()) == 1
    assert max(Counter(slot.due for slot in slots).values()) == 1
    assert [slot.due for slot in slots] == sorted(slot.due for slot in slots)
    # All slots except those in a skipped hour; a year has at most one.
    assert 365 * 24 - len(slots) <= 1


def test_a_repeated_hour_has_one_slot() -> None:
    schedule = daily(zone=ZoneInfo("America/New_York"), start=time(0), end=time(0), per_day=24, jitter=timedelta(0))
    autumn = [slot.key for slot in schedule.day(date(2026, 11, 1))]

    assert autumn.count("2026-11-01T01:30") == 1
    assert len(autumn) == 24


def test_a_time_skipped_by_daylight_saving_has_no_slot() -> None:
    schedule = daily(zone=ZoneInfo("America/New_York"), start=time(0), end=time(0), per_day=24, jitter=timedelta(0))
    spring = [slot.key for slot in schedule.day(date(2026, 3, 8))]

    assert "2026-03-08T02:30" not in spring
    assert len(spring) == 23


def test_a_slot_is_due_from_its_time_until_the_end_of_its_grace_period() -> None:
    schedule = daily()
    slot = schedule.next(datetime(2026, 11, 20, 12, tzinfo=UTC))

    assert schedule.due(slot.due) == slot
    assert schedule.due(slot.due + timedelta(minutes=10)) == slot
    assert schedule.due(slot.due + timedelta(minutes=10, seconds=1)) is None


def test_catching_up_gives_the_latest_missed_slot_only() -> None:
    schedule = daily(catch_up="one")
    slots = list(schedule.day(date(2026, 11, 20)))

    assert schedule.due(slots[3].due + timedelta(hours=1)) == slots[3]


def test_next_is_the_first_slot_after_now_also_over_midnight() -> None:
    schedule = daily()
    last = list(schedule.day(date(2026, 11, 20)))[-1]
    first = next(schedule.day(date(2026, 11, 21)))

    assert schedule.next(last.due) == first


def test_every_gives_one_slot_a_period() -> None:
    schedule = Every(timedelta(seconds=10))
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)

    assert {schedule.due(noon + timedelta(seconds=second)).key for second in range(10)} == {"2026-11-20T12:00:00Z"}
    assert schedule.next(noon + timedelta(seconds=3)).due == noon + timedelta(seconds=10)


def test_once_has_a_separate_slot_for_each_time() -> None:
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)

    assert once(noon).key != once(noon + timedelta(milliseconds=1)).key
    assert once(noon).due == noon
