"""metrics.jsonl: the numbers of each training step, one JSON object a line, written as it happens."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import IO, TYPE_CHECKING, Any, Self

from training.errors import ModelError, OutOfRoom, is_full
from training.learn.checkpoint import HALF_MADE
from training.learn.finetune import Step

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


class Metrics:
    """Lines of kind "step", and one of kind "end". `seconds` leave interruptions out."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[bytes] | None = None
        self._lines: list[dict[str, Any]] = []
        self._before = 0.0  # seconds of the runs that were killed

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file:
            self._file.close()

    @property
    def seconds(self) -> float:
        return self._lines[-1]["seconds"] if self._lines else 0.0

    @property
    def steps(self) -> list[Step]:
        """All steps, including those of killed runs."""
        return list(map(_step, self._lines))

    def add(self, step: Step, *, seconds: float) -> None:
        if self._file is None:
            self._resume(step.number)
        line = {"kind": "step", **asdict(step), "seconds": round(self._before + seconds, 3)}
        self._lines.append(line)
        self._write(line)

    def complete(self) -> None:
        """Take over the steps of a killed run that had done them all, where this run had none to do."""
        if self._file is None:
            self._resume(sys.maxsize)

    def end(self, figures: Mapping[str, Any]) -> bytes:
        """The whole file, its last line included."""
        self._write({"kind": "end", **figures})
        return self._path.read_bytes()

    def _resume(self, number: int) -> None:
        """Keep the lines of a killed run up to its checkpoint; the steps after that are repeated."""
        earlier = [line for line in _read(self._path) if line["number"] < number] if number > 1 else []
        self._before = earlier[-1]["seconds"] if earlier else 0.0
        self._lines = earlier
        if earlier:
            half_made = self._path.with_name(self._path.name + HALF_MADE)
            half_made.write_bytes(b"".join(map(_encoded, earlier)))
            half_made.replace(self._path)
        # unbuffered: a killed run has written all its steps
        self._file = self._path.open("ab" if earlier else "wb", buffering=0)

    def _write(self, line: Mapping[str, Any]) -> None:
        assert self._file is not None  # noqa: S101  a step comes first
        try:
            self._file.write(_encoded(line))
        except OSError as error:
            if is_full(error):
                raise OutOfRoom(f"{self._path} cannot be written: make room in {self._path.parent}.") from error
            raise ModelError(f"{self._path} cannot be written ({error.strerror}): check its folder.") from error


def _encoded(line: Mapping[str, Any]) -> bytes:
    return json.dumps(line).encode() + b"\n"


def _step(line: Mapping[str, Any]) -> Step:
    return Step(**{name: line[name] for name in Step.__slots__})


def _read(path: Path) -> Iterator[dict[str, Any]]:
    """The steps; lines that a kill or a power cut left incomplete are skipped."""
    for text in path.read_bytes().splitlines() if path.exists() else ():
        try:
            line = json.loads(text)
            if line["kind"] == "step" and _step(line).number and line["seconds"] >= 0:
                yield line
        except (ValueError, TypeError, LookupError):
            continue
