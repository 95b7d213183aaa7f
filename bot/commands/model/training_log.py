"""The progress of a training in the state folder, for the page: a JSON object a line, begun anew by each training.

The process that trains keeps the file locked: one without a last line and without a lock is of a process that was
killed. The file is dispensable, so that nothing that happens to it ends a training.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from bot.clock import moment, stamp
from bot.errors import StoreError
from bot.text.visible import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from bot.clock import Clock
    from training.retraining.job import Outcome, Progress

FILE = "training.jsonl"
LINES = 500  # of steps, at least where there are as many
SECONDS = 5.0  # between two lines of steps, at most
LONGEST = 16_000_000  # bytes that are read; a training of a week has a tenth
LONGEST_TEXT = 1_000  # characters of what the model says, and of a note


class TrainingLog:
    """Writes it: pass `show` to the training as a report."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._file = -1
        self._began = 0.0  # monotonic, at the first step
        self._tokens = 0
        self._last = (0, 0.0)  # the number and the time of the last step that was written

    def __enter__(self) -> Self:
        with suppress(OSError):  # locked by a training that is at work; ours ends with an error of its own
            self._file = _open_locked(self._path)
            os.ftruncate(self._file, 0)
        self._write({"event": "begin", "pid": os.getpid(), "at": stamp(self._clock.now())})
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, KeyboardInterrupt):
            self._end("stopped")
        elif error is not None:
            self._end("failed", why=[str(error) or type(error).__name__])
        if self._file >= 0:
            os.close(self._file)

    def show(self, report: Progress) -> None:
        step = report.step
        if step is None:
            self._write({"event": "stage", "stage": report.stage, "note": _short(report.note)})
            return
        now = self._clock.monotonic()
        if not self._tokens:
            self._began = now
        self._tokens += step.tokens
        number, at = self._last
        is_due = step.number - number >= step.of / LINES or now - at >= SECONDS or step.number == step.of
        if not is_due and step.held_out is None:
            return
        self._last = step.number, now
        self._write(
            {
                "event": "step",
                "number": step.number,
                "of": step.of,
                "loss": round(step.loss, 4),
                "held_out": step.held_out if step.held_out is None else round(step.held_out, 4),
                "said": _short(step.said),
                "tokens": self._tokens,
                "seconds": round(now - self._began, 2),
            }
        )

    def finish(self, outcome: Outcome) -> None:
        """The last line of a training that came to its end."""
        name = outcome.version.name if outcome.version else ""
        self._end("promoted" if outcome.promoted else "kept" if name else "nothing", why=outcome.why, version=name)

    def _end(self, outcome: str, *, why: Sequence[str] = (), version: str = "") -> None:
        at = stamp(self._clock.now())
        self._write(
            {"event": "end", "outcome": outcome, "why": [_short(one) for one in why], "version": version, "at": at}
        )

    def _write(self, line: dict[str, Any]) -> None:
        if self._file >= 0:
            with suppress(OSError):  # a full disk ends the training elsewhere
                os.write(self._file, json.dumps(line).encode() + b"\n")  # one call: a reader sees whole lines


@dataclass
class Training:
    """What the file says."""

    is_running: bool
    pid: int = 0
    began: datetime | None = None
    ended: datetime | None = None
    stages: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    steps: list[dict[str, Any]] = field(default_factory=list)
    outcome: str = ""  # promoted, kept, nothing, failed, stopped; empty: at work, or killed
    why: tuple[str, ...] = ()
    version: str = ""

    @property
    def tokens_per_second(self) -> float | None:
        """In the last tenth of the steps, but at least twenty lines."""
        recent = self.steps[-max(20, len(self.steps) // 10) :]
        if len(recent) < 2 or recent[-1]["seconds"] <= recent[0]["seconds"]:
            return None
        return float((recent[-1]["tokens"] - recent[0]["tokens"]) / (recent[-1]["seconds"] - recent[0]["seconds"]))

    @property
    def seconds_left(self) -> float | None:
        """Of the steps alone, at the recent pace."""
        pace = self.tokens_per_second
        if not pace:
            return None
        first, last = self.steps[0], self.steps[-1]
        per_step = (last["tokens"] - first["tokens"]) / max(last["number"] - first["number"], 1)
        return float((last["of"] - last["number"]) * per_step / pace)


def read(path: Path) -> Training | None:
    """The newest training; None if there was none. Lines that are not whole are skipped."""
    from training import private_files

    try:
        file = private_files.open_regular(path)
    except OSError:
        return None
    with os.fdopen(file, "rb") as handle:
        training = Training(is_running=not _try_lock(handle.fileno(), shared=True))
        for text in handle.read(LONGEST).splitlines():
            with suppress(ValueError, TypeError, LookupError, StoreError):
                _add(training, json.loads(text))
    training.is_running = training.is_running and not training.outcome
    return training


def _add(training: Training, line: dict[str, Any]) -> None:
    match line["event"]:
        case "begin":
            training.pid, training.began = int(line["pid"]), moment(line["at"])
        case "stage":
            if line["stage"] not in training.stages:
                training.stages.append(str(line["stage"]))
            if line["note"]:
                training.notes.append(str(line["note"]))
        case "step":
            numbers = {key: float(line[key]) for key in ("loss", "seconds")}
            counts = {key: int(line[key]) for key in ("number", "of", "tokens")}
            held_out = None if line["held_out"] is None else float(line["held_out"])
            training.steps.append(numbers | counts | {"held_out": held_out, "said": str(line["said"])})
            if "train" not in training.stages:
                training.stages.append("train")
        case "end":
            training.outcome, training.why = str(line["outcome"]), tuple(map(str, line["why"]))
            training.version, training.ended = str(line["version"]), moment(line["at"])


def _open_locked(path: Path) -> int:
    """The file, made where there is none; an OSError if another process has locked it."""
    from training import private_files

    file = private_files.open_regular(path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
    if not _try_lock(file, shared=False):
        os.close(file)
        raise BlockingIOError
    os.fchmod(file, private_files.PRIVATE)
    return file


def _try_lock(file: int, *, shared: bool) -> bool:
    import fcntl  # not on Windows

    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _short(text: str) -> str:
    return visible(text)[:LONGEST_TEXT]


def both(one: Callable[[Progress], None], other: Callable[[Progress], None]) -> Callable[[Progress], None]:
    """A report to two."""

    def report(progress: Progress) -> None:
        one(progress)
        other(progress)

    return report
