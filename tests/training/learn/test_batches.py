from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import torch

from training.learn.batches import IGNORED, Batch, encode, endless, once
from training.models import base_model
from training.recipe import Shape

ROWS = [[0, *range(1, length), 0] for length in (3, 9, 4, 4, 7, 2, 8, 5, 6, 3)]


@pytest.fixture(scope="module")
def tokenizer(sayings: tuple[str, ...]) -> Any:
    return base_model.train_tokenizer(sayings, Shape(vocabulary=300))


def rows_of(batch: Batch) -> list[list[int]]:
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

    assert sorted(row for batch in batches for row in rows_of(batch)) == sorted(ROWS)


def test_no_batch_is_larger_than_it_may_be() -> None:
    sizes = [batch.inputs.numel() for batch in once(ROWS, batch_tokens=20)]

    assert max(sizes) <= 20


def test_a_row_larger_than_a_batch_gets_one_of_its_own() -> None:
    (batch,) = once([[0, *range(50), 0]], batch_tokens=8)

    assert batch.inputs.shape == (1, 51)


def test_the_passes_say_which_rows_come_next() -> None:
    passes = [[0, 1, 2, 1], [9, 9]]

    groups = list(endless(ROWS, passes, 20, seed=1))

    flat = [row for group in groups for row in group]
    assert sorted(flat[:4]) == sorted([ROWS[0], ROWS[1], ROWS[2], ROWS[1]])
    assert flat[4:] == [ROWS[9], ROWS[9]]


def test_rows_of_like_length_share_a_batch() -> None:
    groups = sorted(list(map(len, group)) for group in endless(ROWS, [list(range(10))], 20, seed=1))

    assert all(max(group) * len(group) <= 20 for group in groups)
    assert all(max(one) <= min(next_one) for one, next_one in pairwise(groups))


def test_the_same_seed_gives_the_same_order() -> None:
    passes = [list(range(10))] * 3
    first, second, other = (list(endless(ROWS, passes, 10, seed=seed)) for seed in (5, 5, 6))

    assert first == second != other


def test_a_tag_precedes_its_text_and_is_trained_on(tokenizer: Any) -> None:
    ada, bob = encode(tokenizer, ["Rain", "Rain"], 100, ["ada: ", "bob: "])
    (alone,) = encode(tokenizer, ["Rain"], 100)

    assert tokenizer.decode(ada[1:-1]) == "ada: Rain"
    assert ada[0] == bob[0] == alone[0]
    assert ada[-len(alone) + 1 :] == bob[-len(alone) + 1 :] == alone[1:]


def test_positions_are_those_of_all_targets_but_padding() -> None:
    (batch,) = once([[0, 1, 0], [0, 1, 2, 3, 0]], batch_tokens=100)

    assert batch.targets.flatten()[batch.positions].tolist() == [1, 0, 1, 2, 3, 0]
    assert batch.tokens == 6


def test_padding_is_not_counted() -> None:
    (batch,) = once([[0, 1, 0], [0, 1, 2, 3, 0]], batch_tokens=100)

    assert batch.tokens == 2 + 4
