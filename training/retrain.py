"""The one-shot, top to bottom: tweets in, a promoted model out. Others draw the progress and keep the time."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from training import base_model, batches, corpus, finetune, memory, model_dir, registry
from training.evaluate import bits_per_character
from training.sources import recognise

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from training.corpus import Corpus
    from training.finetune import Step
    from training.recipe import Recipe

Stage = Literal["read", "clean", "tokenise", "train", "judge", "save", "promote"]


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a retraining is; `note` is for a person, `step` is there while it trains."""

    stage: Stage
    done: int = 0
    of: int = 1
    note: str = ""
    step: Step | None = None


def retrain(
    *,
    tweets: Sequence[Path],
    models: Path,
    recipe: Recipe,
    base: str,
    device: str,
    now: datetime,
    seed: int,
    report: Callable[[Progress], None],
    author: str | None = None,
) -> Path:
    """The new version's folder, in use when this returns; on any error the version in use stays in use."""
    with registry.hold(models):
        texts = _read(tweets, author, report)

        report(Progress("tokenise", note=f"{len(texts.train)} tweets to learn, {len(texts.held_out)} held out"))
        model, tokenizer = base_model.load_base(base, texts=texts.train, shape=recipe.shape, seed=seed)
        model_dir.need_room(models, model)
        model.to(model_dir.pick_device(device))
        context = min(recipe.shape.context, base_model.context_of(model))
        train = batches.encode(tokenizer, texts.train, context)
        held_out = batches.encode(tokenizer, texts.held_out, context)

        curve = []
        for step in finetune.finetune(model, train, held_out, recipe, seed=seed):
            curve.append(step)
            report(Progress("train", step.number, step.of, step=step))

        report(Progress("judge"))
        figures = _figures(model, tokenizer, texts, context)

        version = registry.new_version(models, now=now, seed=seed)
        report(Progress("save", note=version.name))
        files = {memory.FILE: memory.memorise(texts.train), model_dir.METRICS: _metrics(recipe, seed, curve, figures)}
        model_dir.save(version, model, tokenizer, about=_about(texts, base, now, figures), files=files)

        report(Progress("promote", note=version.name))
        registry.promote(version)
        return version


def _read(tweets: Sequence[Path], author: str | None, report: Callable[[Progress], None]) -> Corpus:
    archives = []
    for done, path in enumerate(tweets):
        report(Progress("read", done, len(tweets), note=str(path)))
        archives.append(recognise.read(path, author))
    report(Progress("clean"))
    texts = corpus.build(archives)
    for warning in texts.warnings:
        report(Progress("clean", 1, note=warning))
    return texts


def _figures(model: Any, tokenizer: Any, texts: Corpus, context: int) -> dict[str, float]:
    if not texts.held_out:
        return {}
    return {"bits_per_character": bits_per_character(model, tokenizer, texts.held_out, context=context)}


def _about(texts: Corpus, base: str, now: datetime, figures: dict[str, float]) -> model_dir.Manifest:
    return model_dir.Manifest(
        created=now.isoformat(),
        base_model=base,
        authors=tuple(funnel.author for funnel in texts.funnels),
        funnel={funnel.author: _counts(funnel) for funnel in texts.funnels},
        figures=figures,
    )


def _counts(funnel: corpus.Funnel) -> dict[str, int]:
    return {"downloaded": funnel.downloaded, "retweets": funnel.retweets, "short": funnel.short, "kept": funnel.kept}


def _metrics(recipe: Recipe, seed: int, curve: Sequence[Step], figures: dict[str, float]) -> bytes:
    said = {"figures": figures, "recipe": asdict(recipe), "seed": seed, "steps": [asdict(step) for step in curve]}
    return json.dumps(said).encode()
