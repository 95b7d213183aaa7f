"""metrics.jsonl: a training's numbers, one JSON object a line, each written as it happens. It knows no clock."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import IO, TYPE_CHECKING, Any, Self

from training.finetune import Step

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Metrics:
    """Lines of kind "step", and one of kind "end". `seconds` are those spent at it, interruptions left out."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[str] | None = None
        self._lines: list[dict[str, Any]] = []
        self._before = 0.0  # seconds, in the runs that were killed

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
        """All of them, those of the runs that were killed too."""
        return [Step(**{name: line[name] for name in Step.__slots__}) for line in self._lines]

    def add(self, step: Step, *, seconds: float) -> None:
        if self._file is None:
            self._go_on(step.number)
        self._tell({"kind": "step", **asdict(step), "seconds": round(self._before + seconds, 3)})

    def end(self, figures: Mapping[str, Any]) -> bytes:
        """The whole file, its last line included."""
        assert self._file is not None  # noqa: S101  a step comes first
        self._file.write(json.dumps({"kind": "end", **figures}) + "\n")
        self._file.flush()
        return self._path.read_bytes()

    def _go_on(self, number: int) -> None:
        """What a killed run told of the steps before this one; those after its checkpoint happen again."""
        earlier = [line for line in _read(self._path) if line["number"] < number] if number > 1 else []
        self._before = earlier[-1]["seconds"] if earlier else 0.0
        self._file = self._path.open("w", encoding="utf-8")
        for line in earlier:
            self._tell(line)

    def _tell(self, line: dict[str, Any]) -> None:
        assert self._file is not None  # noqa: S101  a step comes first
        self._lines.append(line)
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()  # whoever is killed has told all that he knew


def _read(path: Path) -> list[dict[str, Any]]:
    """The steps; half a line at the end, where the writer was killed, is none."""
    whole = path.read_text(encoding="utf-8").rpartition("\n")[0] if path.exists() else ""
    return [line for line in map(json.loads, whole.splitlines()) if line["kind"] == "step"]
