"""Sampled softmax: a step scores all pieces that the tweets use, and a random sample of the rest as negatives.

Most of GPT-2's 50,257 pieces are in nobody's tweets, and scoring them takes three tenths of a step. Each negative
also represents pieces that were not drawn: the log of their number is added to its logit, so that the sum in the
softmax is right on average. Evaluation scores all pieces.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from training.learn.batches import Row

WORTHWHILE = 0.8  # of the vocabulary: where more than this would be scored, all are


@dataclass(frozen=True, slots=True)
class SampledVocabulary:
    ids: torch.Tensor  # (scored,), the pieces that the tweets use first
    bonus: torch.Tensor  # (scored,), added to the logits
    positions: torch.Tensor  # (vocabulary,), in `ids` of the pieces that the tweets use; -1 for the rest, never targets


def sampled_vocabularies(
    rows: Sequence[Row], table: torch.Tensor, negatives: int
) -> Iterator[SampledVocabulary | None]:
    """One for each step; None where all pieces are scored. `negatives`: one in so many of the unused pieces is drawn.

    Draws from torch's global generator, whose state a checkpoint keeps.
    """
    is_used = torch.zeros(len(table), dtype=torch.bool)
    is_used[[piece for row in rows for piece in row]] = True
    used, unused = (mask.nonzero().squeeze(1) for mask in (is_used, ~is_used))
    drawn = math.ceil(len(unused) / negatives)
    if negatives == 1 or len(used) + drawn > WORTHWHILE * len(table):
        while True:
            yield None
    positions = torch.full((len(table),), -1)
    positions[used] = torch.arange(len(used))
    bonus = torch.zeros(len(used) + drawn)
    bonus[len(used) :] = math.log(len(unused) / drawn)
    positions, bonus = positions.to(table.device), bonus.to(table.device)
    while True:
        sample = unused[torch.randperm(len(unused))[:drawn]]
        yield SampledVocabulary(torch.cat([used, sample]).to(table.device), bonus, positions)
