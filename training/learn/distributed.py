"""Data parallelism on one machine: each process takes its share of a step's batches, and gradients are summed.

On a machine with other users, one process of many threads mostly waits (LOG: 2026-11-20, the base). The sums are those
of one process, up to rounding.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import torch
from torch.multiprocessing.spawn import spawn

from training.errors import TrainingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

MEETING = "meeting"  # the file in the work folder by which the processes find each other
PATIENCE = timedelta(hours=6)  # a run may be stopped for a while (SIGSTOP) and continued


@dataclass(frozen=True, slots=True)
class ProcessGroup:
    """This process as a member of a group; by default it is the only member."""

    rank: int = 0
    processes: int = 1

    def share(self, parts: Sequence[Any]) -> Sequence[Any]:
        """The batches that this process trains on."""
        return parts[self.rank :: self.processes]

    def add_up(self, model: Any, loss: torch.Tensor) -> None:
        """Sum gradients and losses over all processes, in place."""
        if self.processes > 1:
            gradients = [weight.grad for weight in model.parameters()]
            flat = torch.cat([loss.flatten(), *(gradient.flatten() for gradient in gradients)])
            with _peer_errors():
                torch.distributed.all_reduce(flat)
            sums = flat.split([1, *(gradient.numel() for gradient in gradients)])
            for own, of_all in zip((loss, *gradients), sums, strict=True):
                own.copy_(of_all.view_as(own))

    def first_says(self, *, answer: bool) -> bool:
        """The first process's answer, for all processes: asked later, another could answer differently."""
        flag = torch.tensor(int(answer))
        if self.processes > 1:
            with _peer_errors():
                torch.distributed.broadcast(flag, src=0)
        return bool(flag)


ALONE = ProcessGroup()


@contextmanager
def helped(processes: int, work: Path, help_with: Callable[..., None], *arguments: object) -> Iterator[ProcessGroup]:
    """This process as the first of `processes`; each other one calls `help_with(process_group, *arguments)`."""
    if processes == 1:
        yield ALONE
        return
    (work / MEETING).unlink(missing_ok=True)
    threads = torch.get_num_threads()
    helpers: Any = spawn(_help, (processes, work, help_with, arguments), nprocs=processes - 1, join=False)
    try:
        with _meeting(ProcessGroup(0, processes), work) as process_group:
            yield process_group
    finally:
        torch.set_num_threads(threads)
        for helper in helpers.processes:
            helper.kill()
            helper.join()


def _help(number: int, processes: int, work: Path, help_with: Callable[..., None], arguments: Sequence[Any]) -> None:
    with _meeting(ProcessGroup(number + 1, processes), work) as process_group:
        help_with(process_group, *arguments)


@contextmanager
def _peer_errors() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:  # gloo has no error class of its own
        raise TrainingError(f"Another process of this run has ended ({error}): run the command again.") from error


@contextmanager
def _meeting(process_group: ProcessGroup, work: Path) -> Iterator[ProcessGroup]:
    torch.set_num_threads(max(1, torch.get_num_threads() // process_group.processes))
    place = (work / MEETING).absolute().as_uri()
    with _peer_errors():  # a peer can end while the processes still connect to each other
        torch.distributed.init_process_group(
            "gloo", init_method=place, rank=process_group.rank, world_size=process_group.processes, timeout=PATIENCE
        )
    try:
        yield process_group
    finally:
        torch.distributed.destroy_process_group()
