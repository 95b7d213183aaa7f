"""Kills a retraining at random moments and checks what it left: `python -m tests.trials.killing_retrain --kills 50`.

Each run is a process of its own: the job of `mynah retrain` on the sample account, with fewer steps. It is killed when
its stages and steps, as it reports them, have reached a random number. Whatever happened, the current model and every
version must be whole, and each training that finishes must end with the weights of one that was never killed.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bot.text.length import weighted_length
from training.errors import ModelError
from training.models import model_dir, registry
from training.models.registry import UNFINISHED
from training.recipe import recipe_for
from training.retraining.job import Job, Monitor
from training.retraining.retrain import retrain
from training.sources import recognise
from training.sources.sample import ARCHIVE

if TYPE_CHECKING:
    from training.retraining.job import Progress

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 600


@dataclass
class Outcome:
    """The result of the kills; all but the first three fields must be 0 or empty."""

    kills: int = 0
    finished: int = 0
    resumed: int = 0  # from a checkpoint
    broken_current: int = 0
    broken_versions: int = 0
    other_weights: int = 0
    errors: list[str] = field(default_factory=list)
    leftovers: list[str] = field(default_factory=list)


class Run:
    """One retraining in a process of its own; `progress` counts the stages and the steps that it has reported."""

    def __init__(self, models: Path, arguments: list[str]) -> None:
        self._metrics = models / UNFINISHED / model_dir.METRICS
        self._steps = 0
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  closed with the run
        command = [sys.executable, "-m", "tests.trials.killing_retrain", "--train", str(models), *arguments]
        self.process = subprocess.Popen(command, stderr=self._log, stdout=subprocess.DEVNULL, cwd=ROOT)

    def log(self) -> str:
        self._log.seek(0)
        return self._log.read().decode()

    def progress(self) -> int:
        with suppress(FileNotFoundError):
            self._steps = max(self._steps, self._metrics.read_bytes().count(b"\n"))
        return self.log().count("\n") + self._steps

    def reaches(self, progress: float) -> bool:
        """Wait for this progress; False if the run ends by itself before."""
        deadline = time.monotonic() + TIMEOUT_S
        while self.process.poll() is None:
            if self.progress() >= progress:
                return True
            if time.monotonic() > deadline:
                self.process.kill()
                raise RuntimeError(f"no progress within {TIMEOUT_S} s: {self.log()}")
            time.sleep(0.002)
        return False

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def train(models: Path, base: str, steps: int) -> None:
    """What `mynah retrain` does after it has read its settings, with fewer steps and samples and no gate."""
    job = Job(
        models=models,
        base=base,
        recipe=replace(recipe_for(base), max_steps=steps),
        gate=None,
        samples=16,
        length=weighted_length,
    )

    def report(progress: Progress) -> None:
        if progress.step is None:
            print(progress.stage, progress.note, file=sys.stderr, flush=True)  # noqa: T201  what `progress` counts

    monitor = Monitor(report, seconds=time.monotonic, due=lambda: True)
    retrain(lambda: [recognise.read(ARCHIVE, None)], job, monitor, now=datetime.now(UTC))


def kill_and_check(kills: int, seed: int, arguments: list[str]) -> Outcome:
    rng = random.Random(seed)
    outcome = Outcome()
    with tempfile.TemporaryDirectory() as name:
        unbroken, models = Path(name) / "unbroken", Path(name) / "models"
        events, pace = _unbroken(unbroken, arguments)
        expected = _weights(_current(unbroken))
        while outcome.kills < kills:
            run = Run(models, arguments)
            if run.reaches(rng.randint(0, events)):
                time.sleep(rng.uniform(0, pace))
                run.kill()
                outcome.kills += 1
            else:
                _count_finished(run, outcome)
            _check(models, expected, outcome)
        last = Run(models, arguments)
        last.reaches(float("inf"))
        _count_finished(last, outcome)
        _check(models, expected, outcome)
        outcome.leftovers = _leftovers(models)
    return outcome


def _unbroken(models: Path, arguments: list[str]) -> tuple[int, float]:
    """The number of events in an undisturbed run, and the mean seconds between two."""
    run = Run(models, arguments)
    began = time.monotonic()
    run.reaches(float("inf"))
    if run.process.returncode != 0:
        raise RuntimeError(run.log())
    events = run.progress()
    return events, (time.monotonic() - began) / events


def _count_finished(run: Run, outcome: Outcome) -> None:
    outcome.finished += 1
    if run.process.returncode != 0:
        outcome.errors.append(run.log()[-300:])


def _check(models: Path, expected: str, outcome: Outcome) -> None:
    if not models.exists():
        return
    outcome.resumed += (models / UNFINISHED / "checkpoint.pt").exists()
    try:
        if registry.current(models):
            model_dir.check(_current(models))
    except ModelError:
        outcome.broken_current += 1
    for version in _versions(models):
        try:
            model_dir.check(version)
            outcome.other_weights += _weights(version) != expected
        except ModelError:
            outcome.broken_versions += 1


def _current(models: Path) -> Path:
    current = registry.current(models)
    if current is None:
        raise ModelError(f"{models} has no current model")
    return current


def _versions(models: Path) -> list[Path]:
    return [version.folder for version in registry.versions(models)]


def _leftovers(models: Path) -> list[str]:
    """All files but the versions and the registry's own."""
    known = {registry.CURRENT, registry.BEFORE, *(version.name for version in _versions(models))}
    return sorted(path.name for path in models.iterdir() if path.name not in known)


def _weights(version: Path) -> str:
    return model_dir.read_manifest(version).files["model.safetensors"][0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--base-model", default="scratch", help='small and quick (the default), or "tiny"')
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--train", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.train:
        train(args.train, args.base_model, args.steps)
        return
    arguments = ["--base-model", args.base_model, "--steps", str(args.steps)]
    print(json.dumps(vars(kill_and_check(args.kills, args.seed, arguments))))  # noqa: T201  the result


if __name__ == "__main__":
    main()
