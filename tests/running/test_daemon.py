from __future__ import annotations

import io
import os
import random
import signal
import socket
import threading
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
import structlog
from apscheduler.triggers.cron import CronTrigger

from bot.clock import SystemClock
from bot.running.daemon import Daemon, Every
from bot.running.systemd import Notifier
from tests.trials.year import ZONES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from apscheduler.triggers.base import BaseTrigger

SOON = timedelta(milliseconds=20)


def daemon(tick: Callable[[], None], *, reload: Callable[[], None] = lambda: None, **changes: Any) -> Daemon:
    wanted = {
        "period": SOON,
        "stop_within": timedelta(seconds=20),
        "clock": SystemClock(),
        "notifier": Notifier(None),
        "log": structlog.wrap_logger(structlog.PrintLogger(io.StringIO())),
    }
    return Daemon(tick, reload, **(wanted | changes))


def ask(number: int) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_signal_lets_the_round_end_and_starts_no_other(number: int) -> None:
    ended: list[str] = []

    def tick() -> None:
        ask(number)
        ended.append("round")

    assert daemon(tick).run() is True
    assert ended == ["round"]


def test_a_round_that_does_not_end_is_waited_for_within_a_bound() -> None:
    release = threading.Event()

    def tick() -> None:
        ask(signal.SIGTERM)
        release.wait(60)

    finished = daemon(tick, stop_within=timedelta(milliseconds=50)).run()
    release.set()

    assert finished is False


def test_signal_handlers_are_put_back() -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}

    daemon(lambda: ask(signal.SIGTERM)).run()

    assert {number: signal.getsignal(number) for number in before} == before


def test_a_broken_tick_does_not_end_the_daemon() -> None:
    ticks: list[int] = []

    def tick() -> None:
        ticks.append(1)
        if len(ticks) == 3:
            ask(signal.SIGTERM)
        raise RuntimeError("broken")

    assert daemon(tick).run() is True
    assert len(ticks) == 3


def test_hang_up_reloads_and_goes_on() -> None:
    reloads: list[int] = []

    def reload() -> None:
        reloads.append(1)
        ask(signal.SIGTERM)

    once: list[int] = []

    def tick() -> None:
        if not once:
            once.append(1)
            ask(signal.SIGHUP)

    assert daemon(tick, reload=reload).run() is True
    assert reloads == [1]


def test_a_reload_waits_for_the_round_and_runs_on_its_thread() -> None:
    threads: list[int] = []

    def reload() -> None:
        threads.append(threading.get_ident())
        ask(signal.SIGTERM)

    def tick() -> None:
        if not threads:
            threads.append(threading.get_ident())
            ask(signal.SIGHUP)

    daemon(tick, reload=reload).run()

    assert len(threads) == 2
    assert len(set(threads)) == 1


def test_a_reload_that_fails_does_not_end_the_daemon() -> None:
    reloads: list[int] = []

    def reload() -> None:
        reloads.append(1)
        raise RuntimeError("broken")

    def tick() -> None:
        ask(signal.SIGTERM if reloads else signal.SIGHUP)

    assert daemon(tick, reload=reload).run() is True
    assert reloads == [1]


def test_a_beat_that_comes_late_is_not_left_waiting() -> None:
    ticks: list[int] = []
    stopped = daemon(lambda: (ticks.append(1), ask(signal.SIGTERM)))  # type: ignore[arg-type,func-returns-value]
    assert stopped.run() is True
    assert not stopped._ticking.locked()

    late = threading.Thread(target=stopped._beat, daemon=True)
    late.start()
    late.join(10)

    assert not late.is_alive()
    assert len(ticks) == 1


def test_systemd_is_told_of_start_life_and_stop(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(address)
        systemd.settimeout(10)
        ticks: list[int] = []

        def tick() -> None:
            ticks.append(1)
            if len(ticks) == 2:
                ask(signal.SIGTERM)

        daemon(tick, notifier=Notifier(address)).run()
        said = [systemd.recv(4096).decode().split("\n")[0] for _ in range(4)]

    assert sorted(said) == ["READY=1", "STOPPING=1", "WATCHDOG=1", "WATCHDOG=1"]
    assert said.index("READY=1") < said.index("STOPPING=1")


def test_only_a_tick_that_ended_well_feeds_the_watchdog(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(address)
        systemd.settimeout(0)

        def tick() -> None:
            ask(signal.SIGTERM)
            raise RuntimeError("broken")

        daemon(tick, notifier=Notifier(address)).run()
        said = []
        while True:
            try:
                said.append(systemd.recv(4096))
            except BlockingIOError:
                break

    assert b"READY=1" in said
    assert not any(message.startswith(b"WATCHDOG") for message in said)


def test_what_moves_on_feeds_the_watchdog_until_a_tick_fails_and_again_once_one_ends_well(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(address)
        systemd.settimeout(0)
        notifier = Notifier(address)
        fed: list[bool] = []

        def hears() -> bool:
            said = []
            while True:
                try:
                    said.append(systemd.recv(4096))
                except BlockingIOError:
                    return b"WATCHDOG=1" in said

        def tick() -> None:
            hears()
            notifier.keepalive()
            fed.append(hears())
            if len(fed) == 1:
                raise RuntimeError("broken")
            if len(fed) == 3:
                ask(signal.SIGTERM)

        daemon(tick, notifier=notifier).run()

    assert fed == [True, False, True]


@pytest.mark.parametrize("step", [timedelta(hours=2), timedelta(hours=-5), timedelta(days=3650), timedelta(days=-3650)])
def test_a_step_of_the_wall_clock_brings_the_next_tick_at_once(step: timedelta) -> None:
    class Stepping(SystemClock):
        asked = 0

        def now(self) -> datetime:
            """The first time is before the step, however long that took."""
            self.asked += 1
            return super().now() + (step if self.asked > 1 else timedelta(0))

    clock = Stepping()
    modified: list[datetime] = []

    class Job:
        def modify(self, *, next_run_time: datetime) -> None:
            modified.append(next_run_time)
            watched._stop.set()

    watched = daemon(lambda: None, clock=clock)
    clock.asked = 0
    watched._watch(Job())

    assert len(modified) == 1


def test_our_trigger_fires_once_a_period_whatever_the_clock_did() -> None:
    trigger = Every(timedelta(seconds=30))
    long_ago, now = datetime(1970, 1, 1, tzinfo=UTC), datetime(2026, 11, 1, 5, 30, tzinfo=UTC)

    assert trigger.get_next_fire_time(long_ago, now) == now + timedelta(seconds=30)
    assert trigger.get_next_fire_time(now + timedelta(days=9), now) == now + timedelta(seconds=30)


HOUR = timedelta(hours=1)


def changes(zone: ZoneInfo) -> dict[datetime, timedelta]:
    """When the clocks of the zone are moved in a year, and how far."""
    hours = [datetime(2027, 1, 1, tzinfo=UTC) + number * HOUR for number in range(365 * 24)]
    shown = [hour.astimezone(zone).utcoffset() or timedelta(0) for hour in hours]
    return {hour: now - before for before, now, hour in zip(shown, shown[1:], hours[1:], strict=False) if now != before}


def fires(trigger: BaseTrigger, zone: ZoneInfo, change: datetime) -> list[datetime]:
    """When a scheduler would run it in the three hours before and after, the first hundred times."""
    now, previous = change - 3 * HOUR, None
    runs: list[datetime] = []
    while now < change + 3 * HOUR and len(runs) < 100:
        previous = trigger.get_next_fire_time(previous, now.astimezone(zone))
        now = max(now, previous.astimezone(UTC))
        runs.append(now)
    return runs


@pytest.mark.parametrize("name", ZONES)
def test_apschedulers_cron_with_jitter_still_bursts_when_the_clocks_go_back(name: str) -> None:
    """Why we have a trigger of our own; when an upgrade makes this fail, docs/decisions/0002 can be read again."""
    random.seed(1)
    zone = ZoneInfo(name)
    hourly = CronTrigger(hour="*", minute=30, jitter=1200, timezone=zone)

    assert [len(fires(hourly, zone, at)) for at, step in changes(zone).items() if step < timedelta(0)] == [100]


@pytest.mark.parametrize("name", ZONES)
def test_our_trigger_fires_once_an_hour_whatever_the_clocks_of_a_zone_do(name: str) -> None:
    zone = ZoneInfo(name)
    runs = [fires(Every(HOUR), zone, at) for at in changes(zone)]

    assert [len(each) for each in runs] == [6, 6]
    assert all(later - run == HOUR for each in runs for run, later in pairwise(each))
