"""Which pieces of the vocabulary are scored in a step: all that its texts use, and some of the others by lot.

Most of GPT-2's 50,257 pieces are in nobody's tweets, and scoring them takes three tenths of a step. A piece that is
drawn stands for some that are not: the log of their number is added to its score, so that the sum in the softmax is
right on average. Judging scores them all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from training.batches import Row

WORTH_WHILE = 0.8  # of the vocabulary: where more must be scored than this, all are


@dataclass(frozen=True, slots=True)
class Ballot:
    ids: torch.Tensor  # (scored,), the pieces of the texts first
    bonus: torch.Tensor  # (scored,), added to the scores
    places: torch.Tensor  # (vocabulary,), of the pieces of the texts among the ids; -1 for all others, never a target

    def to(self, device: torch.device) -> Ballot:
        return Ballot(self.ids.to(device), self.bonus.to(device), self.places.to(device))


def ballots(rows: Sequence[Row], size: int, others: int) -> Iterator[Ballot | None]:
    """One for each step on these rows. The dice are torch's own, which a checkpoint keeps."""
    pieces = torch.tensor([piece for row in rows for piece in row]).unique()
    while True:
        yield ballot(pieces, size, others)


def ballot(pieces: torch.Tensor, size: int, others: int, dice: torch.Generator | None = None) -> Ballot | None:
    """The pieces that are used, and one in so many of the others; None where all are to be scored."""
    in_use = torch.zeros(size, dtype=torch.bool)
    in_use[pieces] = True
    used, rest = (which.nonzero().squeeze(1) for which in (in_use, ~in_use))
    drawn = math.ceil(len(rest) / others)
    if others == 1 or len(used) + drawn > WORTH_WHILE * size:
        return None
    places = torch.full((size,), -1)
    places[used] = torch.arange(len(used))
    bonus = torch.zeros(len(used) + drawn)
    bonus[len(used) :] = math.log(len(rest) / drawn)
    return Ballot(torch.cat([used, rest[torch.randperm(len(rest), generator=dice)[:drawn]]]), bonus, places)
