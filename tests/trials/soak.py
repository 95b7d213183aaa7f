"""The real process at many times its normal speed against a fake X: `make soak`, or `make soak MINUTES=10`.

A heartbeat every 0.2 s instead of 15 s, and a slot every second instead of every few hours: an hour is three days of
heartbeats and years of slots. Meanwhile models are swapped, configurations reloaded and metrics scraped. It prints
what grew.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from tests.fake_x.server import FakeX
from tests.fake_x.state import World, newcomer
from tests.installed import MYNAH, environment
from tests.talker import make
from training.models import registry

SAMPLE, SWAP, RELOAD = 2.0, 15.0, 20.0  # seconds
MOST_GROWTH, MOST_AGE = 0.05, 15.0  # of memory; seconds since the last heartbeat
CONFIG = """
[voice]
threads = 1
temperature = {temperature}
candidates = 4
[posting]
min_gap = "1s"
max_per_hour = 99999
max_per_day = 99999
[budget]
per_day = 9999
per_month = 9999
[backup]
every = "1m"
"""


@dataclass
class Measurements:
    memory: list[int] = field(default_factory=list)  # kB
    files: list[int] = field(default_factory=list)
    ages: list[float] = field(default_factory=list)
    scrapes: int = 0
    events: Counter[str] = field(default_factory=Counter)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.trials.soak")
    parser.add_argument("--minutes", type=float, default=60.0)
    minutes = parser.parse_args().minutes
    with tempfile.TemporaryDirectory() as name, FakeX(World(newcomer(), now=lambda: datetime.now(UTC))) as x:
        folder = Path(name)
        samples = run_bot(folder, x, minutes * 60)
    return report(samples, x, minutes)


def run_bot(folder: Path, x: FakeX, seconds: float) -> Measurements:
    models, config, samples = make(folder / "state"), folder / "config.toml", Measurements()
    first = registry.current(models)
    assert first
    other = models / "20261121T120000Z-0000"
    subprocess.run(["cp", "-a", str(first), str(other)], check=True)
    config.write_text(CONFIG.format(temperature=1.2))
    user = newcomer()
    keys = {
        "CONSUMER_KEY": user.secrets.consumer_key,
        "CONSUMER_SECRET": user.secrets.consumer_secret,
        "ACCESS_TOKEN": user.access_token,
        "ACCESS_TOKEN_SECRET": user.secrets.token_secret,
        "BASE_URL": x.url,
    }
    variables = {f"MYNAH_X__{name}": value for name, value in keys.items()}
    variables |= {"MYNAH_METRICS__LISTEN": f"{folder}/m", "MYNAH_VOICE__ENGINE": "torch"}  # which needs the most memory
    command = [MYNAH, "--config", config, "--state", folder / "state", "run", "--live", "--every", "1s"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment(**variables)) as process:
        assert process.stdout
        reader = threading.Thread(target=count_events, args=(process.stdout, samples.events))
        reader.start()
        try:
            while not samples.events["round.ended"] and process.poll() is None:
                time.sleep(0.1)
            watch(process, folder, [other, first], config, samples, seconds)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)
            reader.join()
    return samples


def count_events(lines: IO[str], events: Counter[str]) -> None:
    for line in lines:
        event = json.loads(line)
        events[event["event"]] += 1
        if event["event"] == "round.ended":
            events[f"round {event['outcome']}"] += 1
        if event["level"] == "error":
            events[f"error: {line.strip()[:300]}"] += 1


def watch(
    process: subprocess.Popen[str],
    folder: Path,
    models: list[Path],
    config: Path,
    samples: Measurements,
    seconds: float,
) -> None:
    began = time.monotonic()
    swap, reload = began + SWAP, began + RELOAD
    while (now := time.monotonic()) < began + seconds and process.poll() is None:
        if now > swap:
            registry.promote(models[0])
            models.reverse()
            swap = now + SWAP
        if now > reload:
            config.write_text(CONFIG.format(temperature=1.2 + 0.1 * (samples.events["configuration.reloaded"] % 2)))
            process.send_signal(signal.SIGHUP)
            reload = now + RELOAD
        sample(process.pid, folder, samples)
        time.sleep(SAMPLE)


def sample(pid: int, folder: Path, samples: Measurements) -> None:
    status = Path(f"/proc/{pid}/status").read_text()
    samples.memory.append(int(status.split("VmRSS:")[1].split()[0]))
    samples.files.append(len(os.listdir(f"/proc/{pid}/fd")))  # noqa: PTH208  names are enough
    samples.ages.append(time.time() - (folder / "state/holder.json").stat().st_mtime)
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(f"{folder}/m")
        client.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        samples.scrapes += b" 200 " in client.recv(64)


def report(samples: Measurements, x: FakeX, minutes: float) -> int:
    part = max(len(samples.memory) // 5, 1)
    early, late = (
        statistics.median(samples.memory[part : 2 * part]),
        statistics.median(samples.memory[-part:]),
    )
    growth = late / early - 1
    files = (min(samples.files[part:]), max(samples.files[part:]), samples.files[-1])
    errors = [event for event in samples.events if event.startswith("error: ")]
    posted = samples.events["round posted"]
    say(f"{minutes:g} minutes: {len(samples.memory)} samples, {samples.scrapes} scrapes answered")
    say(f"rounds {samples.events['round.ended']}, posted {posted}, at X {len(x.world.texts)}")
    say(f"models taken over {samples.events['model.taken_over']}, reloads {samples.events['configuration.reloaded']}")
    say(f"memory {early / 1024:.1f} MB in the second fifth, {late / 1024:.1f} MB in the last: {growth:+.1%}")
    say(f"files open: {files[0]} to {files[1]}, at the end {files[2]}")
    say(f"oldest heartbeat: {max(samples.ages):.1f} s")
    for event in errors:
        say(event)
    checks = {
        f"memory grows by less than {MOST_GROWTH:.0%}": growth < MOST_GROWTH,
        "no more open files than at first": files[2] <= files[1] and files[1] - files[0] <= 4,
        f"no heartbeat older than {MOST_AGE:.0f} s": max(samples.ages) < MOST_AGE,
        "each post exists once": posted == len(x.world.texts) == len(set(x.world.texts)),
        "swaps and reloads were taken": samples.events["model.taken_over"] > 0
        and samples.events["configuration.reloaded"] > 0,
        "every scrape answered": samples.scrapes == len(samples.memory),
        "no error": not errors,
        "it stopped on SIGTERM": samples.events["daemon.stopped"] == 1,
    }
    for sentence, is_so in checks.items():
        say(f"{'ok  ' if is_so else 'FAIL'}  {sentence}")
    return 0 if all(checks.values()) else 1


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
