"""What lies in a model folder beside the weights: memory, report, numbers, card and pictures. It only puts together."""

from __future__ import annotations

import re
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

from training.card import card
from training.errors import TrainingError
from training.judge import report as judgement
from training.models import model_dir
from training.prepare import Origin
from training.profile import language, memory, person, vocabulary
from training.speak.torch_engine import Sampler

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from training.corpus.corpus import Choices
    from training.job import Wanted
    from training.judge.report import Report
    from training.learn.metrics import Metrics
    from training.prepare import Lesson
    from training.speak.types import Sample

LIMIT = 280  # X's
ENOUGH = 500  # held-out tweets of an author, to know how likely they are
# X's names for languages to those of the hub: three are old, those with q and a few more are for what is none.
LANGUAGE = re.compile(r"(?!und|zxx|art|q[a-t][a-z])[a-z]{2,3}")
RENAMED = {"in": "id", "iw": "he", "ji": "yi"}
A_LANGUAGE = 0.1  # of the tweets: X often takes a short text for a language that it is not in


def write(
    lesson: Lesson,
    wanted: Wanted,
    metrics: Metrics,
    report: Report,
    drafts: Sequence[Sample],
    *,
    name: str,
    now: datetime,
) -> dict[str, bytes]:
    """Each file's name and content; `drafts` are what the model was judged by."""
    figures = report.figures()
    files = {
        memory.FILE: memory.memorise((text.text for text in lesson.texts.train), also=lesson.known),
        judgement.FILE: report.to_json(),
        model_dir.METRICS: metrics.end({"figures": figures}),
        person.FILE: _person(lesson, wanted).to_json(),
        vocabulary.FILE: vocabulary.collect([text.text for text in lesson.learnt], lesson.tokenizer),
    }
    if profile := language.learn([text.text for text in lesson.learnt]):
        files[language.FILE] = profile
    files |= _pictures(lesson, wanted, metrics, drafts) if wanted.pictures else {}
    facts = card.CardFacts(
        authors=_authors(lesson),
        base_model=_base(lesson, wanted),
        architecture=lesson.model.config.model_type,
        recipe=lesson.recipe,
        run=_run(lesson, wanted, metrics),
        figures=judgement.explained(report),
        pictures=[name for name in files if name.endswith(".png")],
        rules=wanted.choices.rules,
        languages=_languages(lesson),
        tags=list(lesson.texts.tags.values()),
        version=name,
        created=now.isoformat(),
    )
    return files | {card.FILE: card.card(facts).encode()}


def manifest(lesson: Lesson, wanted: Wanted, report: Report, now: datetime) -> model_dir.Manifest:
    return model_dir.Manifest(
        created=now.isoformat(),
        base_model=_base(lesson, wanted),
        authors=tuple(_funnels(lesson)),
        funnel=_funnels(lesson),
        figures=report.figures(),
        tags=lesson.texts.tags,
    )


def _base(lesson: Lesson, wanted: Wanted) -> str:
    return lesson.before.base_model if lesson.before else wanted.base


def _funnels(lesson: Lesson) -> dict[str, Mapping[str, int]]:
    """The counts of each author, also of those whom only the model that it goes on from has learnt."""
    earlier = lesson.before.funnel if lesson.before else {}
    return {**earlier, **{funnel.author: funnel.counts() for funnel in lesson.texts.funnels}}


def _authors(lesson: Lesson) -> list[card.Author]:
    return [_author(lesson, handle, dict(counts)) for handle, counts in _funnels(lesson).items()]


def _author(lesson: Lesson, handle: str, counts: dict[str, int]) -> card.Author:
    origin = lesson.origins.get(handle, Origin())
    return card.Author(
        handle=handle,
        name=lesson.texts.display_names.get(handle, ""),
        downloaded=counts.pop("downloaded"),
        kept=counts.pop("kept"),
        dropped=counts,
        source=origin.kind,
        first=origin.first,
        last=origin.last,
    )


def _languages(lesson: Lesson) -> list[str]:
    """The commonest first; none where no source said any."""
    counts: Counter[str] = Counter()
    for origin in lesson.origins.values():
        for lang, count in origin.languages.items():
            if LANGUAGE.fullmatch(code := lang.lower().split("-")[0]):
                counts[RENAMED.get(code, code)] += count
    return [lang for lang, count in counts.most_common() if count >= A_LANGUAGE * counts.total()]


def _pictures(lesson: Lesson, wanted: Wanted, metrics: Metrics, drafts: Sequence[Sample]) -> dict[str, bytes]:
    """A model without pictures is a model too: where they cannot be drawn, the card goes without."""
    own = [*lesson.learnt, *lesson.texts.held_out]
    try:
        from training.card import picture, plots

        authors = _authors(lesson)
        return {
            card.PREDICTIONS: picture.predictions_png(
                name=" & ".join(author.shown for author in authors),
                handle=card.handles(authors),
                bot_word=card.bot_word(authors),
                prompt=card.PROMPT,
                prediction=_prediction(lesson, wanted),
            ),
            card.LOSS: plots.loss_curve(metrics.steps),
            card.LENGTHS: plots.lengths(
                [wanted.length(text.text) for text in own], [wanted.length(draft.text) for draft in drafts]
            ),
        }
    except (ModuleNotFoundError, TrainingError):  # no Pillow, no fonts
        return {}


def _person(lesson: Lesson, wanted: Wanted) -> person.Person:
    """How they write whom it learnt from, and how likely it finds what they wrote later."""
    sampler = Sampler(lesson.model, lesson.tokenizer, lesson.texts.tags)
    likelihoods: list[float] = []
    for author in dict.fromkeys(text.author for text in lesson.texts.held_out):
        own = [text.text for text in lesson.texts.held_out if text.author == author]
        known = author if author in lesson.texts.tags else None
        likelihoods += sampler.weigh(own[-ENOUGH:], author=known)
    return person.describe(
        [text.text for text in lesson.learnt],
        likelihoods,
        length=wanted.length,
        unspeakable=wanted.choices.unspeakable,
    )


def _prediction(lesson: Lesson, wanted: Wanted) -> str:
    """The first that is whole and fits; unselected beyond that."""
    sampler = Sampler(lesson.model, lesson.tokenizer, lesson.texts.tags)
    drafts = sampler.draft(card.PROMPT, n=8, seed=wanted.seed)
    return next((draft for draft in drafts if draft.finished and wanted.length(draft.text) <= LIMIT), drafts[0]).text


def _chosen(lesson: Lesson, choices: Choices) -> dict[str, object]:
    """What else a reader must know to make it again; the published rules know neither of the first two."""
    own = {"replies learnt": choices.replies, "line breaks kept": choices.newlines}
    chosen: dict[str, object] = dict(own) if choices.rules == "mynah" else {}
    if choices.recency:
        chosen["half-life of a tweet's weight"] = f"{choices.recency / timedelta(days=1):g} days"
    return chosen | ({"names before the texts": True} if lesson.texts.tags else {})


def _run(lesson: Lesson, wanted: Wanted, metrics: Metrics) -> Mapping[str, object]:
    """What happened, rather than what was chosen."""
    steps = metrics.steps
    earlier: dict[str, object] = {}
    if lesson.before and lesson.known:
        earlier = {"continued from": f"the model of {lesson.before.created}", "tweets learnt before": len(lesson.known)}
    return {
        "steps": len(steps),
        "tokens": sum(step.tokens for step in steps),
        "seconds": round(metrics.seconds),
        "tweets learnt": len(lesson.train),
        **_chosen(lesson, wanted.choices),
        "seed": wanted.seed,
        "device": lesson.model.device.type,
    } | earlier
