from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import Any

import pytest
import torch

from training.learn import loss
from training.learn.batches import encode, once
from training.learn.finetune import finetune
from training.learn.loss import token_losses
from training.learn.sampled_softmax import SampledVocabulary, sampled_vocabularies
from training.models import base_model
from training.recipe import Recipe, Shape

SHAPE = Shape(vocabulary=300, context=64, layers=1, width=32, heads=2)
SHORT = Recipe(shape=SHAPE, batch_tokens=64, max_steps=5, dropout=0.0)
ROWS = [[0, 5, 7, 0], [0, 7, 9, 0]]
TABLE = torch.zeros(100, 4)


@pytest.fixture
def fresh(sayings: tuple[str, ...]) -> tuple[Any, list[list[int]]]:
    model, tokenizer = base_model.load_base("scratch", texts=sayings, shape=SHAPE, seed=0)
    return model, encode(tokenizer, sayings[:2], SHAPE.context)


def draw_vocabularies(
    rows: list[list[int]], table: torch.Tensor, negatives: int, count: int
) -> list[SampledVocabulary]:
    torch.manual_seed(0)
    vocabularies = list(islice(sampled_vocabularies(rows, table, negatives), count))
    assert all(vocabularies)
    return [sampled for sampled in vocabularies if sampled]


def test_the_tokens_of_the_tweets_are_always_scored_and_an_eighth_of_the_rest() -> None:
    for sampled in draw_vocabularies(ROWS, TABLE, 8, 20):
        assert sampled.ids[:4].tolist() == [0, 5, 7, 9]
        assert sampled.ids[sampled.positions[[0, 5, 7, 9]]].tolist() == [0, 5, 7, 9]
        assert len(set(sampled.ids.tolist())) == 4 + 12
        assert sampled.bonus[:4].tolist() == [0.0] * 4
        assert sampled.bonus[4:].exp().sum().item() == pytest.approx(96)


def test_each_step_draws_new_tokens_and_every_token_has_a_turn() -> None:
    tokens = {piece for sampled in draw_vocabularies(ROWS, TABLE, 8, 200) for piece in sampled.ids.tolist()}

    assert tokens == set(range(100))


@pytest.mark.parametrize(
    ("used", "negatives"),
    [(3, 1), (100, 8), (80, 8)],
    ids=["no negatives are asked for", "all are in the tweets", "too few are left to be worth it"],
)
def test_all_tokens_are_scored_and_none_are_drawn(used: int, negatives: int) -> None:
    before = torch.get_rng_state()

    assert next(sampled_vocabularies([list(range(used))], TABLE, negatives)) is None
    assert torch.equal(torch.get_rng_state(), before)


def test_a_sampled_vocabulary_with_all_tokens_gives_the_full_loss(fresh: tuple[Any, list[list[int]]]) -> None:
    model, rows = fresh
    (batch,) = once(rows, batch_tokens=1_000)
    whole = SampledVocabulary(torch.arange(300), torch.zeros(300), torch.arange(300))

    assert torch.equal(token_losses(model, batch, whole), token_losses(model, batch))


def test_the_sum_in_the_softmax_is_right_on_average(fresh: tuple[Any, list[list[int]]]) -> None:
    model, rows = fresh
    (batch,) = once(rows, batch_tokens=1_000)
    targets = batch.targets.flatten()[batch.positions]
    with torch.no_grad():
        model.get_output_embeddings().weight.mul_(10)  # so that some pieces weigh much more than others
        of_targets = (
            model(input_ids=batch.inputs).logits.flatten(0, 1)[batch.positions].gather(1, targets[:, None])[:, 0]
        )
        true_sum = (token_losses(model, batch) + of_targets).exp()
        samples = draw_vocabularies(rows, model.get_output_embeddings().weight, 4, 2_000)
        sums = torch.stack([(token_losses(model, batch, sampled) + of_targets).exp() for sampled in samples])

    assert sums.std(0).min() > 0
    errors = (sums.mean(0) - true_sum).abs() / (sums.std(0) / len(samples) ** 0.5)
    assert errors.max() < 4  # standard errors


def test_training_with_every_token_scored_is_training_without_sampling(
    fresh: tuple[Any, list[list[int]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, rows = fresh
    weights = {name: weight.clone() for name, weight in model.state_dict().items()}
    losses = {}
    for negatives in (1, 8):
        model.load_state_dict(weights)
        losses[negatives] = [
            step.loss for step in finetune(model, rows, [], replace(SHORT, negatives=negatives), seed=0)
        ]
    monkeypatch.setattr(loss, "has_plain_head", lambda _: False)  # any other head computes all its logits
    model.load_state_dict(weights)
    whole = [step.loss for step in finetune(model, rows, [], SHORT, seed=0)]

    assert losses[1] == pytest.approx(whole, abs=1e-2)
    assert losses[8] != losses[1]
    assert losses[8] == pytest.approx(losses[1], rel=0.1)
