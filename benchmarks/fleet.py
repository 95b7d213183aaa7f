"""Many bots in one process: memory, processor at rest, start, heartbeats and rounds, for 1, 10, 100 and 1,000 bots.

The bots share SmolLM2's light form; each has an adapter, a history and a configuration of its own, and makes dry runs.
The adapter is that of one version which `mynah retrain` made from SmolLM2, with a folder of links for each bot: 1,000
copies would take 20 GB of disk, and in memory they are no less apart.

For each number of bots one process `mynah run --bots` is started and watched from outside:

- ready: from the start until every bot has logged that it has started
- at rest: processor time and private memory in `--rest` seconds after that, in which no slot is due
- oldest heartbeat: of all bots, by the time in their folders, at the end of these seconds
- a round: then the process is started again with more slots due than it can use (`--every`), until `--rounds` rounds
  are done; seconds of one core for each, so that other programs on the machine count less

A simulation of one day then asks with these seconds whether a slot would be missed: the slots of so many bots with the
default schedule, as many rounds at once as there are cores, first come, first served. A slot is missed if its round
would begin later than `schedule.grace` after it was due.
"""

from __future__ import annotations

import argparse
import heapq
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

MYNAH = str(Path(sys.executable).parent / "mynah")
PATIENCE_S = 600
WHOLE = ("model.safetensors", "light.safetensors")
TICKS = os.sysconf("SC_CLK_TCK")


def main() -> None:
    args = _parser().parse_args()
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print(
        f"{'bots':>6}{'ready':>9}{'private':>11}{'at rest':>14}{'oldest heartbeat':>19}{'a round':>14}{'private':>11}"
    )
    seconds: list[float] = []
    for count in args.bots:
        with tempfile.TemporaryDirectory(dir=args.folder) as name:
            folder = Path(name) / "bots"
            make(folder, args.model, count)
            resting = rest(folder, count, args.rest)
            spoken = speak(folder, count, args.rounds)
        seconds.append(spoken["seconds"])
        print(
            f"{count:6}{resting['ready']:8.1f}s{resting['private']:8.0f} MB{resting['share']:8.2%} core"
            f"{resting['oldest']:17.0f} s{spoken['seconds']:8.2f} core-s{spoken['private']:8.0f} MB",
            flush=True,
        )
    middle, cores = statistics.median(seconds), os.cpu_count() or 1
    day = simulate(args.simulate, middle, cores)
    missed, longest, busy = day["missed"], day["longest"], day["busy"]
    print(f"\na simulated day of {args.simulate} bots: {day['slots']} rounds of {middle:.2f} s on {cores} cores,")
    print(f"{missed} slots missed, the longest wait {longest:.0f} s, cores busy {busy:.0%} of the hours")


def make(folder: Path, model: Path, count: int) -> None:
    """The bots, ready to start; the base of the model is prepared once, and not counted."""
    one = adapter_alone(model, folder.parent / model.name)
    bases = model.parent / ".bases"
    subprocess.run([sys.executable, "-m", "training.speak.bases", bases, one], check=True)
    for number in range(count):
        home = folder / f"bot{number:04}"
        version = home / "models" / model.name
        version.mkdir(parents=True)
        for path in one.iterdir():
            os.link(path, version / path.name)
        (home / "models" / "current").symlink_to(model.name)
        if (model.parent.parent / "memory.key").exists():
            os.link(model.parent.parent / "memory.key", home / "memory.key")
        (home / "config.toml").write_text(f'bot = "bot{number:04}"\n[backup]\nevery = "0s"\n')
    shutil.copytree(bases, folder / ".bases")


def adapter_alone(model: Path, version: Path) -> Path:
    """A copy of the version without whole weights, as `training.save = "adapter"` would have made it."""
    version.mkdir(parents=True)
    manifest = json.loads((model / "manifest.json").read_bytes())
    for name in manifest["files"]:
        if name not in WHOLE:
            shutil.copy(model / name, version / name)
    manifest["files"] = {name: entry for name, entry in manifest["files"].items() if name not in WHOLE}
    (version / "manifest.json").write_text(json.dumps(manifest))
    return version


def rest(folder: Path, count: int, seconds: float) -> dict[str, float]:
    """Without a slot that is due: the schedule's only hours are twelve hours away."""
    far = (datetime.now(UTC) + timedelta(hours=11)).replace(minute=0)
    hours = {
        "MYNAH_SCHEDULE__ACTIVE_FROM": f"{far:%H:%M}",
        "MYNAH_SCHEDULE__ACTIVE_TO": f"{far + timedelta(hours=1):%H:%M}",
    }
    began = time.perf_counter()
    process = start(folder, hours)
    try:
        wait_for(folder, process, "bot.started", count)
        ready = time.perf_counter() - began
        time.sleep(45)  # each bot's second heartbeat, after which it rests
        before = cpu(process.pid)
        time.sleep(seconds)
        share = (cpu(process.pid) - before) / seconds
        now = time.time()
        oldest = max(now - (home / "holder.json").stat().st_mtime for home in folder.glob("bot*"))
        return {"ready": ready, "share": share, "oldest": oldest, "private": private(process.pid)}
    finally:
        end(process)


def speak(folder: Path, count: int, rounds: int) -> dict[str, float]:
    """Seconds of processor time for a round while more are due than can be done, and the memory then."""
    wanted = max(min(rounds, 3 * count), 4)
    process = start(folder, {}, "--every", "1s" if count <= 10 else "2m")
    try:
        begun = len(wait_for(folder, process, "round.ended", 2))  # the base is loaded by now
        before = cpu(process.pid)
        done = len(wait_for(folder, process, "round.ended", begun + wanted)) - begun
        return {"seconds": (cpu(process.pid) - before) / done, "private": private(process.pid)}
    finally:
        end(process)


def start(folder: Path, settings: dict[str, str], *words: str) -> subprocess.Popen[bytes]:
    env = {key: value for key, value in os.environ.items() if not key.startswith("MYNAH_")}
    with (folder.parent / "log").open("wb") as log:
        return subprocess.Popen(
            [MYNAH, "run", "--bots", folder, *words], env=env | settings, stdout=log, stderr=subprocess.STDOUT
        )


def end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def wait_for(folder: Path, process: subprocess.Popen[bytes], event: str, count: int) -> list[float]:
    """The times at which the event was logged so often."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        lines = [line for line in (folder.parent / "log").read_text().splitlines() if f'"{event}"' in line]
        if len(lines) >= count:
            return [datetime.fromisoformat(json.loads(line)["at"]).timestamp() for line in lines]
        if process.poll() is not None:
            raise RuntimeError(f"it ended: {(folder.parent / 'log').read_text()[-2000:]}")
        time.sleep(0.05)
    raise RuntimeError(f"{len(lines)} of {count} {event}: {(folder.parent / 'log').read_text()[-2000:]}")


def cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def private(pid: int) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()[1:]
    pages = {line.split(":")[0]: int(line.split()[1]) / 1e3 for line in lines}
    return pages["Private_Dirty"]


def simulate(count: int, seconds: float, cores: int) -> dict[str, Any]:
    """A day of so many bots whose rounds take `seconds` of a core each."""
    from bot.config.settings import Settings
    from bot.running import assembly

    day, slots = datetime(2026, 12, 1, tzinfo=UTC).date(), []
    for number in range(count):
        schedule: Any = assembly.schedule(Settings(bot=f"bot{number:04}"), None)
        slots += [slot.due.timestamp() for slot in schedule.day(day)]
    grace, rng = Settings().schedule.grace.total_seconds(), random.Random(0)
    free, waits = [0.0] * cores, []
    for due in sorted(slots):
        noticed = due + rng.uniform(0, 15)  # the next heartbeat
        began = max(noticed, heapq.heappop(free))
        heapq.heappush(free, began + seconds)
        waits.append(began - due)
    busy = len(slots) * seconds / cores / (max(slots) - min(slots))
    return {"slots": len(slots), "missed": sum(w > grace for w in waits), "longest": max(waits), "busy": busy}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="a version that mynah retrain made by LoRA")
    parser.add_argument("--bots", type=int, nargs="+", default=[1, 10, 100, 1000])
    parser.add_argument("--rest", type=float, default=60, help="seconds (default: 60)")
    parser.add_argument("--rounds", type=int, default=60, help="of all bots together (default: 60)")
    parser.add_argument("--simulate", type=int, default=1000, help="bots of the simulated day (default: 1,000)")
    parser.add_argument("--folder", type=Path, help="where to make the bots: the disk of the model")
    return parser


if __name__ == "__main__":
    main()
