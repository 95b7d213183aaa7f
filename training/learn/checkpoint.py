"""Checkpoints: a killed training resumes and ends with the weights that it would have had.

A checkpoint is written under another name and renamed, so that a file of its name is always whole.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from training.errors import ModelError, OutOfRoom, is_full
from training.models.disk import sync

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

FORMAT = 2  # of the content; a checkpoint of another format is not resumed
HALF_MADE = ".half"


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """The last checkpoint of a training; only one with the same `mark` is resumed. `due` says when to save the next."""

    path: Path
    mark: str
    due: Callable[[], bool]
    stops: Callable[[], bool] = lambda: False  # whether somebody wants to stop; asked after each step

    def save(self, state: Mapping[str, Any]) -> None:
        write(self.path, {**state, "mark": self._mark, "chance": random_state()})

    def clear_others(self) -> None:
        """Delete a checkpoint that cannot be resumed."""
        if self.path.exists() and (read(self.path, torch.device("cpu")) or {}).get("mark") != self._mark:
            self.path.unlink()
        self.path.with_name(self.path.name + HALF_MADE).unlink(missing_ok=True)

    def resume(self, device: torch.device) -> dict[str, Any] | None:
        """What was saved, with torch's random generators restored; None where there is nothing to resume."""
        state = read(self.path, device)
        if state is None or state.pop("mark", None) != self._mark:
            return None
        restore_random_state(state.pop("chance"))
        return state

    @property
    def _mark(self) -> str:
        return f"{FORMAT} {self.mark}"


def write(path: Path, state: Mapping[str, Any]) -> None:
    half_made = path.with_name(path.name + HALF_MADE)
    try:
        with half_made.open("wb") as file:
            torch.save(dict(state), file)
            file.flush()
            os.fsync(file.fileno())
        half_made.replace(path)
        sync(path.parent)
    except (OSError, RuntimeError) as error:  # torch's writer raises RuntimeError on a full disk
        half_made.unlink(missing_ok=True)
        if not isinstance(error, OSError) or is_full(error):
            raise OutOfRoom(f"The checkpoint {path} cannot be written: make room in {path.parent}.") from error
        raise ModelError(f"The checkpoint {path} cannot be written ({error.strerror}): check its folder.") from error


def read(path: Path, device: torch.device) -> dict[str, Any] | None:
    """The checkpoint; None if it is missing or unreadable, so that the training starts over."""
    try:
        state = torch.load(path, weights_only=True, map_location=device)
    except Exception:  # noqa: BLE001  a damaged file: unpickling and unzipping have a dozen errors between them
        return None
    return state if isinstance(state, dict) else None


def random_state() -> dict[str, Any]:
    """The state of torch's global random generators, on every device."""
    return {"cpu": torch.get_rng_state(), "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []}


def restore_random_state(state: Mapping[str, Any]) -> None:
    torch.set_rng_state(state["cpu"].cpu())
    if state["cuda"]:
        torch.cuda.set_rng_state_all([generator.cpu() for generator in state["cuda"]])
