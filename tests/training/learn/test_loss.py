from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

from tests.training.families import FAMILIES, SHAPE, family, make
from training.learn import loss
from training.learn.batches import encode, once
from training.learn.loss import has_plain_head, token_losses
from training.models import model_dir

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def loaded(model_folder: Path) -> Any:
    return model_dir.load(model_folder, device="cpu")


def test_the_loss_is_the_one_that_the_model_gives_each_tweet_alone(loaded: Any, sayings: tuple[str, ...]) -> None:
    rows = encode(loaded.tokenizer, sayings, 100)
    alone = [
        loaded.model(input_ids=torch.tensor([row]), labels=torch.tensor([row])).loss.item() * (len(row) - 1)
        for row in rows
    ]

    (batch,) = once(rows, batch_tokens=10_000)
    process_group = token_losses(loaded.model, batch)

    assert process_group.sum().item() == pytest.approx(sum(alone), rel=1e-4)
    assert len(process_group) == sum(len(row) - 1 for row in rows)


def test_the_other_tweets_of_a_batch_do_not_matter(loaded: Any) -> None:
    short, long = encode(loaded.tokenizer, ["Rain.", "The night train was late again and nobody minded."], 100)

    (alone,) = once([short], batch_tokens=10_000)
    (beside,) = once([short, long], batch_tokens=10_000)

    expected = token_losses(loaded.model, alone)
    assert torch.allclose(token_losses(loaded.model, beside)[: len(expected)], expected, atol=1e-5)


@pytest.mark.parametrize("way", ["in chunks", "with the model's own logits"])
def test_loss_and_gradient_are_the_same(
    loaded: Any, sayings: tuple[str, ...], way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (batch,) = once(encode(loaded.tokenizer, sayings, 100), batch_tokens=10_000)
    expected = _loss_and_gradient(loaded.model, batch)

    if way == "in chunks":
        monkeypatch.setattr(loss, "CHUNK", 7 * 300)
    else:
        monkeypatch.setattr(loss, "has_plain_head", lambda _: False)
    actual = _loss_and_gradient(loaded.model, batch)

    assert torch.allclose(actual, expected, atol=1e-5)


def _loss_and_gradient(model: Any, batch: Any) -> torch.Tensor:
    model.zero_grad()
    mean = token_losses(model, batch).mean()
    mean.backward()
    gradient = model.base_model.wte.weight.grad.flatten()
    model.zero_grad()
    return torch.cat([mean.detach()[None], gradient])


def test_the_head_of_every_known_architecture_gives_the_logits() -> None:
    assert [name for name in FAMILIES if not has_plain_head(family(name))] == []


OTHER_HEADS = {
    "a cap": ("Gemma3ForCausalLM", "Gemma3TextConfig", {**FAMILIES["Gemma 3"][2], "final_logit_softcapping": 1e6}),
    "a scale": ("GraniteForCausalLM", "GraniteConfig", {**SHAPE, "logits_scaling": 1.5}),
    "a bias": ("PhiForCausalLM", "PhiConfig", SHAPE),
}


@pytest.mark.parametrize("name", OTHER_HEADS)
def test_a_head_with_anything_after_it_is_not_plain(name: str) -> None:
    assert not has_plain_head(make(*OTHER_HEADS[name]))


def test_measuring_the_head_leaves_the_model_as_it_was() -> None:
    model = family("Llama").train()
    ids = torch.tensor([[1, 2, 3]])
    before = model(ids).logits

    assert has_plain_head(model)

    assert model.training
    assert torch.equal(model(ids).logits, before)


@pytest.mark.parametrize("name", ["Llama", "Qwen 3", "Gemma 3"])
def test_the_loss_without_logits_of_padding_is_the_models_own(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = family(name)
    (batch,) = once([[0, 5, 9, 3, 0], [0, 7, 0]], batch_tokens=100)

    ours = token_losses(model, batch)
    monkeypatch.setattr(loss, "has_plain_head", lambda _: False)

    assert torch.allclose(ours, token_losses(model, batch), atol=1e-4)
