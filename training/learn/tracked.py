"""A training as a tracker hears of it: which lesson, which steps, which model. It decides what, not where to."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING

from training.models.base_model import without_place

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from training.job import Job
    from training.judge.report import Report
    from training.learn.tracking import Tracker
    from training.prepare import PreparedRun
    from training.speak.types import Sample

EXAMPLES = 10  # as many as the reference showed


@contextmanager
def finished(tracker: Tracker) -> Iterator[None]:
    """However it ends, the tracker hears of it."""
    try:
        yield
    except BaseException:
        tracker.finish(failed=True)
        raise
    tracker.finish()


def tell_lesson(tracker: Tracker, run: PreparedRun, job: Job) -> None:
    texts = run.texts
    handle = "-".join(sorted(funnel.author for funnel in texts.funnels))
    chosen = job.choices
    config = {
        "rules": chosen.rules,
        "newlines": chosen.newlines,
        "replies": chosen.replies,
        "tags": chosen.tags,
        "recency_days": chosen.recency / timedelta(days=1) if chosen.recency else 0,
    }
    counts = {funnel.author: funnel.counts() for funnel in texts.funnels}
    learnt = {"learnt": len(texts.train), "held_out": len(texts.held_out)}
    tracker.preprocess(
        handle=handle, config=config, counts=counts | {"texts": learnt}, texts=[text.text for text in texts.train]
    )
    tracker.begin(handle=handle, config=asdict(run.recipe) | {"seed": job.seed}, base=without_place(job.base))


def tell_model(tracker: Tracker, version: Path, report: Report, drafts: Sequence[Sample]) -> None:
    tracker.model(version, figures=report.figures())
    tracker.examples([("", draft.text) for draft in drafts[:EXAMPLES]])
