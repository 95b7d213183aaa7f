"""When the bot may post: the slots of a day, a pure function of the bot's name, the local date and the schedule.

A slot's key is its local wall-clock time, so it is the same after every restart: an hour that the clocks repeat has one
slot, an hour that they skip has none. The jitter comes from a hash of the key, so it is the same after a restart too.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Literal, Protocol

from bot.clock import stamp
from bot.values import Slot

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo


class Schedule(Protocol):
    def due(self, now: datetime) -> Slot | None:
        """The slot that is due now, if any; whether it was used is in the history."""

    def next(self, now: datetime) -> Slot:
        """The first slot after now."""


@dataclass(frozen=True, slots=True)
class Daily:
    """`per_day` slots spread evenly over the active hours of one time zone, each moved by up to `jitter`."""

    bot: str
    zone: ZoneInfo
    start: time
    end: time  # at or before `start` means after midnight
    per_day: int
    jitter: timedelta
    grace: timedelta
    catch_up: Literal["skip", "one"]

    def due(self, now: datetime) -> Slot | None:
        past = [slot for slot in self._around(now) if slot.due <= now]
        if not past:
            return None
        latest = max(past, key=lambda slot: slot.due)
        return latest if self.catch_up == "one" or now - latest.due <= self.grace else None

    def next(self, now: datetime) -> Slot:
        # A change of the clocks may skip whole slots, but never two days.
        return min((slot for slot in self._around(now) if slot.due > now), key=lambda slot: slot.due)

    def _around(self, now: datetime) -> Iterator[Slot]:
        today = now.astimezone(self.zone).date()
        for offset in range(-2, 3):
            yield from self.day(today + timedelta(days=offset))

    def day(self, day: date) -> Iterator[Slot]:
        """The slots whose active hours begin on `day`."""
        start = datetime.combine(day, self.start)
        end = datetime.combine(day, self.end)
        if end <= start:
            end += timedelta(days=1)
        step = (end - start) / self.per_day
        for number in range(self.per_day):
            local = (start + step * (number + 0.5)).replace(microsecond=0)
            key = local.isoformat(timespec="minutes" if local.second == 0 else "seconds")
            due = _instant(local + self._jitter(key, step), self.zone)
            if due is not None:
                yield Slot(key=key, due=due)

    def _jitter(self, key: str, step: timedelta) -> timedelta:
        """At most `jitter` either way, and less than half a step, so that slots keep their order."""
        reach = min(self.jitter, step * 0.49)
        digest = hashlib.sha256(f"{self.bot}\n{key}".encode()).digest()
        share = int.from_bytes(digest[:8], "big") / 2**63 - 1  # in [-1, 1)
        return reach * share


@dataclass(frozen=True, slots=True)
class Every:
    """A slot every `period`, counted from the epoch: for tests and demonstrations."""

    period: timedelta

    def due(self, now: datetime) -> Slot:
        seconds = now.timestamp() // self._seconds * self._seconds
        return self._slot(seconds)

    def next(self, now: datetime) -> Slot:
        return self._slot(self.due(now).due.timestamp() + self._seconds)

    @property
    def _seconds(self) -> float:
        return self.period.total_seconds()

    def _slot(self, seconds: float) -> Slot:
        due = datetime.fromtimestamp(seconds, UTC)
        return Slot(key=stamp(due).replace(".000Z", "Z"), due=due)


def once(now: datetime) -> Slot:
    """The slot of a round that a command asks for."""
    return Slot(key=f"once {stamp(now)}", due=now)


def _instant(local: datetime, zone: ZoneInfo) -> datetime | None:
    """The first instant at which the clocks of `zone` show `local`; None if they skip it."""
    instant = local.replace(tzinfo=zone).astimezone(UTC)
    return instant if instant.astimezone(zone).replace(tzinfo=None) == local else None
