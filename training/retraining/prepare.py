"""From archives to a prepared run: texts, a model to start with, and rows of tokens.

The run starts from the base model, or continues from the current model with only the tweets that are new to it.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from training.corpus import corpus
from training.errors import ModelError, NothingNew
from training.learn import batches
from training.learn.finetune import within_memory
from training.learn.precision import has_fast_bf16
from training.models import adapter, base_model, loading, model_dir, registry
from training.models.adapter import Adapter
from training.models.base_model import BaseChoice, choose_base
from training.profile import spoken_languages
from training.profile.memory import Memory
from training.profile.spoken_languages import languages_of
from training.retraining.job import Progress
from training.speak.probe import check_base

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from training.corpus.corpus import Corpus, Text
    from training.learn.batches import Row
    from training.models.model_dir import Manifest
    from training.recipe import Recipe
    from training.retraining.job import Begin, Job, Tweets
    from training.sources.archive import Archive


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an author's tweets come from, and their languages."""

    kind: str = ""  # of source
    first: str = ""  # day of the oldest
    last: str = ""
    languages: Mapping[str, int] = field(default_factory=dict)  # the number of tweets by language
    avatar: bytes = b""  # a small JPEG


@dataclass(frozen=True, slots=True)
class PreparedRun:
    texts: Corpus
    model: Any
    tokenizer: Any
    recipe: Recipe
    context: int  # tokens
    train: Sequence[Row]
    held_out: Sequence[Row]
    trained_on: tuple[Text, ...]  # all that the finished model has been trained on, if still in the library
    known: Memory | None = None  # what the current model was trained on
    before: Manifest | None = None  # of the current model, if the run continues from it
    origins: Mapping[str, Origin] = field(default_factory=dict)  # per author
    base_digest: str = ""  # of the base's weights, where only an adapter is trained
    adapter: Adapter | None = None  # that is in the model's weights and is trained further

    @property
    def authors(self) -> list[str]:
        return [text.author for text in self.texts.train]

    @property
    def weights(self) -> list[float]:
        return [text.weight for text in self.texts.train]

    def why_unknown_language(self, base: str) -> str:
        """Why the base cannot learn to write as these people do; empty if it can, or if that is unknown."""
        languages: Counter[str] = Counter()
        for origin in self.origins.values():
            languages.update(origin.languages)
        return spoken_languages.why_unknown_language(base, languages)

    def fingerprint(self, seed: int) -> str:
        """The same for two runs that end with the same weights: rows, initial weights, recipe and seed."""
        import torch

        inputs = {
            "recipe": asdict(self.recipe),
            "seed": seed,
            "device": self.model.device.type,
            "torch": torch.__version__,
            "bf16": has_fast_bf16(self.model.device),
            "decks": [self.authors, self.weights],
            "rows": [self.train, self.held_out],
        }
        digest = hashlib.sha256(json.dumps(inputs).encode())
        digest.update(adapter.digest(self.model).encode())
        return digest.hexdigest()


def base_for(models: Path, base_model: str, begin: Begin) -> BaseChoice:
    """The base of a training: what the configuration says, or that of the current model where it goes on from there."""
    current = registry.current(models) if begin == "current" else None
    if current is None:
        return choose_base(base_model)
    return BaseChoice(model_dir.read_manifest(current).base_model)


def prepare(tweets: Tweets, job: Job, report: Callable[[Progress], None]) -> PreparedRun:
    """Read, clean, load the model to start with, and tokenise."""
    report(Progress("read", note=job.why_base))
    archives = tweets()
    report(Progress("clean"))
    texts = corpus.build(archives, job.choices, lambda done, of: report(Progress("clean", done, of)))
    for warning in texts.warnings:
        report(Progress("clean", 1, note=warning))
    run = _from_base(texts, job) if job.begin == "base" else _from_current(texts, job)
    run = replace(run, origins=_origins(archives))
    if why := run.why_unknown_language(job.base):
        report(Progress("clean", 1, note=why))
    new = ", all new to the current model" if run.known else ""
    train, held_out = len(run.texts.train), len(run.texts.held_out)
    report(Progress("tokenise", note=f"{train:,} training tweets{new}, {held_out:,} held out"))
    return run


def _origins(archives: Sequence[Archive]) -> dict[str, Origin]:
    origins = {}
    for author in dict.fromkeys(archive.author for archive in archives):
        own = [archive for archive in archives if archive.author == author]
        days = [f"{tweet.at:%Y-%m-%d}" for archive in own for tweet in archive.tweets if tweet.at]
        kinds = dict.fromkeys(archive.kind for archive in own if archive.kind)
        languages = languages_of(tweet for archive in own for tweet in archive.tweets)
        avatar = next((archive.avatar for archive in reversed(own) if archive.avatar), b"")
        origins[author] = Origin(", ".join(kinds), min(days, default=""), max(days, default=""), languages, avatar)
    return origins


def _from_base(texts: Corpus, job: Job) -> PreparedRun:
    train = [text.text for text in texts.train]
    model, tokenizer = base_model.load_base(job.base, texts=train, shape=job.recipe.shape, seed=job.seed)
    check_base(model, tokenizer, job.base)
    is_adapted = job.recipe.method == "lora" and job.base != base_model.SCRATCH  # whose weights are nowhere else
    base_digest = adapter.digest(model) if is_adapted else ""
    return replace(_tokenised(texts, model, tokenizer, job.recipe, job.device), base_digest=base_digest)


def _from_current(texts: Corpus, job: Job) -> PreparedRun:
    current = registry.current(job.models)
    if current is None:
        raise ModelError(f"There is no current model in {job.models} to continue from: retrain from the base first.")
    if registry.is_forgotten(current):
        raise ModelError(f"{current.name} learnt the tweets of somebody who was forgotten: retrain from the base.")
    known = Memory.open(current)
    fresh = replace(texts, train=_unknown(texts.train, known), held_out=_unknown(texts.held_out, known))
    if not fresh.train:
        raise NothingNew(f"The current model, {current.name}, was trained on all these tweets: there is nothing to do.")
    loaded = loading.load(current, device="cpu")
    if dict(loaded.manifest.tags) != dict(texts.tags):
        raise ModelError(f"{current.name} was trained with other tags: retrain from the base.")
    run = _tokenised(fresh, loaded.model, loaded.tokenizer, job.recipe, job.device)
    earlier = (text for text in texts.held_out if known.said(text.text))
    continued = _fitting(Adapter.open(current), job.recipe)
    return replace(
        run,
        known=known,
        before=loaded.manifest,
        trained_on=(*texts.train, *earlier),
        base_digest=loaded.manifest.base_digest if continued else "",
        adapter=continued,
    )


def _fitting(adapter: Adapter | None, recipe: Recipe) -> Adapter | None:
    """The adapter, if the recipe can train it further; otherwise a new one begins on the whole weights."""
    fits = (
        adapter and recipe.method == "lora" and (adapter.rank, adapter.alpha) == (recipe.lora_rank, recipe.lora_alpha)
    )
    return adapter if fits else None


def _unknown(texts: Sequence[Text], known: Memory) -> tuple[Text, ...]:
    return tuple(text for text in texts if not known.said(text.text))


def _tokenised(texts: Corpus, model: Any, tokenizer: Any, recipe: Recipe, device: str) -> PreparedRun:
    target = model_dir.pick_device(device)
    with within_memory(target, "the model"):
        model.to(target)
    context = min(recipe.shape.context, base_model.context_of(model))
    train, held_out = (rows(tokenizer, part, texts, context) for part in (texts.train, texts.held_out))
    return PreparedRun(texts, model, tokenizer, recipe, context, train, held_out, trained_on=texts.train)


def rows(tokenizer: Any, part: Sequence[Text], texts: Corpus, context: int) -> list[Row]:
    tags = [texts.tags.get(text.author, "") for text in part] if texts.tags else []
    return batches.encode(tokenizer, [text.text for text in part], context, tags)
