"""A tiny classifier with two labels, one of which follows a word."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

from bot.errors import ConfigError, ModelError
from bot.screen import chain, classifier
from bot.values import Draft

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WORDS = {"[PAD]": 0, "[UNK]": 1, "goose": 2, "choir": 3}


def make_classifier(folder: Path, problem: str = "single_label_classification") -> Path:
    """A classifier that labels each text with "goose" as rude, and no other."""
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(WORDS),
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=1,
        intermediate_size=8,
        max_position_embeddings=32,
        id2label={0: "kind", 1: "rude"},
        label2id={"kind": 0, "rude": 1},
        problem_type=problem,
    )
    model = BertForSequenceClassification(config)
    model.train()
    texts = [[2, 1], [1, 2], [3, 1], [1, 3], [1, 1], [2, 3], [3, 2], [3, 3]]
    rude = torch.tensor([1, 1, 0, 0, 0, 1, 1, 0])
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.05)
    for _ in range(60):
        logits = model(input_ids=torch.tensor(texts)).logits
        loss = torch.nn.functional.cross_entropy(logits, rude)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    plain = Tokenizer(WordLevel(WORDS, unk_token="[UNK]"))
    plain.pre_tokenizer = Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=plain, pad_token="[PAD]", unk_token="[UNK]").save_pretrained(folder)
    model.save_pretrained(folder, safe_serialization=True)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_classifier(tmp_path_factory.mktemp("classifier"))


def screen(classify: Callable[[str], str]) -> chain.Screen:
    return chain.build(was_posted=lambda _: False, copy_of=lambda _: "", classify=classify)


def test_a_draft_with_one_of_the_labels_is_refused_with_its_probability(folder: Path) -> None:
    classified = classifier.open_classifier(folder, ["rude"], 0.5)

    reason = screen(classified).why_not(Draft("my goose"))

    assert reason is not None
    assert reason.name == "classifier"
    assert reason.detail.startswith("rude 0.")
    assert screen(classified).why_not(Draft("my choir")) is None


def test_the_threshold_is_the_operators(folder: Path) -> None:
    assert classifier.open_classifier(folder, ["kind", "rude"], 0.01)("my choir").startswith("kind ")
    assert classifier.open_classifier(folder, ["rude"], 1.0)("my goose") == ""


def test_independent_labels_are_judged_one_by_one(tmp_path: Path) -> None:
    classify = classifier.open_classifier(make_classifier(tmp_path, "multi_label_classification"), ["rude"], 0.5)

    assert classify("my goose").startswith("rude ")


def test_a_label_that_the_classifier_does_not_know_is_an_error_of_the_configuration(folder: Path) -> None:
    with pytest.raises(ConfigError, match="has no label vulgar; its labels are kind, rude"):
        classifier.open_classifier(folder, ["vulgar"], 0.5)


def test_a_draft_is_not_posted_when_the_classifier_fails() -> None:
    def broken(_: str) -> str:
        raise RuntimeError("out of memory")

    reason = screen(broken).why_not(Draft("my choir"))

    assert reason is not None
    assert reason.name == "screen_failed"


@pytest.mark.parametrize("damage", ["no weights", "no head", "cut weights", "no config", "other config", "a list"])
def test_an_incomplete_classifier_is_refused(folder: Path, tmp_path: Path, damage: str) -> None:
    import shutil

    from safetensors.torch import load_file, save_file

    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    weights = copy / "model.safetensors"
    if damage == "no weights":
        weights.unlink()
    elif damage == "no head":
        tensors = {name: value for name, value in load_file(weights).items() if "classifier" not in name}
        save_file(tensors, weights, metadata={"format": "pt"})
    elif damage == "cut weights":
        weights.write_bytes(weights.read_bytes()[:-100])
    elif damage == "no config":
        (copy / "config.json").unlink()
    else:
        config = [] if damage == "a list" else {"model_type": "no such thing"}
        (copy / "config.json").write_text(json.dumps(config), encoding="utf-8")

    with pytest.raises(ModelError, match=r"screen\.classifier: .* is not a "):
        classifier.open_classifier(copy, ["rude"], 0.5)


def test_a_probability_that_is_not_a_number_does_not_pass(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    broken = load_file(make_classifier(tmp_path) / "model.safetensors")
    broken["classifier.bias"] = torch.tensor([float("nan"), 0.0])
    save_file(broken, tmp_path / "model.safetensors", metadata={"format": "pt"})

    reason = screen(classifier.open_classifier(tmp_path, ["rude"], 0.5)).why_not(Draft("my choir"))

    assert reason is not None
    assert reason.name == "screen_failed"
