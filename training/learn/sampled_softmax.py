"""Which pieces of the vocabulary are scored in a step: all that the tweets use, and some of the others by lot.

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

    from training.learn.batches import Row

WORTH_WHILE = 0.8  # of the vocabulary: where more must be scored than this, all are


@dataclass(frozen=True, slots=True)
class SampledVocabulary:
    ids: torch.Tensor  # (scored,), the pieces of the tweets first
    bonus: torch.Tensor  # (scored,), added to the scores
    places: torch.Tensor  # (vocabulary,), of the pieces of the tweets among the ids; -1 for all others, never a target


def sampled_vocabularies(rows: Sequence[Row], table: torch.Tensor, others: int) -> Iterator[SampledVocabulary | None]:
    """One for each step; None where all pieces are to be scored. The dice are torch's own, which a checkpoint keeps."""
    in_use = torch.zeros(len(table), dtype=torch.bool)
    in_use[[piece for row in rows for piece in row]] = True
    used, rest = (which.nonzero().squeeze(1) for which in (in_use, ~in_use))
    drawn = math.ceil(len(rest) / others)
    if others == 1 or len(used) + drawn > WORTH_WHILE * len(table):
        while True:
            yield None
    places = torch.full((len(table),), -1)
    places[used] = torch.arange(len(used))
    bonus = torch.zeros(len(used) + drawn)
    bonus[len(used) :] = math.log(len(rest) / drawn)
    places, bonus = places.to(table.device), bonus.to(table.device)
    while True:
        lot = rest[torch.randperm(len(rest))[:drawn]]
        yield SampledVocabulary(torch.cat([used, lot]).to(table.device), bonus, places)
