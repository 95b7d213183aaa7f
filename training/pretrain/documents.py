"""A corpus larger than memory likes, as token files: text files in, one document a line; shuffled rows out.

A file is uint16 pieces, with one end token before, between and after the documents. It does not know models.
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

LINES = 20_000  # encoded at once: enough to keep every core busy, few enough for a small memory


def lines_of(paths: Sequence[Path], every: int = 1) -> Iterator[str]:
    """Every `every`th line of each file."""
    for path in paths:
        with path.open(encoding="utf-8") as file:
            for line in islice(file, 0, None, every):
                yield line.rstrip("\n")


def write_tokens(tokenizer: Any, text: Path, target: Path) -> None:
    """Encode a text file once; a target that is there is whole, since it gets its name last."""
    if target.exists():
        return
    half_made = target.with_suffix(".tmp")
    end = tokenizer.eos_token_id
    with half_made.open("wb") as file:
        np.array([end], dtype=np.uint16).tofile(file)
        lines = lines_of([text])
        while chunk := list(islice(lines, LINES)):
            for ids in tokenizer(chunk, add_special_tokens=False, split_special_tokens=True).input_ids:
                np.array([*ids, end], dtype=np.uint16).tofile(file)
    half_made.rename(target)


class Documents:
    """All documents of some token files, in an endless shuffled order in which every place has a number."""

    def __init__(self, paths: Sequence[Path], *, end: int, context: int, seed: int) -> None:
        """A document longer than the context is cut and keeps no end, as in fine-tuning."""
        self._pieces: NDArray[np.uint16] = np.concatenate([np.fromfile(path, dtype=np.uint16) for path in paths])
        ends = np.flatnonzero(self._pieces == end)
        lengths = np.diff(ends) + 1  # both end tokens counted
        self._begins = ends[:-1][lengths > 2]  # two in a row are an empty line, or where two files meet
        self._lengths = np.minimum(lengths[lengths > 2], context + 1)
        self._seed = seed
        self._turn = -1
        self._order: NDArray[np.int64] = np.empty(0, dtype=np.int64)

    def __len__(self) -> int:
        return len(self._begins)

    def take(self, place: int, tokens: int) -> tuple[list[Row], int]:
        """Rows from a place on, together of at least so many tokens, and the place after them."""
        rows: list[Row] = []
        found = 0
        while found < tokens:
            row = self._row(place)
            rows.append(row)
            found += len(row) - 1
            place += 1
        return rows, place

    def _row(self, place: int) -> Row:
        turn, number = divmod(place, len(self))
        if turn != self._turn:  # each time round in another order
            self._turn, self._order = turn, np.random.default_rng([self._seed, turn]).permutation(len(self))
        document = self._order[number]
        begin = self._begins[document]
        row: Row = self._pieces[begin : begin + self._lengths[document]].tolist()
        return row
