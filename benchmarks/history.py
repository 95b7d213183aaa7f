"""What a heartbeat, a round, `mynah status` and others cost with a long history, compared with an empty one.

    python benchmarks/history.py [--rows 0 10000 300000 1000000] [--model FOLDER] [--quick]

The rows are posts; there are as many refusals and slots, twice as many events, and a quarter as many mentions. Without
`--model`, a version's folder, one is made from the sample account. Each number is the median of several, in
milliseconds of processor time, so that other work on the machine does not count.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import long_history
import structlog

from bot.clock import stamp
from bot.config.settings import Settings
from bot.config.state_dir import StateDir
from bot.history.store import Store
from bot.replies.polling import Cursor, keep
from bot.rounds.slots import once
from bot.running import status
from bot.running.app import App, Process
from bot.running.heartbeat import Heartbeat
from bot.running.round_log import RoundLog
from bot.running.systemd import Notifier
from bot.values import Mentions, Receipt, Timeline
from bot.x.payloads import Account, id_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)
MYNAH = str(Path(sys.executable).with_name("mynah"))
TIMES = {"beat": 60, "round": 12, "status": 30, "page": 30, "command": 9}


class Clock:
    """The bot's time, which passes between two rounds; durations are real."""

    def __init__(self) -> None:
        self.wall = NOW

    def now(self) -> datetime:
        return self.wall

    def monotonic(self) -> float:
        return time.perf_counter() + (self.wall - NOW).total_seconds()


class EmptyX:
    """Takes every post at once and has no mentions."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._number = 0

    def me(self) -> Account:
        return Account("1", "b", "B")

    def own_posts(self, *_: object, **__: object) -> Timeline:
        return Timeline((), whole=True)

    def mentions(self, *_: object, **__: object) -> Mentions:
        return Mentions((), "")

    def post(self, text: str, **_: object) -> Receipt:
        self._number += 1
        return Receipt(str(id_at(self._clock.now()) + self._number), text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[0, 10_000, 300_000, 1_000_000])
    parser.add_argument("--model", type=Path, help="the folder of a version; default: train one on the sample account")
    parser.add_argument("--quick", action="store_true", help="leave out the rounds and the commands")
    parsed = parser.parse_args()
    structlog.configure(processors=[_drop])
    with tempfile.TemporaryDirectory(prefix="mynah-") as place:
        model = parsed.model or _train(Path(place) / "training")
        columns = {rows: measured(Path(place) / str(rows), rows, model, quick=parsed.quick) for rows in parsed.rows}
    first, second, *_, last = list(columns.values())
    heads = " | ".join(f"{rows:,}" for rows in parsed.rows)
    print(f"| ms | {heads} | last : first | last : second |\n|---|{'---:|' * (len(columns) + 2)}")
    for name in first:
        cells = " | ".join(f"{column[name]:,.2f}" for column in columns.values())
        print(f"| {name} | {cells} | {last[name] / first[name]:.2f} | {last[name] / second[name]:.2f} |")


def measured(root: Path, rows: int, model: Path, *, quick: bool) -> dict[str, float]:
    state_dir = StateDir(root)
    state_dir.make()
    began = time.perf_counter()
    long_history.fill(state_dir.history, rows, now=NOW)
    print(f"made a history of {rows:,} posts in {time.perf_counter() - began:.0f} s", file=sys.stderr)
    shutil.copytree(model, state_dir.models / model.name)
    (state_dir.models / "current").symlink_to(model.name)
    for key in model.parent.parent.glob("memory.key"):
        shutil.copy(key, root)
    results: dict[str, float] = {"size of the file, MB": state_dir.history.stat().st_size / 2**20}
    for live in (False, True):
        kind = "live" if live else "dry"
        clock = Clock()
        bot, beat = _bot(state_dir, clock, live=live)
        results[f"heartbeat, {kind}"] = _median(beat, TIMES["beat"])
        if not quick:
            results[f"round, {kind}"] = _median(partial(_round, bot, clock), TIMES["round"])
        row = partial(status.row, _settings(state_dir, live=live), state_dir, clock.now())
        results[f"row of `status`, {kind}"] = _median(row, TIMES["status"])
    with Store.open(state_dir.history, read_only=True) as store:
        pages = {
            "first page": partial(store.history),
            "live ones, from the middle on": partial(store.history, dry=False, before=rows // 2),
            "expired dry runs": partial(store.history, dry=True, state="expired"),
        }
        for name, page in pages.items():
            results[f"`history`, {name}"] = _median(page, TIMES["page"])
    for words in () if quick else (["status"], ["doctor", "--quick"], ["history"]):
        results[f"`mynah {' '.join(words)}`"] = _median(partial(_command, state_dir, words), TIMES["command"])
    return results


def _settings(state_dir: StateDir, *, live: bool) -> Settings:
    return Settings.model_validate({
        "state": state_dir.root, "live": live, "bot": "b",
        "replies": {"enabled": True, "approved_by_x": True},
        "budget": {"per_day": 1e5, "per_month": 1e5},
        "posting": {"min_gap": "20m"},
        "voice": {"threads": 1},
        "training": {"base_model": "tiny"},
        "backup": {"every": "0s"},
    })  # fmt: skip


def _bot(state_dir: StateDir, clock: Clock, *, live: bool) -> tuple[App, Callable[[], object]]:
    from bot.sending.outbox import DryRunPublisher

    settings = _settings(state_dir, live=live)
    process = Process(
        load=lambda: settings,
        state_dir=state_dir,
        about={"since": stamp(clock.now()), "live": live, "every": None, "bot": "b"},
        every=timedelta(days=3650),
        clock=clock,
        notifier=Notifier(None),
    )
    publisher = EmptyX(clock) if live else DryRunPublisher()
    app = App(process, settings, publisher)  # type: ignore[arg-type]
    app.now.agenda.begin()
    with Store.open(state_dir.history) as store:
        keep(store, Cursor(since="1"))
        store.keep_meta("account", "1")
    log = structlog.get_logger()
    heart = Heartbeat(lambda: app.now, RoundLog(log), refresh=app.refresh, shortage=lambda: None, clock=clock, log=log)
    return app, heart.beat


def _round(app: App, clock: Clock) -> None:
    clock.wall += timedelta(hours=3)
    ended = app.now.agenda.speak_now(once(clock.now()))
    if ended.outcome not in {"dry", "posted"}:
        raise SystemExit(f"the round ended with {ended.outcome}: {ended.detail}")


def _command(state_dir: StateDir, words: Iterable[str]) -> None:
    done = subprocess.run([MYNAH, "--state", str(state_dir.root), *words], capture_output=True, text=True, check=False)
    if done.returncode and "ready" not in done.stdout:
        raise SystemExit(done.stderr)


def _train(root: Path) -> Path:
    config = root.with_suffix(".toml")
    config.write_text('[training]\nbase_model = "tiny"\n')
    subprocess.run([MYNAH, "--config", str(config), "--state", str(root), "retrain"], check=True, capture_output=True)
    return (root / "models" / "current").resolve()


def _median(action: Callable[[], object], times: int) -> float:
    took = []
    action()
    for _ in range(times):
        began = _processor_time()
        action()
        took.append(1000 * (_processor_time() - began))
    return median(took)


def _processor_time() -> float:
    """Of this process and its commands."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def _drop(*_: object) -> str:
    raise structlog.DropEvent


if __name__ == "__main__":
    main()
