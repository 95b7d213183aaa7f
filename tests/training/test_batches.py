from __future__ import annotations

from itertools import islice
from typing import Any

import pytest
import torch

from training import base_model
from training.batches import IGNORED, Batch, encode, endless, once
from training.recipe import Shape

ROWS = [[0, *range(1, length), 0] for length in (3, 9, 4, 4, 7, 2, 8, 5, 6, 3)]


@pytest.fixture(scope="module")
def tokenizer(sayings: tuple[str, ...]) -> Any:
    return base_model.train_tokenizer(sayings, Shape(vocabulary=300))


def told(batch: Batch) -> list[list[int]]:
    """The rows of a batch, read back from its inputs and targets."""
    rows = []
    for inputs, targets in zip(batch.inputs, batch.targets, strict=True):
        length = int((targets != IGNORED).sum())
        assert torch.equal(inputs[1:length], targets[: length - 1])
        rows.append([int(inputs[0]), *targets[:length].tolist()])
    return rows


def test_a_tweet_is_conditioned_on_the_end_token_and_learns_to_end(tokenizer: Any) -> None:
    (row,) = encode(tokenizer, ["Rain ☔"], context=100)

    assert row[0] == row[-1] == tokenizer.eos_token_id
    assert tokenizer.decode(row[1:-1]) == "Rain ☔"


def test_a_tweet_that_is_too_long_is_cut_and_does_not_learn_to_end(tokenizer: Any) -> None:
    (row,) = encode(tokenizer, ["crumbs " * 50], context=10)

    assert len(row) == 11
    assert row[-1] != tokenizer.eos_token_id


def test_an_end_token_written_out_in_a_tweet_is_text(tokenizer: Any) -> None:
    (row,) = encode(tokenizer, ["I dreamt of <|endoftext|> again"], context=100)

    assert row.count(tokenizer.eos_token_id) == 2


def test_one_pass_holds_every_row_once() -> None:
    batches = list(once(ROWS, batch_tokens=20))

    assert sorted(row for batch in batches for row in told(batch)) == sorted(ROWS)


def test_no_batch_is_larger_than_it_may_be() -> None:
    sizes = [batch.inputs.numel() for batch in once(ROWS, batch_tokens=20)]

    assert max(sizes) <= 20


def test_a_row_larger_than_a_batch_gets_one_of_its_own() -> None:
    (batch,) = once([[0, *range(50), 0]], batch_tokens=8)

    assert batch.inputs.shape == (1, 51)


def test_the_first_pass_of_many_holds_every_row_once() -> None:
    batches = list(islice(endless(ROWS, 20, seed=1), len(list(once(ROWS, 20)))))

    assert sorted(row for batch in batches for row in told(batch)) == sorted(ROWS)


def test_the_same_seed_gives_the_same_order() -> None:
    first = [told(batch) for batch in islice(endless(ROWS, 20, seed=5), 20)]
    second = [told(batch) for batch in islice(endless(ROWS, 20, seed=5), 20)]
    other = [told(batch) for batch in islice(endless(ROWS, 20, seed=6), 20)]

    assert first == second != other


def test_padding_is_not_counted() -> None:
    (batch,) = once([[0, 1, 0], [0, 1, 2, 3, 0]], batch_tokens=100)

    assert batch.tokens == 2 + 4
