"""Progress bars on standard error; standard output is for results. A bar vanishes when its work is done.

Off a terminal there are no bars, and a training prints lines instead.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from bot.commands.console import tables
from bot.text import times
from bot.text.visible import direct, visible
from bot.text.wrapping import wrapped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from rich.console import RenderableType

    from training.retraining.job import Progress as Report

    Count = Callable[[int, int], None]  # done, of how many

SAID = 10  # texts below the bar: as many as there are evaluations in a training
NARROW = 60  # columns; on a narrower terminal there are figures in place of a bar

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


def _bar(console: Console, description: str, *columns: ProgressColumn) -> _Bar:
    is_narrow = console.width < NARROW
    return _Bar(
        TextColumn(description),
        *(() if is_narrow else (BarColumn(bar_width=30),)),
        *columns[:1],
        TimeRemainingColumn(compact=True),
        *(columns[1:] if not is_narrow else ()),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )


def _console() -> Console:
    return Console(file=direct(sys.stderr), highlight=False, soft_wrap=True)


@contextmanager
def reading(file: Path) -> Iterator[Count]:
    """Gives a function to call with the bytes read and the bytes in all."""
    with _bar(_console(), "{task.description}", DownloadColumn()) as bar:
        task = bar.add_task(f"reading {visible(file.name)}".replace("[", r"\["), total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def counting(what: str) -> Iterator[Count]:
    """Gives a function to call with how much is done, and of how much; until the first call the bar only moves."""
    with _bar(_console(), "{task.description}", MofNCompleteColumn()) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)


@contextmanager
def growing(what: str, files: Callable[[], Iterable[Path]], total: int) -> Iterator[None]:
    """While something writes these files, the bar shows their size; they may come and go."""
    with _bar(_console(), "{task.description}", _SizeColumn(files, total)) as bar:
        bar.add_task(what, total=total or None)
        yield


class _SizeColumn(DownloadColumn):
    """Looks at the files when it is drawn, so that whoever writes them need not tell."""

    def __init__(self, files: Callable[[], Iterable[Path]], total: int) -> None:
        super().__init__()
        self._files = files
        self._total = total
        self._largest = 0

    def render(self, task: Task) -> Text:
        sizes = []
        for path in self._files():
            try:
                sizes.append(path.stat().st_size)
            except OSError:  # it was renamed
                continue
        self._largest = min(max(self._largest, sum(sizes)), self._total)
        task.completed = self._largest
        return super().render(task)


class TrainingBar:
    """A line for each stage of a training and a bar for its steps; pass `show` to training as its report."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._began = 0.0
        self._tokens = 0
        self.stage = ""
        self._console = _console()
        steps, figures = TextColumn("{task.completed}/{task.total}"), TextColumn("{task.fields[figures]}")
        self._bar = _bar(self._console, "  {task.description}", steps, figures)
        self._task: TaskID | None = None  # of the steps
        self._counted: TaskID | None = None  # of another stage that counts
        self._last: Report | None = None  # of the steps

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def show(self, report: Report) -> None:
        if report.stage != self.stage:
            self._begin(report.stage)
        if report.note:
            self._print(f"    {report.note}", "dim")
        if report.step is not None:
            self._show_step(report)
        elif report.of > 1:
            self._count(report)

    def warn(self, sentence: str) -> None:
        self._print(f"    {sentence}", "yellow")

    def _begin(self, stage: str) -> None:
        """A line for the stage; the bar of the one before goes, and of the steps a line stays."""
        for task in (self._task, self._counted):
            if task is not None:
                self._bar.update(task, visible=False)
        self._counted = None
        if self._last and self._last.step and self._console.is_terminal:
            took = times.span(timedelta(seconds=self._monotonic() - self._began))
            self._print(f"  {STAGES['train']}: {self._last.of} steps in {took}, loss {self._last.step.loss:.2f}", "dim")
            self._print("\n".join(self._bar.lines[-2:]), "dim")
        self._last, self._bar.lines = None, ()
        self.stage = stage
        if stage != "train":
            self._print(f"  {STAGES.get(stage, stage)}", "dim")

    def _count(self, report: Report) -> None:
        if self._counted is None:
            self._counted = self._bar.add_task(STAGES.get(report.stage, report.stage), total=report.of, figures="")
        self._bar.update(self._counted, completed=report.done, total=report.of)

    def _print(self, text: str, style: str) -> None:
        """Print above the bar, wrapped between words. As a Text: a style of the print would colour the bar too."""
        columns = self._console.width if self._console.is_terminal else None
        lines = wrapped(visible(text), columns, hang="  ")
        self._console.print(Text("\n".join(lines), style=style))

    def _show_step(self, report: Report) -> None:
        step = report.step
        assert step is not None  # noqa: S101  the caller has checked
        if self._task is None:  # the clock starts after the first step, whose beginning is not known here
            self._began = self._monotonic()
            if step.number > 1:
                self._print(f"    going on from step {step.number - 1}", "dim")
            self._task = self._bar.add_task(STAGES["train"], total=report.of, figures="")
        else:
            self._tokens += step.tokens
        self._last = report
        seconds = max(self._monotonic() - self._began, 1e-6)
        if step.said:
            self._show_said(report.done, step.said)
        figures = f"loss {step.loss:.2f}" + (f" · {self._tokens / seconds:,.0f} tokens/s" if self._tokens else "")
        self._bar.update(self._task, completed=report.done, figures=figures)
        # Without a bar, a line for every tenth of the steps, so that a log shows progress.
        if not self._console.is_terminal and report.done * 10 // report.of > (report.done - 1) * 10 // report.of:
            self._print(f"  {STAGES['train']}: {report.done}/{report.of} · {figures}", "")

    def _show_said(self, number: int, said: str) -> None:
        """Show what the model says at this step, below what it said before: one can watch how it learns to speak."""
        line = f"    step {number:<5,} {tables.shown(' '.join(said.split()))}"
        self._bar.lines = (*self._bar.lines, line)[-SAID:]
        if not self._console.is_terminal:
            self._print(line, "")
