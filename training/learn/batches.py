"""From texts to tensors: each tweet is a row, `<|endoftext|> text <|endoftext|>`; rows of like length share a batch.

So attention never crosses a tweet and positions begin anew in each, for every architecture and without a mask:
padding stands on the right, where a causal model cannot see it, and is no target. It does not know models.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

IGNORED = -100  # what cross_entropy skips
POOL = 32  # batches sorted by length together: enough for little padding, few enough to mix the tweets anew each time

Row = list[int]


@dataclass(frozen=True, slots=True)
class Batch:
    inputs: torch.Tensor  # (rows, length)
    targets: torch.Tensor  # (rows, length), IGNORED where padded
    positions: torch.Tensor  # (tokens,), of the targets in the flattened batch; found here, before a GPU has them

    @property
    def tokens(self) -> int:
        return len(self.positions)

    def to(self, device: torch.device) -> Batch:
        """A copy to a GPU goes on while the next step is prepared, which takes memory that cannot be swapped out."""
        parts = (self.inputs, self.targets, self.positions)
        if device.type == "cuda":
            return Batch(*(part.pin_memory().to(device, non_blocking=True) for part in parts))
        return Batch(*(part.to(device) for part in parts))


def encode(tokenizer: Any, texts: Sequence[str], context: int, tags: Sequence[str] = ()) -> list[Row]:
    """Start, tag, text, end; a tweet longer than the context is cut and keeps no end, since none belongs there.

    `tags` has one for each text, or none at all.
    """
    end = tokenizer.eos_token_id
    start = end if tokenizer.bos_token_id is None else tokenizer.bos_token_id
    begun = spell(tokenizer, tags or [""] * len(texts))
    return [[start, *tag, *ids, end][: context + 1] for tag, ids in zip(begun, spell(tokenizer, texts), strict=True)]


def spell(tokenizer: Any, texts: Sequence[str]) -> list[list[int]]:
    """The pieces of each text and no others: one that quotes "<|endoftext|>" means the characters, not the token."""
    if not texts:
        return []
    return tokenizer(list(texts), add_special_tokens=False, split_special_tokens=True).input_ids


def endless(rows: Sequence[Row], passes: Iterable[Sequence[int]], batch_tokens: int, seed: int) -> Iterator[list[Row]]:
    """Groups of rows, a batch each: `passes` says which rows come next, the seed in which order their batches."""
    chance = random.Random(seed)
    for order in passes:
        for pool in _pools([rows[number] for number in order], POOL * batch_tokens):
            yield from _shuffled_groups(pool, batch_tokens, chance)


def mixed(rows: Sequence[Row], batch_tokens: int, chance: random.Random) -> Iterator[Batch]:
    """Rows of like length together, the batches in an order left to chance."""
    yield from map(pad, _shuffled_groups(rows, batch_tokens, chance))


def once(rows: Sequence[Row], batch_tokens: int) -> Iterator[Batch]:
    """All rows, for judging: in an order that depends on nothing but the rows."""
    yield from map(pad, _groups(sorted(rows, key=len), batch_tokens))


def pad(rows: Sequence[Row]) -> Batch:
    length = max(map(len, rows)) - 1
    inputs = torch.zeros(len(rows), length, dtype=torch.long)  # any token will do for padding: nobody sees it
    targets = torch.full((len(rows), length), IGNORED)
    for place, row in enumerate(rows):
        ids = torch.tensor(row)
        inputs[place, : len(row) - 1] = ids[:-1]
        targets[place, : len(row) - 1] = ids[1:]
    return Batch(inputs, targets, (targets.flatten() != IGNORED).nonzero().squeeze(1))


def _shuffled_groups(rows: Sequence[Row], batch_tokens: int, chance: random.Random) -> list[list[Row]]:
    groups = list(_groups(sorted(rows, key=len), batch_tokens))
    chance.shuffle(groups)
    return groups


def _pools(rows: Sequence[Row], tokens: int) -> Iterator[list[Row]]:
    pool: list[Row] = []
    size = 0
    for row in rows:
        pool.append(row)
        size += len(row)
        if size >= tokens:
            yield pool
            pool, size = [], 0
    if pool:
        yield pool


def _groups(rows: Sequence[Row], batch_tokens: int) -> Iterator[list[Row]]:
    """Neighbours, as many as fit into `batch_tokens` with their padding; always at least one."""
    group: list[Row] = []
    longest = 0
    for row in rows:
        longest = max(longest, len(row))
        if group and longest * (len(group) + 1) > batch_tokens:
            yield group
            group, longest = [], len(row)
        group.append(row)
    if group:
        yield group
