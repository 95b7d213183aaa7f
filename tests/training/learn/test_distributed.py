from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest
import torch

from training.errors import TrainingError
from training.learn.distributed import ALONE, ProcessGroup, helped

if TYPE_CHECKING:
    from pathlib import Path


def test_a_single_process_trains_on_every_part_and_reports_it() -> None:
    assert ALONE.share([1, 2, 3]) == [1, 2, 3]
    assert ALONE.first_says(answer=True)
    assert not ALONE.first_says(answer=False)


@pytest.mark.parametrize("processes", [2, 3])
def test_every_part_has_one_process_that_trains_on_it(processes: int) -> None:
    parts = ["a", "b", "c", "d", "e"]

    shares = [ProcessGroup(rank, processes).share(parts) for rank in range(processes)]

    assert sorted(part for share in shares for part in share) == parts


def die(_: ProcessGroup) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_dead_worker_is_reported_and_ends_the_run(tmp_path: Path) -> None:
    model = torch.nn.Linear(1, 1)
    model(torch.ones(1)).sum().backward()

    with pytest.raises(TrainingError, match="Another process of this run has ended"), helped(2, tmp_path, die) as both:
        both.add_up(model, torch.zeros(()))
