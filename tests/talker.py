"""Makes small models, trained to repeat a few sentences, for tests that run a bot."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

WORDS = ("bell", "glove", "crumb", "roof", "soup", "whistle", "bun", "clock", "kettle", "gate", "lamp", "stair")
WAYS = ("My dream is a quiet {}.", "Today I was a {}.", "Rain came in by the {}.", "Benno lost a {} again.")
SAYINGS = tuple(way.format(word) for word in WORDS for way in WAYS)


def make(
    folder: Path, sayings: Sequence[str] = SAYINGS, *, vocabulary: int = 400, width: int = 64, steps: int = 200
) -> Path:
    """A models folder with one version in use. It has ONNX weights, because a bot starts faster without torch."""
    from training.learn import batches, finetune
    from training.models import base_model, model_dir, registry
    from training.profile import memory
    from training.recipe import Recipe, Shape
    from training.speak import onnx_weights

    recipe = Recipe(
        shape=Shape(vocabulary=vocabulary, context=64, layers=2, width=width, heads=2),
        epochs=2_000,
        max_steps=steps,
        dropout=0.0,
        learning_rate=5e-3,
        threads=1,
    )
    model, tokenizer = base_model.load_base("scratch", texts=sayings, shape=recipe.shape, seed=0)
    rows = batches.encode(tokenizer, sayings, recipe.shape.context)
    for _ in finetune.finetune(model, rows, [], recipe, seed=0):
        pass
    models = folder / "models"
    version = models / "20261120T120000Z-0000"
    manifest = model_dir.Manifest(created="2026-11-20T12:00:00+00:00", base_model="tiny", authors=("stationmynah",))
    end = tokenizer.eos_token_id
    weights = onnx_weights.write(model, start=end, end=end)
    files = {memory.FILE: memory.memorise([]), onnx_weights.FILE: weights}
    model_dir.save(version, model, tokenizer, about=manifest, files=files)
    registry.promote(version)
    return models
