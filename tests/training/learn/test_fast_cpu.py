from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import torch
from transformers import AutoModelForCausalLM, GPT2Config, GPT2LMHeadModel

from tests.training.families import family
from training.learn.fast_cpu import fast_cpu
from training.learn.finetune import finetune
from training.recipe import Recipe, Shape

if TYPE_CHECKING:
    from pathlib import Path

SHORT = Recipe(shape=Shape(context=16), batch_tokens=16, max_steps=2)
ROWS = [[0, 1, 2, 0], [0, 3, 4, 5, 0]]


@pytest.fixture
def gpt2() -> Any:
    """As on the hub: "gelu_new", and torch's own attention."""
    torch.manual_seed(0)
    shape = {"n_layer": 2, "n_embd": 16, "n_head": 2, "n_positions": 16, "vocab_size": 50}
    return GPT2LMHeadModel(GPT2Config(bos_token_id=0, eos_token_id=0, **shape)).eval()


def ways(model: Any) -> tuple[str, set[str]]:
    return model.config._attn_implementation, {type(layer.mlp.act).__name__ for layer in model.transformer.h}


def test_the_fast_operations_give_the_same_result(gpt2: Any) -> None:
    ids = torch.tensor(ROWS[1:])
    before, expected = ways(gpt2), gpt2(input_ids=ids).logits

    with fast_cpu(gpt2):
        during, actual = ways(gpt2), gpt2(input_ids=ids).logits

    assert before == ways(gpt2) == ("sdpa", {"NewGELUActivation"})
    assert during == ("eager", {"GELU"})
    assert torch.allclose(actual, expected, atol=1e-6)


@pytest.mark.parametrize("ending", ["at its end", "in the middle"])
def test_a_trained_model_is_built_and_saved_as_it_was(gpt2: Any, tmp_path: Path, ending: str) -> None:
    gpt2.save_pretrained(tmp_path / "before")
    training = finetune(gpt2, ROWS, [], replace(SHORT, dropout=0.0), seed=0)

    next(training)
    during = ways(gpt2)
    gpt2.save_pretrained(tmp_path / "during")
    if ending == "at its end":
        list(training)
    training.close()

    assert during == ("eager", {"GELU"})
    assert ways(gpt2) == ("sdpa", {"NewGELUActivation"})
    gpt2.save_pretrained(tmp_path / "after")
    configs = {(tmp_path / when / "config.json").read_text() for when in ("before", "during", "after")}
    assert len(configs) == 1
    assert json.loads(configs.pop())["activation_function"] == "gelu_new"
    assert ways(AutoModelForCausalLM.from_pretrained(tmp_path / "after")) == ("sdpa", {"NewGELUActivation"})


def test_a_model_of_another_family_is_left_alone(gpt2: Any) -> None:
    gpt2.config.model_type = "another"

    with fast_cpu(gpt2):
        assert ways(gpt2) == ("sdpa", {"NewGELUActivation"})


@pytest.mark.parametrize("name", ["Llama", "Gemma 3"])
def test_other_known_families_have_eager_attention_with_the_same_result(name: str) -> None:
    model, ids = family(name), torch.tensor([[0, *range(3, 20)]])
    expected = model(input_ids=ids).logits

    with fast_cpu(model):
        attention, actual = model.config._attn_implementation, model(input_ids=ids).logits

    assert (attention, model.config._attn_implementation) == ("eager", "sdpa")
    assert torch.allclose(actual, expected, atol=1e-4)
