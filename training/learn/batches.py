"""From texts to tensors: each tweet is a row, `<|endoftext|> text <|endoftext|>`; rows of similar length share a batch.

So attention never crosses a tweet and positions restart in each, for every architecture and without a mask: padding
is on the right, where a causal model cannot see it, and is no target.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

IGNORED = -100  # the target that cross_entropy skips
POOL = 32  # batches sorted by length together: enough for little padding, few enough to keep the order random

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
        """The copy to a GPU overlaps with the preparation of the next step, which takes pinned memory."""
        parts = (self.inputs, self.targets, self.positions)
        if device.type == "cuda":
            return Batch(*(part.pin_memory().to(device, non_blocking=True) for part in parts))
        return Batch(*(part.to(device) for part in parts))


def encode(tokenizer: Any, texts: Sequence[str], context: int, tags: Sequence[str] = ()) -> list[Row]:
    """Start, tag, text, end; a tweet longer than the context is cut off, without an end token.

    `tags`: one for each text, or none at all.
    """
    end = tokenizer.eos_token_id
    start = end if tokenizer.bos_token_id is None else tokenizer.bos_token_id
    prefixes = spell(tokenizer, tags or [""] * len(texts))
    return [[start, *tag, *ids, end][: context + 1] for tag, ids in zip(prefixes, spell(tokenizer, texts), strict=True)]


def spell(tokenizer: Any, texts: Sequence[str]) -> list[list[int]]:
    """The tokens of each text, without special ones: a quoted "<|endoftext|>" is encoded as characters."""
    if not texts:
        return []
    return tokenizer(list(texts), add_special_tokens=False, split_special_tokens=True).input_ids


def endless(rows: Sequence[Row], passes: Iterable[Sequence[int]], batch_tokens: int, seed: int) -> Iterator[list[Row]]:
    """Groups of rows, one for each batch: `passes` orders the rows, the seed the batches."""
    rng = random.Random(seed)
    for order in passes:
        for pool in _pools([rows[number] for number in order], POOL * batch_tokens):
            yield from _shuffled_groups(pool, batch_tokens, rng)


def mixed(rows: Sequence[Row], batch_tokens: int, rng: random.Random) -> Iterator[Batch]:
    """Batches of rows of similar length, in random order."""
    yield from map(pad, _shuffled_groups(rows, batch_tokens, rng))


def once(rows: Sequence[Row], batch_tokens: int) -> Iterator[Batch]:
    """All rows, for evaluation: in an order that depends on the rows only."""
    yield from map(pad, _groups(sorted(rows, key=len), batch_tokens))


def pad(rows: Sequence[Row]) -> Batch:
    length = max(map(len, rows)) - 1
    inputs = torch.zeros(len(rows), length, dtype=torch.long)  # any token will do for padding: no target sees it
    targets = torch.full((len(rows), length), IGNORED)
    for index, row in enumerate(rows):
        ids = torch.tensor(row)
        inputs[index, : len(row) - 1] = ids[:-1]
        targets[index, : len(row) - 1] = ids[1:]
    return Batch(inputs, targets, (targets.flatten() != IGNORED).nonzero().squeeze(1))


def _shuffled_groups(rows: Sequence[Row], batch_tokens: int, rng: random.Random) -> list[list[Row]]:
    groups = list(_groups(sorted(rows, key=len), batch_tokens))
    rng.shuffle(groups)
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
    """Consecutive rows, as many as fit into `batch_tokens` with their padding; at least one."""
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
