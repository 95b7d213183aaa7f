"""Kills a retraining at random moments and looks at what it left: `python -m tests.trials.killing_retrain --kills 50`.

Each life is a real `python -m training retrain` on the sample account, killed when its stages and steps, as it tells
them, have come to a number drawn by chance. Whatever happened, the model in use must be whole, every version too, and
every training that comes to its end must come to the very weights of one that was never killed.
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
from dataclasses import dataclass, field
from pathlib import Path

from training.errors import ModelError
from training.models import model_dir, registry
from training.sources.sample import ARCHIVE

ROOT = Path(__file__).parents[2]
PATIENCE_S = 600


@dataclass
class Found:
    """What the kills left behind; all but the first three must be nothing."""

    kills: int = 0
    finished: int = 0
    went_on: int = 0  # from a checkpoint
    broken_current: int = 0
    broken_versions: int = 0
    other_weights: int = 0
    failed: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


class Life:
    """One retraining; `progress` counts the stages and the steps that it has told of."""

    def __init__(self, models: Path, arguments: list[str]) -> None:
        self._metrics = models / "unfinished" / model_dir.METRICS
        self._steps = 0
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  closed with the life
        command = [sys.executable, "-m", "training", "retrain", "--tweets", str(ARCHIVE), "--models", str(models)]
        self.process = subprocess.Popen([*command, *arguments], stderr=self._log, stdout=subprocess.DEVNULL, cwd=ROOT)

    def told(self) -> str:
        self._log.seek(0)
        return self._log.read().decode()

    def progress(self) -> int:
        with suppress(FileNotFoundError):
            self._steps = max(self._steps, self._metrics.read_bytes().count(b"\n"))
        return self.told().count("\n") + self._steps

    def last_until(self, progress: float) -> bool:
        """Is it still alive when it has come so far?"""
        end = time.monotonic() + PATIENCE_S
        while self.process.poll() is None:
            if self.progress() >= progress:
                return True
            if time.monotonic() > end:
                self.process.kill()
                raise RuntimeError(f"it does not move on: {self.told()}")
            time.sleep(0.002)
        return False

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def kill_and_look(kills: int, seed: int, arguments: list[str]) -> Found:
    chance = random.Random(seed)
    found = Found()
    with tempfile.TemporaryDirectory() as name:
        unbroken, models = Path(name) / "unbroken", Path(name) / "models"
        events, pace = _unbroken(unbroken, arguments)
        wanted = _weights(_current(unbroken))
        while found.kills < kills:
            life = Life(models, arguments)
            if life.last_until(chance.randint(0, events)):
                time.sleep(chance.uniform(0, pace))
                life.kill()
                found.kills += 1
            else:
                _ended(life, found)
            _look(models, wanted, found)
        last = Life(models, arguments)
        last.last_until(float("inf"))
        _ended(last, found)
        _look(models, wanted, found)
        found.left = _left(models)
    return found


def _unbroken(models: Path, arguments: list[str]) -> tuple[int, float]:
    """How many events a life has that nobody disturbs, and the mean seconds between two."""
    life = Life(models, arguments)
    began = time.monotonic()
    life.last_until(float("inf"))
    if life.process.returncode != 0:
        raise RuntimeError(life.told())
    events = life.progress()
    return events, (time.monotonic() - began) / events


def _ended(life: Life, found: Found) -> None:
    found.finished += 1
    if life.process.returncode != 0:
        found.failed.append(life.told()[-300:])


def _look(models: Path, wanted: str, found: Found) -> None:
    if not models.exists():
        return
    found.went_on += (models / "unfinished" / "checkpoint.pt").exists()
    try:
        if registry.current(models):
            model_dir.check(_current(models))
    except ModelError:
        found.broken_current += 1
    for version in _versions(models):
        try:
            model_dir.check(version)
            found.other_weights += _weights(version) != wanted
        except ModelError:
            found.broken_versions += 1


def _current(models: Path) -> Path:
    current = registry.current(models)
    if current is None:
        raise ModelError(f"nothing is in use in {models}")
    return current


def _versions(models: Path) -> list[Path]:
    return [version.folder for version in registry.versions(models)]


def _left(models: Path) -> list[str]:
    """What is no version, and nothing that the registry needs."""
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
    asked = parser.parse_args()
    arguments = ["--base-model", asked.base_model, "--steps", str(asked.steps), "--samples", "16"]
    arguments += ["--checkpoint-every", "0", "--as-is"]
    print(json.dumps(vars(kill_and_look(asked.kills, asked.seed, arguments))))  # noqa: T201  its answer


if __name__ == "__main__":
    main()
