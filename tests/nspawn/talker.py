"""A small model that has learnt a few sentences by heart, in use, for a machine that is only there to be tried."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

WORDS = ("bell", "glove", "crumb", "roof", "soup", "whistle", "bun", "clock", "kettle", "gate", "lamp", "stair")


def sayings() -> list[str]:
    ways = ("My dream is a quiet {}.", "Today I was a {}.", "Rain came in by the {}.", "Benno lost a {} again.")
    return [way.format(word) for word in WORDS for way in ways]


def make(folder: Path, *, steps: int = 200, light: bool = False) -> Path:
    """The folder of its models; `light` also for machines without torch."""
    import torch

    from training import base_model, batches, finetune, light_model, memory, model_dir, registry
    from training.recipe import Recipe, Shape

    torch.set_num_threads(1)
    recipe = Recipe(
        shape=Shape(vocabulary=400, context=64, layers=2, width=64, heads=2),
        epochs=2_000,
        max_steps=steps,
        dropout=0.0,
        learning_rate=5e-3,
    )
    model, tokenizer = base_model.load_base("scratch", texts=sayings(), shape=recipe.shape, seed=0)
    rows = batches.encode(tokenizer, sayings(), recipe.shape.context)
    for _ in finetune.finetune(model, rows, [], recipe, seed=0):
        pass
    models = folder / "models"
    version = models / "20261120T120000Z-0000"
    about = model_dir.Manifest(created="2026-11-20T12:00:00+00:00", base_model="tiny", authors=("stationmynah",))
    end = tokenizer.eos_token_id
    lightened = {light_model.FILE: light_model.write(model, start=end, end=end)} if light else {}
    model_dir.save(version, model, tokenizer, about=about, files={memory.FILE: memory.memorise([]), **lightened})
    registry.promote(version)
    return models
