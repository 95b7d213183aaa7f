"""Token files for a corpus that is large as text: text files in, one document per line; shuffled rows out.

A file is uint16 tokens, with one end token before, between and after the documents.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from training.learn.batches import Row

LINES = 20_000  # encoded at once: enough to keep every core busy, few enough to save memory


def lines_of(paths: Sequence[Path], every: int = 1) -> Iterator[str]:
    """Every `every`th line of each file."""
    for path in paths:
        with path.open(encoding="utf-8") as file:
            for line in islice(file, 0, None, every):
                yield line.rstrip("\n")


def write_tokens(tokenizer: Any, text: Path, target: Path) -> None:
    """Encodes a text file, unless the target exists; it is renamed last, so a target is always complete."""
    if target.exists():
        return
    temporary = target.with_suffix(".tmp")
    end = tokenizer.eos_token_id
    with temporary.open("wb") as file:
        np.array([end], dtype=np.uint16).tofile(file)
        lines = lines_of([text])
        while chunk := list(islice(lines, LINES)):
            for ids in tokenizer(chunk, add_special_tokens=False, split_special_tokens=True).input_ids:
                np.array([*ids, end], dtype=np.uint16).tofile(file)
    temporary.rename(target)


class Documents:
    """The documents of some token files in an endless shuffled order, addressed by position."""

    def __init__(self, paths: Sequence[Path], *, end: int, context: int, seed: int) -> None:
        """A document longer than the context is cut and loses its end token, as in fine-tuning."""
        self._tokens: NDArray[np.uint16] = np.concatenate([np.fromfile(path, dtype=np.uint16) for path in paths])
        ends = np.flatnonzero(self._tokens == end)
        lengths = np.diff(ends) + 1  # both end tokens counted
        self._begins = ends[:-1][lengths > 2]  # two end tokens in a row are an empty line, or the border of two files
        self._lengths = np.minimum(lengths[lengths > 2], context + 1)
        self._seed = seed
        self._epoch = -1
        self._order: NDArray[np.int64] = np.empty(0, dtype=np.int64)

    def __len__(self) -> int:
        return len(self._begins)

    def take(self, position: int, tokens: int) -> tuple[list[Row], int]:
        """Rows from a position on, with at least `tokens` tokens in total, and the position after them."""
        rows: list[Row] = []
        count = 0
        while count < tokens:
            row = self._row(position)
            rows.append(row)
            count += len(row) - 1
            position += 1
        return rows, position

    def _row(self, position: int) -> Row:
        epoch, number = divmod(position, len(self))
        if epoch != self._epoch:  # each epoch has its own order
            self._epoch, self._order = epoch, np.random.default_rng([self._seed, epoch]).permutation(len(self))
        document = self._order[number]
        begin = self._begins[document]
        row: Row = self._tokens[begin : begin + self._lengths[document]].tolist()
        return row
