"""Progress bars on standard error; standard output is for results. Off a terminal, a training prints lines instead."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, ProgressColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from bot.commands.console import tables
from bot.text.visible import direct, visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from rich.console import RenderableType

    from training.retraining.job import Progress as Report

SAID = 10  # texts below the bar: as many as there are evaluations in a training

STAGES = {
    "read": "reading the tweets",
    "clean": "filtering and counting the tweets",
    "tokenise": "training the tokenizer",
    "train": "training the model",
    "judge": "evaluating the model",
    "save": "saving the model",
    "promote": "putting the model into use",
}


class _Bar(Progress):
    """A progress bar with lines of text below it, each cut to the width of the terminal."""

    lines: tuple[str, ...] = ()

    def get_renderables(self) -> Iterator[RenderableType]:
        yield from super().get_renderables()
        for line in self.lines:
            yield Text(line, style="dim", no_wrap=True, overflow="ellipsis")


def _bar(console: Console, description: str, *columns: ProgressColumn, transient: bool = False) -> _Bar:
    remaining = TimeRemainingColumn(compact=True)
    return _Bar(
        *(TextColumn(description), BarColumn(bar_width=30), columns[0], remaining, *columns[1:]),
        console=console,
        disable=not console.is_terminal,
        transient=transient,
    )


@contextmanager
def reading(file: Path) -> Iterator[Callable[[int, int], None]]:
    """Gives a function to call with the bytes read and the bytes in all."""
    with _bar(
        Console(file=direct(sys.stderr), highlight=False), "{task.description}", DownloadColumn(), transient=True
    ) as bar:
        task = bar.add_task(f"reading {visible(file.name)}".replace("[", r"\["), total=None)

        def report(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield report


class TrainingBar:
    """A line for each stage of a training and a bar for its steps; pass `show` to training as its report."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._began = 0.0
        self._tokens = 0
        self._stage = ""
        self._console = Console(file=direct(sys.stderr), highlight=False, soft_wrap=True)
        steps, figures = TextColumn("{task.completed}/{task.total}"), TextColumn("{task.fields[figures]}")
        self._bar = _bar(self._console, "  {task.description}", steps, figures)
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
            self._console.print(f"    {visible(report.note)}", style="dim", markup=False)
        if report.step is not None:
            self._show_step(report)

    def warn(self, sentence: str) -> None:
        self._console.print(f"    {visible(sentence)}", style="yellow", markup=False)

    def _show_step(self, report: Report) -> None:
        step = report.step
        assert step is not None  # noqa: S101  the caller has checked
        if self._task is None:  # the clock starts after the first step, whose beginning is not known here
            self._began = self._monotonic()
            self._task = self._bar.add_task(STAGES["train"], total=report.of, figures="")
        else:
            self._tokens += step.tokens
        seconds = max(self._monotonic() - self._began, 1e-6)
        if step.said:
            self._show_said(report.done, step.said)
        figures = f"loss {step.loss:.2f}" + (f" · {self._tokens / seconds:,.0f} tokens/s" if self._tokens else "")
        self._bar.update(self._task, completed=report.done, figures=figures)
        # Without a bar, a line for every tenth of the steps, so that a log shows progress.
        if not self._console.is_terminal and report.done * 10 // report.of > (report.done - 1) * 10 // report.of:
            self._console.print(f"  {STAGES['train']}: {report.done}/{report.of} · {figures}", markup=False)

    def _show_said(self, number: int, said: str) -> None:
        """Show what the model says at this step, below what it said before: one can watch how it learns to speak."""
        line = f"    step {number:<5,} {tables.shown(' '.join(said.split()))}"
        self._bar.lines = (*self._bar.lines, line)[-SAID:]
        if not self._console.is_terminal:
            self._console.print(line, markup=False)
