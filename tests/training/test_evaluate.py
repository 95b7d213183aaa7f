from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
import torch

from training import model_dir
from training.evaluate import bits_per_character

if TYPE_CHECKING:
    from pathlib import Path


def test_a_model_that_knows_nothing_needs_the_bits_of_its_vocabulary(model_folder: Path) -> None:
    loaded = model_dir.load(model_folder, device="cpu")
    with torch.no_grad():
        for weight in loaded.model.parameters():
            weight.zero_()  # all logits equal
    texts = ["Rain ☔", "Good morning."]
    tokens = sum(len(loaded.tokenizer(text, add_special_tokens=False).input_ids) + 1 for text in texts)

    found = bits_per_character(loaded.model, loaded.tokenizer, texts, context=100)

    expected = tokens * math.log2(len(loaded.tokenizer)) / sum(map(len, texts))
    assert found == pytest.approx(expected, rel=1e-2)  # bf16 rounds the loss where the chip has it
