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

TICK = timedelta(milliseconds=20)


def daemon(tick: Callable[[], None], *, reload: Callable[[], None] = lambda: None, **changes: Any) -> Daemon:
    arguments = {
        "period": TICK,
        "stop_within": timedelta(seconds=20),
        "clock": SystemClock(),
        "notifier": Notifier(None),
        "log": structlog.wrap_logger(structlog.PrintLogger(io.StringIO())),
    }
    return Daemon(tick, reload, **(arguments | changes))


def kill(number: int) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_after_a_signal_the_round_ends_and_no_other_starts(number: int) -> None:
    rounds: list[str] = []

    def tick() -> None:
        kill(number)
        rounds.append("round")

    assert daemon(tick).run() is True
    assert rounds == ["round"]


def test_the_wait_for_a_round_that_does_not_end_is_limited() -> None:
    release = threading.Event()

    def tick() -> None:
        kill(signal.SIGTERM)
        release.wait(60)

    is_finished = daemon(tick, stop_within=timedelta(milliseconds=50)).run()
    release.set()

    assert is_finished is False


def test_signal_handlers_are_restored() -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}

    daemon(lambda: kill(signal.SIGTERM)).run()

    assert {number: signal.getsignal(number) for number in before} == before


def test_a_failing_tick_does_not_end_the_daemon() -> None:
    ticks: list[int] = []

    def tick() -> None:
        ticks.append(1)
        if len(ticks) == 3:
            kill(signal.SIGTERM)
        raise RuntimeError("broken")

    assert daemon(tick).run() is True
    assert len(ticks) == 3


def test_sighup_reloads_and_the_daemon_goes_on() -> None:
    reloads: list[int] = []

    def reload() -> None:
        reloads.append(1)
        kill(signal.SIGTERM)

    once: list[int] = []

    def tick() -> None:
        if not once:
            once.append(1)
            kill(signal.SIGHUP)

    assert daemon(tick, reload=reload).run() is True
    assert reloads == [1]


def test_a_reload_waits_for_the_round_and_runs_on_its_thread() -> None:
    threads: list[int] = []

    def reload() -> None:
        threads.append(threading.get_ident())
        kill(signal.SIGTERM)

    def tick() -> None:
        if not threads:
            threads.append(threading.get_ident())
            kill(signal.SIGHUP)

    daemon(tick, reload=reload).run()

    assert len(threads) == 2
    assert len(set(threads)) == 1


def test_a_reload_that_fails_does_not_end_the_daemon() -> None:
    reloads: list[int] = []

    def reload() -> None:
        reloads.append(1)
        raise RuntimeError("broken")

    def tick() -> None:
        kill(signal.SIGTERM if reloads else signal.SIGHUP)

    assert daemon(tick, reload=reload).run() is True
    assert reloads == [1]


def test_a_heartbeat_after_the_stop_does_not_wait() -> None:
    ticks: list[int] = []
    process = daemon(lambda: (ticks.append(1), kill(signal.SIGTERM)))  # type: ignore[arg-type,func-returns-value]
    assert process.run() is True
    assert not process._ticking.locked()

    thread = threading.Thread(target=process._beat, daemon=True)
    thread.start()
    thread.join(10)

    assert not thread.is_alive()
    assert len(ticks) == 1


def test_systemd_gets_the_start_each_tick_and_the_stop(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(address)
        systemd.settimeout(10)
        ticks: list[int] = []

        def tick() -> None:
            ticks.append(1)
            if len(ticks) == 2:
                kill(signal.SIGTERM)

        daemon(tick, notifier=Notifier(address)).run()
        messages = [systemd.recv(4096).decode().split("\n")[0] for _ in range(4)]

    assert sorted(messages) == ["READY=1", "STOPPING=1", "WATCHDOG=1", "WATCHDOG=1"]
    assert messages.index("READY=1") < messages.index("STOPPING=1")


def test_only_a_successful_tick_feeds_the_watchdog(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(address)
        systemd.settimeout(0)

        def tick() -> None:
            kill(signal.SIGTERM)
            raise RuntimeError("broken")

        daemon(tick, notifier=Notifier(address)).run()
        messages = []
        while True:
            try:
                messages.append(systemd.recv(4096))
            except BlockingIOError:
                break

    assert b"READY=1" in messages
    assert not any(message.startswith(b"WATCHDOG") for message in messages)


def test_progress_feeds_the_watchdog_unless_the_last_tick_failed(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(address)
        systemd.settimeout(0)
        notifier = Notifier(address)
        feeds: list[bool] = []

        def receives() -> bool:
            messages = []
            while True:
                try:
                    messages.append(systemd.recv(4096))
                except BlockingIOError:
                    return b"WATCHDOG=1" in messages

        def tick() -> None:
            receives()
            notifier.keepalive()
            feeds.append(receives())
            if len(feeds) == 1:
                raise RuntimeError("broken")
            if len(feeds) == 3:
                kill(signal.SIGTERM)

        daemon(tick, notifier=notifier).run()

    assert feeds == [True, False, True]


@pytest.mark.parametrize("step", [timedelta(hours=2), timedelta(hours=-5), timedelta(days=3650), timedelta(days=-3650)])
def test_after_a_step_of_the_wall_clock_the_next_tick_comes_at_once(step: timedelta) -> None:
    class Stepping(SystemClock):
        calls = 0

        def now(self) -> datetime:
            """Only the first call is before the step."""
            self.calls += 1
            return super().now() + (step if self.calls > 1 else timedelta(0))

    clock = Stepping()
    times: list[datetime] = []

    class Job:
        def modify(self, *, next_run_time: datetime) -> None:
            times.append(next_run_time)
            process._stop.set()

    process = daemon(lambda: None, clock=clock)
    clock.calls = 0
    process._watch(Job())

    assert len(times) == 1


def test_our_trigger_fires_once_a_period_after_any_step_of_the_clock() -> None:
    trigger = Every(timedelta(seconds=30))
    long_ago, now = datetime(1970, 1, 1, tzinfo=UTC), datetime(2026, 11, 1, 5, 30, tzinfo=UTC)

    assert trigger.get_next_fire_time(long_ago, now) == now + timedelta(seconds=30)
    assert trigger.get_next_fire_time(now + timedelta(days=9), now) == now + timedelta(seconds=30)


HOUR = timedelta(hours=1)


def changes(zone: ZoneInfo) -> dict[datetime, timedelta]:
    """The times at which the clocks of the zone change in a year, and by how much."""
    hours = [datetime(2027, 1, 1, tzinfo=UTC) + number * HOUR for number in range(365 * 24)]
    offsets = [hour.astimezone(zone).utcoffset() or timedelta(0) for hour in hours]
    return {
        hour: now - before for before, now, hour in zip(offsets, offsets[1:], hours[1:], strict=False) if now != before
    }


def fires(trigger: BaseTrigger, zone: ZoneInfo, change: datetime) -> list[datetime]:
    """The first hundred runs in the three hours before and after the change."""
    now, previous = change - 3 * HOUR, None
    runs: list[datetime] = []
    while now < change + 3 * HOUR and len(runs) < 100:
        previous = trigger.get_next_fire_time(previous, now.astimezone(zone))
        now = max(now, previous.astimezone(UTC))
        runs.append(now)
    return runs


@pytest.mark.parametrize("name", ZONES)
def test_apschedulers_cron_with_jitter_still_bursts_when_the_clocks_go_back(name: str) -> None:
    """The reason for our own trigger; if an upgrade makes this fail, reconsider docs/decisions/0002."""
    random.seed(1)
    zone = ZoneInfo(name)
    hourly = CronTrigger(hour="*", minute=30, jitter=1200, timezone=zone)

    assert [len(fires(hourly, zone, at)) for at, step in changes(zone).items() if step < timedelta(0)] == [100]


@pytest.mark.parametrize("name", ZONES)
def test_our_trigger_fires_once_an_hour_when_the_clocks_of_a_zone_change(name: str) -> None:
    zone = ZoneInfo(name)
    runs = [fires(Every(HOUR), zone, at) for at in changes(zone)]

    assert [len(each) for each in runs] == [6, 6]
    assert all(later - run == HOUR for each in runs for run, later in pairwise(each))


def test_it_ends_with_its_terminal_even_without_a_signal() -> None:
    screen, terminal = os.openpty()
    before = os.dup(0)
    os.dup2(terminal, 0)
    os.close(terminal)
    open_screens = [screen]

    def tick() -> None:
        while open_screens:
            os.close(open_screens.pop())

    try:
        assert daemon(tick).run() is True
    finally:
        os.dup2(before, 0)
        os.close(before)


def test_systemd_is_told_what_is_wrong_beside_the_heartbeat(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))

        daemon(
            lambda: kill(signal.SIGTERM), problem=lambda: "no log", notifier=Notifier(str(tmp_path / "notify"))
        ).run()

        messages = [systemd.recv(4096).decode() for _ in range(3)]
    assert any(message.endswith(" UTC; no log") for message in messages)
