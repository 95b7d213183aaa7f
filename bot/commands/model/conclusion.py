"""What a training ends with: posts that the bot would choose, the verdict, the picture, and what to do next."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from bot.commands.console.terminal import hint, say
from bot.errors import MynahError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bot.clock import Clock
    from bot.config.settings import Settings
    from bot.config.state_dir import StateDir
    from training.judge.report import Report
    from training.retraining.job import Outcome

POSTS = 5


def conclude(outcome: Outcome, settings: Settings, folder: StateDir, clock: Clock, *, starting: bool = False) -> None:
    """Show it on standard error. `starting`: the bot starts with this model right away, if it is good enough."""
    if outcome.version is None:
        return
    for line in _lines(outcome.version, settings, clock):
        say(line, stream=sys.stderr)  # a post takes seconds on a slow machine
    if outcome.promoted:
        hint(_next(settings, folder, starting=starting), sys.stderr)


def _lines(version: Path, settings: Settings, clock: Clock) -> Iterator[str]:
    from training.card.card import PREDICTIONS

    yield "five posts that the bot would choose:"
    yield from _posts(version, settings, clock)
    if verdict := _verdict(version):
        yield verdict
    if (picture := version / PREDICTIONS).exists():
        yield f"a picture to share: {picture}"


def _posts(version: Path, settings: Settings, clock: Clock) -> Iterator[str]:
    """One line each. A failure is told and ends nothing: the training has succeeded."""
    from bot.commands.console import tables
    from bot.running import preview

    made = 0
    try:
        for made, text in enumerate(  # noqa: B007  counted for the sentence below
            preview.posts(version, settings, clock, count=POSTS, seed=settings.training.seed), start=1
        ):
            yield f"  {tables.shown(' '.join(text.split()))}"
    except (MynahError, ModuleNotFoundError, OSError) as error:
        yield f"  none can be shown: {error}"
        return
    if made < POSTS:
        yield f"  {made} of {POSTS}: the screen refused the other drafts; `mynah sample` shows why"


def _verdict(version: Path) -> str:
    """The main figures of the report in one line."""
    from training import errors
    from training.judge import report as judgement

    try:
        report = judgement.read(version)
    except errors.ModelError as error:
        return str(error)
    return f"measured on newer tweets: {'; '.join(_figures(report))}" if report else ""


def _figures(report: Report) -> Iterator[str]:
    if report.bits_per_character is not None:
        base = "" if report.base_bits is None else f", its base {report.base_bits:.3f}"
        yield f"{report.bits_per_character:.3f} bits per character{base} (lower is better)"
    likeness = report.figures().get("likeness")
    if likeness is not None:
        yield f"likeness {likeness:.2f} (1: like the person, 0: like somebody else)"
    author = "" if report.copied_author is None else f", the person's own {report.copied_author:.1%}"
    yield f"copied {report.copied:.1%}{author}"


def _next(settings: Settings, folder: StateDir, *, starting: bool) -> str:
    test = "`mynah blindtest` asks whether you can tell its posts from the person's"
    if starting:
        return f"the bot starts; {test}"
    if folder.holder() is not None:
        return f"the running bot speaks with this model from its next post on, and `mynah rollback` undoes that; {test}"
    return f"`mynah run` {'posts with it' if settings.live else 'shows what it would post, and when'}; {test}"
