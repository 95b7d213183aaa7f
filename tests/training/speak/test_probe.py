"""A base model that cannot speak or learn is refused in one sentence before anything is learnt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

from tests.training.families import FAMILIES, SHAPE, make
from training.errors import ModelError
from training.models import model_dir
from training.speak.probe import check_base

if TYPE_CHECKING:
    from pathlib import Path

PIECES = 300  # of the tokenizer of `model_folder`


@pytest.fixture(scope="module")
def tokenizer(model_folder: Path) -> Any:
    return model_dir.load(model_folder, device="cpu").tokenizer


def built(kind: str, config: str, settings: Any) -> Any:
    return make(kind, config, {**settings, "vocab_size": PIECES})


NEOX = ("GPTNeoXForCausalLM", "GPTNeoXConfig", {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2})
NO_DRAFTS = {
    "LFM2": ("Lfm2ForCausalLM", "Lfm2Config", {**SHAPE, "layer_types": ["conv", "full_attention", "conv"]}),
    "Mamba": ("MambaForCausalLM", "MambaConfig", {"hidden_size": 32, "num_hidden_layers": 2, "state_size": 4}),
}


@pytest.mark.parametrize("name", [*FAMILIES, "GPT-NeoX"])
def test_a_base_that_speaks_and_learns_is_accepted_and_left_as_it_was(name: str, tokenizer: Any) -> None:
    model = built(*FAMILIES.get(name, NEOX))
    before = {key: weight.clone() for key, weight in model.state_dict().items()}

    check_base(model, tokenizer, name)

    assert not model.training
    assert all(weight.grad is None for weight in model.parameters())
    assert all(torch.equal(weight, before[key]) for key, weight in model.state_dict().items())


@pytest.mark.parametrize("name", NO_DRAFTS)
def test_a_base_that_cannot_draft_is_refused_in_a_sentence(name: str, tokenizer: Any) -> None:
    model = built(*NO_DRAFTS[name])

    with pytest.raises(ModelError, match=rf'^base_model "{name}" cannot be used \(.+\): choose another base_model\.$'):
        check_base(model, tokenizer, name)


def test_a_base_whose_likelihoods_are_not_numbers_is_refused(tokenizer: Any) -> None:
    model = built(*FAMILIES["Llama"])
    with torch.no_grad():
        model.model.norm.weight[0] = float("nan")

    with pytest.raises(ModelError, match="not a number"):
        check_base(model, tokenizer, "broken")


def test_a_base_that_no_text_teaches_is_refused(tokenizer: Any) -> None:
    model = built(*FAMILIES["GPT-2"])
    for part in model.transformer.h:
        part.register_forward_hook(lambda _, __, output: output.detach())

    with pytest.raises(ModelError, match="no gradient"):
        check_base(model, tokenizer, "frozen")


def test_a_check_leaves_the_global_generators_alone(tokenizer: Any) -> None:
    model, before = built(*FAMILIES["GPT-2"]), torch.random.get_rng_state()

    check_base(model, tokenizer, "GPT-2")

    assert torch.equal(torch.random.get_rng_state(), before)
