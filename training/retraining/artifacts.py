"""The files of a model folder besides the weights: memory, report, metrics, profile, card and pictures."""

from __future__ import annotations

import shutil
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

from training.card import card
from training.card.licences import files_of, licence_of
from training.card.prompts import prompt_in
from training.card.publish import AVATAR
from training.corpus.corpus import newest_last
from training.errors import TrainingError
from training.judge import report as judgement
from training.judge.choosing import Profile
from training.models import model_dir, smollm2
from training.profile import discriminator, language, memory, memory_key, person, vocabulary
from training.retraining.prepare import Origin
from training.speak.torch_engine import TorchSampler

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from training.corpus.corpus import Choices
    from training.judge.report import Report
    from training.learn.metrics import Metrics
    from training.retraining.job import Job
    from training.retraining.prepare import PreparedRun
    from training.speak.types import Sample

LIMIT = 280  # characters in a post on X
LANGUAGE_SHARE = 0.1  # of the tweets: the language of short texts is often misdetected


def profile(run: PreparedRun, job: Job, drafts: Sequence[Sample], folder: Path) -> Profile:
    """Write the files about the person to `folder`, and open them; `drafts` are the model's, for the discriminator."""
    texts, key = newest_last(run.trained_on), memory_key.make(job.models)
    files = {
        memory.FILE: memory.memorise((text.text for text in run.texts.train), also=run.known, key=key),
        person.FILE: _person(run, job, drafts).to_json(),
        vocabulary.FILE: vocabulary.collect(texts, run.tokenizer, key=key),
        language.FILE: language.learn(texts),
        discriminator.FILE: discriminator.fit(texts, [draft.text for draft in drafts if draft.finished], key=key),
    }
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, content in files.items():
        if content is not None:
            (folder / name).write_bytes(content)
    return Profile.open(folder)


def write(
    run: PreparedRun,
    job: Job,
    metrics: Metrics,
    report: Report,
    drafts: Sequence[Sample],
    profile: Path,
    *,
    name: str,
    now: datetime,
    chosen: str = "",
) -> dict[str, bytes]:
    """Each file's name and content; `drafts` are the samples that the model was evaluated by.

    `profile` is the folder of the files about the person. `chosen` is a text as the bot would post it, for the picture;
    without one, the picture has an answer to a prompt.
    """
    figures = report.figures()
    files = {
        **{path.name: path.read_bytes() for path in sorted(profile.iterdir())},
        judgement.FILE: report.to_json(),
        model_dir.METRICS: metrics.end({"figures": figures}),
    }
    files |= {_avatar(handle): origin.avatar for handle, origin in run.origins.items() if origin.avatar}
    files |= _pictures(run, job, metrics, drafts, chosen) if job.pictures else {}
    licence = licence_of(_base(run, job))
    files |= files_of(_base(run, job))
    facts = card.CardFacts(
        authors=_authors(run),
        base_model=base_id(run, job),
        architecture=run.model.config.model_type,
        recipe=run.recipe,
        run=_run(run, job, metrics),
        figures=judgement.explained(report),
        pictures=[name for name in files if name.endswith(".png")],
        rules=job.choices.rules,
        languages=_languages(run),
        base_licence=licence.code,
        base_notice=licence.notice,
        tags=list(run.texts.tags.values()),
        version=name,
        created=now.isoformat(),
        consent=job.consent,
    )
    return files | {card.FILE: card.card(facts).encode()}


def manifest(run: PreparedRun, job: Job, report: Report, now: datetime) -> model_dir.Manifest:
    return model_dir.Manifest(
        created=now.isoformat(),
        base_model=_base(run, job),
        authors=tuple(_funnels(run)),
        funnel=_funnels(run),
        figures=report.figures(),
        tags=run.texts.tags,
        base_digest=run.base_digest,
        languages=tuple(_languages(run)),
    )


def base_id(run: PreparedRun, job: Job) -> str:
    """The base as the model hub calls it, where it is there."""
    base = _base(run, job)
    if base != smollm2.NAME:
        return base
    return smollm2.ON_HUB if run.before else run.model.name_or_path


def _base(run: PreparedRun, job: Job) -> str:
    return run.before.base_model if run.before else job.base


def _funnels(run: PreparedRun) -> dict[str, Mapping[str, int]]:
    """The counts of each author, those of earlier trainings of the same model included."""
    earlier = run.before.funnel if run.before else {}
    return {**earlier, **{funnel.author: funnel.counts() for funnel in run.texts.funnels}}


def _authors(run: PreparedRun) -> list[card.Author]:
    return [_author(run, handle, dict(counts)) for handle, counts in _funnels(run).items()]


def _author(run: PreparedRun, handle: str, counts: dict[str, int]) -> card.Author:
    origin = run.origins.get(handle, Origin())
    return card.Author(
        handle=handle,
        name=run.texts.display_names.get(handle, ""),
        downloaded=counts.pop("downloaded"),
        kept=counts.pop("kept"),
        dropped=counts,
        avatar=_avatar(handle) if origin.avatar else "",
        source=origin.kind,
        first=origin.first,
        last=origin.last,
    )


def _avatar(handle: str) -> str:
    """The name of the file; `mynah publish` uploads it with the card."""
    return f"{AVATAR}{handle}.jpg"


def _languages(run: PreparedRun) -> list[str]:
    """The languages of the tweets, the commonest first; empty where they cannot be told."""
    counts: Counter[str] = Counter()
    for origin in run.origins.values():
        counts.update(origin.languages)
    return [lang for lang, count in counts.most_common() if count >= LANGUAGE_SHARE * counts.total()]


def _pictures(run: PreparedRun, job: Job, metrics: Metrics, drafts: Sequence[Sample], chosen: str) -> dict[str, bytes]:
    """The pictures of the card; none if they cannot be drawn."""
    own = [*run.trained_on, *run.texts.held_out]
    try:
        from training.card import picture, plots

        authors = _authors(run)
        return {
            card.PREDICTIONS: picture.predictions_png(
                name=" & ".join(author.shown for author in authors),
                handle=card.handles(authors),
                bot_word=card.bot_word(authors),
                people=[(author.shown, run.origins.get(author.handle, Origin()).avatar or None) for author in authors],
                prompt="" if chosen else prompt_in(_languages(run)),
                prediction=chosen or _prediction(run, job),
            ),
            card.LOSS: plots.loss_curve(metrics.steps),
            card.LENGTHS: plots.lengths(
                [job.length(text.text) for text in own], [job.length(draft.text) for draft in drafts]
            ),
        }
    except (ModuleNotFoundError, TrainingError):  # no Pillow, or no fonts
        return {}


def _person(run: PreparedRun, job: Job, drafts: Sequence[Sample]) -> person.Person:
    """How the person writes, and how likely the model's drafts are."""
    return person.describe(
        [text.text for text in run.trained_on],
        [draft.weakest for draft in drafts if draft.weakest is not None],
        length=job.length,
        unspeakable=job.choices.unspeakable,
    )


def _prediction(run: PreparedRun, job: Job) -> str:
    """The first of eight drafts that is finished and fits into a post; the first draft if none does."""
    sampler = TorchSampler(run.model, run.tokenizer, run.texts.tags)
    drafts = sampler.draft(prompt_in(_languages(run)), n=8, seed=job.seed)
    return next((draft for draft in drafts if draft.finished and job.length(draft.text) <= LIMIT), drafts[0]).text


def _chosen(run: PreparedRun, choices: Choices) -> dict[str, object]:
    """The other choices needed to reproduce the model; the published rules ignore replies and line breaks."""
    own = {"trained on replies": choices.replies, "line breaks kept": choices.newlines}
    chosen: dict[str, object] = dict(own) if choices.rules == "mynah" else {}
    if choices.recency:
        chosen["half-life of a tweet's weight"] = f"{choices.recency / timedelta(days=1):g} days"
    return chosen | ({"names before the texts": True} if run.texts.tags else {})


def _run(run: PreparedRun, job: Job, metrics: Metrics) -> Mapping[str, object]:
    """The results of the run, as opposed to its settings."""
    steps = metrics.steps
    earlier: dict[str, object] = {}
    if run.before and run.known:
        earlier = {"continued from": f"the model of {run.before.created}", "training tweets before": len(run.known)}
    return {
        "steps": len(steps),
        "tokens": sum(step.tokens for step in steps),
        "seconds": round(metrics.seconds),
        "training tweets": len(run.train),
        **_chosen(run, job.choices),
        "seed": job.seed,
        "device": run.model.device.type,
    } | earlier
