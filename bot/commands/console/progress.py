"""A retraining as a person watches it: stages as lines, the long one as a bar. Off a terminal, a line a stage."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from collections.abc import Callable

    from training.job import Progress as Report

STAGES = {
    "read": "reading the tweets",
    "clean": "cleaning and counting them",
    "tokenise": "learning their spelling",
    "train": "learning to speak",
    "judge": "judging the result",
    "save": "saving the model",
    "promote": "taking it into use",
}


class TrainingBar:
    """Give `show` to training as its report. On standard error: standard output is for answers."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._began = 0.0
        self._tokens = 0
        self._stage = ""
        self._console = Console(file=sys.stderr, highlight=False, soft_wrap=True)
        self._bar = Progress(
            TextColumn("  {task.description}"),
            BarColumn(bar_width=30),
            TextColumn("{task.completed}/{task.total}"),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.fields[figures]}"),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def show(self, report: Report) -> None:
        if report.stage != self._stage:
            self._stage = report.stage
            if report.stage != "train":
                self._console.print(f"  {STAGES.get(report.stage, report.stage)}", style="dim", markup=False)
        if report.note:
            self._console.print(f"    {report.note}", style="dim", markup=False)
        if report.step is not None:
            self._show_step(report)

    def warn(self, sentence: str) -> None:
        self._console.print(f"    {sentence}", style="yellow", markup=False)

    def _show_step(self, report: Report) -> None:
        step = report.step
        assert step is not None  # noqa: S101  the caller looked
        if self._task is None:  # the clock starts behind the first step: what went before it is not seen from here
            self._began = self._monotonic()
            self._task = self._bar.add_task(STAGES["train"], total=report.of, figures="")
        else:
            self._tokens += step.tokens
        seconds = max(self._monotonic() - self._began, 1e-6)
        figures = f"loss {step.loss:.2f}" + (f" · {self._tokens / seconds:,.0f} tokens/s" if self._tokens else "")
        self._bar.update(self._task, completed=report.done, figures=figures)
        # Without a bar, a line every tenth of the way: a log should show that it moves.
        if not self._console.is_terminal and report.done * 10 // report.of > (report.done - 1) * 10 // report.of:
            self._console.print(f"  {STAGES['train']}: {report.done}/{report.of} · {figures}", markup=False)
