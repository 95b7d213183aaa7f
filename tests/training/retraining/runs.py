"""A small retraining for tests: invented tweets, a model of one layer, and a way to kill it at any stage or step."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING

from training.models import model_dir
from training.recipe import Recipe, Shape
from training.retraining.job import Job, Monitor, Progress
from training.retraining.retrain import retrain
from training.sources.archive import Archive
from training.sources.tweets import Tweet

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from training.retraining.job import Outcome

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
LATER = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
QUICK = Recipe(shape=Shape(vocabulary=300, context=64, layers=1, width=32, heads=2), max_steps=4, looks=2)
WORDS = """
aunt bell bench bird bread bridge cat choir clock coat crumb dog door drum evening fish flute garden goose hat
horn ink jam kettle kite lamp letter mirror moon morning nun oboe owl paper pear piano pigeon platform porter
rain river roof rope salt shoe snow song soup spoon stair stone sugar tea ticket train tree tunnel violin
window
""".split()  # noqa: SIM905  they read better without sixty quotes
# Any two share hardly a pair of words.
TEXTS = [" ".join(random.Random(number).sample(WORDS, 9)) + "." for number in range(180)]


def archive(author: str = "stationmynah", texts: list[str] = TEXTS) -> Archive:
    tweets = (
        Tweet(id=str(number), author=author, text=text, at=NOON + timedelta(hours=number))
        for number, text in enumerate(texts, start=1)
    )
    return Archive(author, author.title(), tuple(tweets))


def small(models: Path) -> Job:
    """A job for a small model, which is promoted without a gate."""
    return Job(models, base="scratch", recipe=QUICK, gate=None, device="cpu", seed=1, samples=8, pictures=False)


class Killed(BaseException):
    """Stands for a signal: nothing in training catches it."""


def run(
    job: Job,
    *archives: Archive,
    now: datetime = NOON,
    reports: list[Progress] | None = None,
    kill_at: tuple[str, int] | None = None,
    stops: Callable[[], bool] = lambda: False,
) -> Outcome:
    def report(progress: Progress) -> None:
        if reports is not None:
            reports.append(progress)
        if (progress.stage, progress.done) == kill_at:
            raise Killed

    seconds = count()
    watch = Monitor(report, seconds=lambda: float(next(seconds)), due=lambda: True, stops=stops)
    return retrain(lambda: archives or (archive(),), job, watch, now=now)


def version_of(outcome: Outcome) -> Path:
    assert outcome.version is not None
    return outcome.version


def weights(folder: Path) -> str:
    return model_dir.check(folder).files["model.safetensors"][0]
