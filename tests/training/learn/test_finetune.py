from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import torch

from training.errors import TrainingError
from training.learn.batches import encode
from training.learn.finetune import count_steps, finetune, mean_loss
from training.models import base_model
from training.recipe import Recipe, Shape

if TYPE_CHECKING:
    from training.learn.batches import Row

SHAPE = Shape(vocabulary=300, context=64, layers=1, width=32, heads=2)
SHORT = Recipe(shape=SHAPE, epochs=20, batch_tokens=64, looks=5, learning_rate=3e-3, dropout=0.0, keep_best=False)


def fresh(sayings: tuple[str, ...]) -> tuple[Any, list[Row]]:
    model, tokenizer = base_model.load_base("scratch", texts=sayings, shape=SHAPE, seed=0)
    return model, encode(tokenizer, sayings, SHAPE.context)


def test_training_lowers_the_loss(sayings: tuple[str, ...]) -> None:
    model, rows = fresh(sayings)
    before = mean_loss(model, rows, 64)

    steps = list(finetune(model, rows, [], SHORT, seed=0))

    assert mean_loss(model, rows, 64) < 0.75 * before
    assert [step.number for step in steps] == list(range(1, steps[0].of + 1))
    assert not model.training


def test_the_same_seed_gives_the_same_model(sayings: tuple[str, ...]) -> None:
    losses = []
    for seed in (3, 3, 4):
        model, rows = fresh(sayings)
        losses.append([step.loss for step in finetune(model, rows, [], replace(SHORT, max_steps=10), seed=seed)])

    assert losses[0] == losses[1] != losses[2]


def test_the_best_weights_are_kept_where_the_recipe_says_so(sayings: tuple[str, ...]) -> None:
    model, rows = fresh(sayings)
    bold = replace(SHORT, keep_best=True, epochs=40, learning_rate=0.01)

    steps = list(finetune(model, rows[:4], rows[4:], bold, seed=0))

    judged = [step.held_out for step in steps if step.held_out is not None]
    assert len(judged) == 5
    assert min(judged) < judged[-1]
    assert mean_loss(model, rows[4:], 64) == pytest.approx(min(judged), rel=1e-3)


def test_the_last_weights_are_kept_where_the_recipe_says_so(sayings: tuple[str, ...]) -> None:
    model, rows = fresh(sayings)

    steps = list(finetune(model, rows[:4], rows[4:], replace(SHORT, keep_best=False), seed=0))

    assert mean_loss(model, rows[4:], 64) == pytest.approx(steps[-1].held_out, rel=1e-3)


def test_a_loss_that_is_not_a_number_ends_the_training_with_a_message(sayings: tuple[str, ...]) -> None:
    model, rows = fresh(sayings)
    with torch.no_grad():
        model.base_model.ln_f.weight.fill_(math.nan)

    with pytest.raises(TrainingError, match="The loss is nan at step 1: lower the learning_rate"):
        list(finetune(model, rows, [], SHORT, seed=0))


def test_time_is_bounded_by_steps(sayings: tuple[str, ...]) -> None:
    _, rows = fresh(sayings)

    assert count_steps(rows * 1_000, replace(SHORT, max_steps=7)) == 7


def test_each_token_is_seen_as_often_as_the_recipe_says() -> None:
    rows = [[0] * 33] * 10  # 320 tokens to learn

    assert count_steps(rows, replace(SHORT, epochs=4, batch_tokens=64)) == 20


def test_the_number_of_threads_is_restored(sayings: tuple[str, ...]) -> None:
    model, rows = fresh(sayings)
    before = torch.get_num_threads()
    training = finetune(model, rows, [], replace(SHORT, threads=1), seed=0)

    next(training)
    during = torch.get_num_threads()
    training.close()

    assert (during, torch.get_num_threads()) == (1, before)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
def test_on_a_gpu_a_model_learns_too(sayings: tuple[str, ...]) -> None:
    model, rows = fresh(sayings)
    model.to("cuda")
    before = mean_loss(model, rows, 64)

    list(finetune(model, rows, rows, SHORT, seed=0))

    assert mean_loss(model, rows, 64) < 0.75 * before


def test_the_precision_of_matrix_products_is_restored(sayings: tuple[str, ...]) -> None:
    model, rows = fresh(sayings)
    before = torch.get_float32_matmul_precision()
    training = finetune(model, rows, [], SHORT, seed=0)

    next(training)
    during = torch.get_float32_matmul_precision()
    training.close()

    assert (during, torch.get_float32_matmul_precision()) == ("medium", before)


def test_the_rate_of_each_step_is_reported(sayings: tuple[str, ...]) -> None:
    model, rows = fresh(sayings)

    rates = [step.rate for step in finetune(model, rows, [], replace(SHORT, max_steps=10, warmup=0.2), seed=0)]

    assert max(rates) == rates[2] == SHORT.learning_rate
    assert rates[0] < rates[1] > 0
    assert rates[3:] == sorted(rates[3:], reverse=True)


def test_a_small_author_is_trained_on_as_much_as_a_large_one(sayings: tuple[str, ...]) -> None:
    _, rows = fresh(sayings)
    authors = ["a"] * 5 + ["b"]

    alone, both = count_steps(rows[:5], SHORT), count_steps(rows, SHORT, authors=authors)

    assert both > 1.5 * alone
