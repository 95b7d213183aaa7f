from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import torch

from tests.training.families import family
from training.errors import ModelError
from training.learn.batches import encode
from training.learn.finetune import finetune, mean_loss
from training.learn.lora import adapted, count_trainable
from training.models import adapter as adapters
from training.models import base_model, model_dir
from training.models.adapter import Adapter
from training.recipe import TINY, Recipe, Shape, recipe_for

if TYPE_CHECKING:
    from pathlib import Path

SHAPE = Shape(vocabulary=300, context=64, layers=2, width=32, heads=2)
LORA = Recipe(
    shape=SHAPE, epochs=40, batch_tokens=64, learning_rate=1e-2, dropout=0.0, method="lora", lora_rank=4, lora_alpha=8
)


@pytest.fixture
def fresh(sayings: tuple[str, ...]) -> tuple[Any, Any, Any]:
    model, tokenizer = base_model.load_base("scratch", texts=sayings, shape=SHAPE, seed=0)
    return model, tokenizer, encode(tokenizer, sayings, SHAPE.context)


def test_only_the_adapter_is_trained(fresh: tuple[Any, Any, Any]) -> None:
    model, _, rows = fresh
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    first = mean_loss(model, rows, 64)

    for _ in finetune(model, rows, [], LORA, seed=0):
        pass

    changed = {name for name, weight in model.state_dict().items() if not torch.equal(weight, before[name])}
    assert mean_loss(model, rows, 64) < 0.97 * first
    assert changed
    assert all(".attn.c_" in name or ".mlp.c_" in name for name in changed)


def test_the_result_is_an_ordinary_model(fresh: tuple[Any, Any, Any], tmp_path: Path) -> None:
    model, tokenizer, rows = fresh
    for _ in finetune(model, rows, [], replace(LORA, epochs=1), seed=0):
        pass
    model_dir.save(
        tmp_path / "m", model, tokenizer, about=model_dir.Manifest(created="", base_model="scratch"), files={}
    )

    loaded = model_dir.load(tmp_path / "m", device="cpu")

    assert "lora" not in json.dumps([*loaded.model.state_dict()]).lower()
    assert mean_loss(loaded.model, rows, 64) == pytest.approx(mean_loss(model, rows, 64), rel=1e-4)
    assert all(weight.requires_grad for weight in model.parameters())


def test_the_best_adapter_is_merged(fresh: tuple[Any, Any, Any]) -> None:
    model, _, rows = fresh

    steps = list(finetune(model, rows[:4], rows[4:], replace(LORA, looks=5), seed=0))

    judged = [step.held_out for step in steps if step.held_out is not None]
    assert mean_loss(model, rows[4:], 64) == pytest.approx(min(judged), rel=1e-2)


def test_full_training_does_not_change_the_architecture(fresh: tuple[Any, Any, Any]) -> None:
    model, _, _ = fresh
    names = [name for name, _ in model.named_modules()]

    with adapted(model, replace(LORA, method="full")):
        assert [name for name, _ in model.named_modules()] == names


def test_the_number_of_trained_weights_is_known_beforehand(fresh: tuple[Any, Any, Any]) -> None:
    model, _, _ = fresh
    every_weight = sum(weight.numel() for weight in model.parameters())

    assert count_trainable(model, replace(LORA, method="full")) == every_weight
    expected = count_trainable(model, LORA)
    with adapted(model, LORA):
        assert sum(weight.numel() for weight in model.parameters() if weight.requires_grad) == expected < every_weight


def test_the_adapter_is_what_was_added_to_the_base(fresh: tuple[Any, Any, Any]) -> None:
    model, _, rows = fresh
    base = {name: weight.clone() for name, weight in model.state_dict().items()}
    adapter = _train(model, rows, LORA)
    trained = {name: weight.clone() for name, weight in model.state_dict().items()}

    model.load_state_dict(base)
    adapter.merge(model)

    for name, weight in model.state_dict().items():
        assert torch.allclose(weight, trained[name], atol=1e-6), name


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")  # peft asks for the old name
def test_peft_reads_the_adapter(fresh: tuple[Any, Any, Any], tmp_path: Path) -> None:
    from peft import PeftModel

    model, _, rows = fresh
    base = copy.deepcopy(model)
    files = _train(model, rows, LORA).files("scratch", model.config.model_type)
    (tmp_path / "adapter_model.safetensors").write_bytes(files[adapters.FILE])
    (tmp_path / "adapter_config.json").write_bytes(files[adapters.CONFIG])

    theirs = PeftModel.from_pretrained(base, str(tmp_path)).merge_and_unload()

    assert mean_loss(theirs, rows, 64) == pytest.approx(mean_loss(model, rows, 64), rel=1e-4)


def test_an_adapter_is_trained_further(fresh: tuple[Any, Any, Any]) -> None:
    model, _, rows = fresh
    base = {name: weight.clone() for name, weight in model.state_dict().items()}
    first = _train(model, rows, replace(LORA, epochs=5))
    before = mean_loss(model, rows, 64)

    second = _train(model, rows, LORA, begin=first)

    after = mean_loss(model, rows, 64)
    model.load_state_dict(base)
    second.merge(model)
    assert mean_loss(model, rows, 64) == pytest.approx(after, rel=1e-4)
    assert after < before


def test_an_adapter_that_is_damaged_is_refused(fresh: tuple[Any, Any, Any], tmp_path: Path) -> None:
    model, _, rows = fresh
    for name, content in _train(model, rows, replace(LORA, epochs=1)).files("scratch", "gpt2").items():
        (tmp_path / name).write_bytes(content[:-9])

    with pytest.raises(ModelError, match=r"The adapter in .* does not load"):
        Adapter.open(tmp_path)


def _train(model: Any, rows: Any, recipe: Recipe, begin: Adapter | None = None) -> Adapter:
    kept: list[Adapter] = []
    for _ in finetune(model, rows, [], recipe, seed=0, adapter=begin, keep=kept.append):
        pass
    return kept[0]


def test_lora_has_its_own_learning_rate() -> None:
    assert recipe_for("tiny", "lora").learning_rate > TINY.learning_rate
    assert recipe_for("tiny", "full") == TINY


def test_a_model_in_training_speaks_where_bf16_is_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    model = family("Llama")
    monkeypatch.setattr("training.learn.lora.has_fast_bf16", lambda _: True)

    with adapted(model, LORA), torch.no_grad():
        logits = model(input_ids=torch.arange(3)[None]).logits

    assert logits.isfinite().all()
