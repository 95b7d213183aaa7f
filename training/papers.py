"""What lies in a model folder beside the weights: memory, report, numbers, card and pictures. It only puts together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from training import card, judgement, memory, model_dir
from training.errors import TrainingError
from training.sampler import Sampler

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from training.judgement import Report
    from training.lesson import Lesson
    from training.metrics import Metrics
    from training.sampler import Sample
    from training.wanted import Wanted

LIMIT = 280  # X's


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
    }
    files |= _pictures(lesson, wanted, metrics, drafts) if wanted.pictures else {}
    facts = card.CardFacts(
        authors=_authors(lesson),
        base_model=_base(lesson, wanted),
        recipe=lesson.recipe,
        run=_run(lesson, wanted, metrics),
        figures=judgement.explained(report),
        pictures=[name for name in files if name.endswith(".png")],
        rules=wanted.choices.rules,
        tags=list(lesson.texts.tags.values()),
        version=name,
        created=now.isoformat(),
    )
    return files | {card.FILE: card.card(facts).encode()}


def manifest(lesson: Lesson, wanted: Wanted, report: Report, now: datetime) -> model_dir.Manifest:
    earlier = lesson.before.authors if lesson.before else ()
    return model_dir.Manifest(
        created=now.isoformat(),
        base_model=_base(lesson, wanted),
        authors=tuple(dict.fromkeys([*earlier, *(funnel.author for funnel in lesson.texts.funnels)])),
        funnel={
            funnel.author: {"downloaded": funnel.downloaded, **funnel.dropped, "kept": funnel.kept}
            for funnel in lesson.texts.funnels
        },
        figures=report.figures(),
        tags=lesson.texts.tags,
    )


def _base(lesson: Lesson, wanted: Wanted) -> str:
    return lesson.before.base_model if lesson.before else wanted.base


def _authors(lesson: Lesson) -> list[card.Author]:
    return [
        card.Author(
            handle=funnel.author,
            name=lesson.texts.display_names.get(funnel.author, ""),
            downloaded=funnel.downloaded,
            dropped=funnel.dropped,
            kept=funnel.kept,
            source=lesson.origins[funnel.author].kind,
            first=lesson.origins[funnel.author].first,
            last=lesson.origins[funnel.author].last,
        )
        for funnel in lesson.texts.funnels
    ]


def _pictures(lesson: Lesson, wanted: Wanted, metrics: Metrics, drafts: Sequence[Sample]) -> dict[str, bytes]:
    """A model without pictures is a model too: where they cannot be drawn, the card goes without."""
    names = [lesson.texts.display_names.get(funnel.author, funnel.author) for funnel in lesson.texts.funnels]
    own = [*lesson.texts.train, *lesson.texts.held_out]
    try:
        from training import picture, plots

        authors = _authors(lesson)
        return {
            card.PREDICTIONS: picture.predictions_png(
                name=" & ".join(names),
                handle=card.handles(authors),
                bot_word="AI BOT" if len(authors) == 1 else "AI CYBORG",
                prompt=card.PROMPT,
                prediction=_prediction(lesson, wanted),
            ),
            card.LOSS: plots.loss_curve(metrics.steps),
            card.LENGTHS: plots.lengths([len(text.text) for text in own], [len(draft.text) for draft in drafts]),
        }
    except (ModuleNotFoundError, TrainingError):  # no Pillow, no fonts
        return {}


def _prediction(lesson: Lesson, wanted: Wanted) -> str:
    """The first that is whole and fits; unselected beyond that."""
    sampler = Sampler(lesson.model, lesson.tokenizer, lesson.texts.tags)
    drafts = sampler.draft(card.PROMPT, n=8, seed=wanted.seed)
    return next((draft for draft in drafts if draft.finished and wanted.length(draft.text) <= LIMIT), drafts[0]).text


def _run(lesson: Lesson, wanted: Wanted, metrics: Metrics) -> Mapping[str, object]:
    """What happened, rather than what was chosen."""
    steps = metrics.steps
    return {
        "steps": len(steps),
        "tokens": sum(step.tokens for step in steps),
        "seconds": round(metrics.seconds),
        "tweets learnt": len(lesson.train),
        "seed": wanted.seed,
        "device": lesson.model.device.type,
    } | ({"continued from": f"the model of {lesson.before.created}"} if lesson.before else {})
