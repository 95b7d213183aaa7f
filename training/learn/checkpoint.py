"""Where a training is, on disk, so that a killed one goes on to the weights that it would have had.

A checkpoint is written beside its place and renamed: what has the name is whole. It knows no models, only what it is
given, and no clock: `due` says when it is time.
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

FORMAT = 1  # of what is in a checkpoint; another one is not gone on with
HALF_MADE = ".half"


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """One training's last checkpoint; `mark` says what is trained, and only the same is gone on with."""

    path: Path
    mark: str
    due: Callable[[], bool]

    def save(self, state: Mapping[str, Any]) -> None:
        write(self.path, {**state, "mark": self._mark, "chance": chance()})

    def clear_others(self) -> None:
        """Give back the room of what is not gone on with."""
        if self.path.exists() and (read(self.path, torch.device("cpu")) or {}).get("mark") != self._mark:
            self.path.unlink()
        self.path.with_name(self.path.name + HALF_MADE).unlink(missing_ok=True)

    def resume(self, device: torch.device) -> dict[str, Any] | None:
        """What was saved, its dice laid as they lay; None where there is nothing to go on with."""
        state = read(self.path, device)
        if state is None or state.pop("mark", None) != self._mark:
            return None
        lay(state.pop("chance"))
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
    except (OSError, RuntimeError) as error:  # torch's writer has its own word for a full disk
        half_made.unlink(missing_ok=True)
        if not isinstance(error, OSError) or is_full(error):
            raise OutOfRoom(f"The checkpoint {path} cannot be written: make room in {path.parent}.") from error
        raise ModelError(f"The checkpoint {path} cannot be written ({error.strerror}): look at its folder.") from error


def read(path: Path, device: torch.device) -> dict[str, Any] | None:
    """None where there is none, or none that can be read: then a training begins anew."""
    try:
        state = torch.load(path, weights_only=True, map_location=device)
    except Exception:  # noqa: BLE001  a damaged file: unpickling and unzipping have a dozen errors between them
        return None
    return state if isinstance(state, dict) else None


def chance() -> dict[str, Any]:
    """How torch's dice lie, on every device."""
    return {"cpu": torch.get_rng_state(), "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []}


def lay(dice: Mapping[str, Any]) -> None:
    torch.set_rng_state(dice["cpu"].cpu())
    if dice["cuda"]:
        torch.cuda.set_rng_state_all([state.cpu() for state in dice["cuda"]])
