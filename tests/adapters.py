"""A base as a folder of transformers, and models that are adapters to it, each with sentences of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tests.talker import SAYINGS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

VERSION = "20261120T120000Z-0000"


def make_base(folder: Path) -> Path:
    """A small base that has learnt half of the talker's sentences; `training.base_model` may name the folder."""
    from training.learn import batches, finetune
    from training.models import base_model
    from training.recipe import Recipe, Shape

    shape = Shape(vocabulary=400, context=64, layers=2, width=64, heads=2)
    recipe = Recipe(shape=shape, epochs=2_000, max_steps=60, dropout=0.0, learning_rate=5e-3, threads=1)
    model, tokenizer = base_model.load_base("scratch", texts=SAYINGS, shape=shape, seed=0)
    rows = batches.encode(tokenizer, SAYINGS[::2], shape.context)
    for _ in finetune.finetune(model, rows, [], recipe, seed=0):
        pass
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def make_adapted(models: Path, base: Path, sayings: Sequence[str], *, steps: int = 80, seed: int = 0) -> Path:
    """A models folder whose current version is an adapter to the base, trained on the sayings."""
    from training.learn import batches, finetune
    from training.models import adapter, base_model, model_dir, registry
    from training.profile import memory
    from training.recipe import TINY, Shape

    model, tokenizer = base_model.load_base(str(base), texts=(), shape=Shape(), seed=0)
    digest, kept = adapter.digest(model), list[Any]()
    recipe = replace(
        TINY, epochs=2_000, max_steps=steps, dropout=0.0, learning_rate=2e-2, threads=1,
        method="lora", lora_rank=4, lora_alpha=8, shape=Shape(context=64),
    )  # fmt: skip
    rows = batches.encode(tokenizer, list(sayings), 64)
    for _ in finetune.finetune(model, rows, [], recipe, seed=seed, keep=kept.append):
        pass
    version = models / VERSION
    about = model_dir.Manifest(created="2026-11-20T12:00:00+00:00", base_model=str(base), base_digest=digest)
    files = {memory.FILE: memory.memorise([]), **kept[0].files(str(base), model.config.model_type)}
    model_dir.save(version, model, tokenizer, about=about, files=files, weights=False)
    registry.promote(version)
    return models
