"""One round: generate drafts, screen them, choose the best, send it, and record the outcome."""

from __future__ import annotations

import math
import random
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from bot.history import refusals, totals
from bot.rounds import prompts, score
from bot.sending.pause import why_paused
from bot.text.length import weighted_length
from bot.text.normalise import normalise

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bot.clock import Clock
    from bot.history.store import Store
    from bot.screen.chain import Screen
    from bot.sending.outbox import Outbox
    from bot.values import Draft, Post, Reason, Slot
    from bot.voice.voice import Voice
    from training.profile.person import Person

LAST = 20  # posts that the next one should not resemble: three days at six a day


@dataclass(frozen=True, slots=True)
class DraftSettings:
    """How drafts are generated."""

    prompts: Mapping[str, float] | Sequence[str]  # with weights; a prompt listed twice has weight 2
    candidates: int  # drafts a try
    tries: int  # with a prompt each, before the slot is skipped
    shares: Mapping[str, float] = field(default_factory=dict)  # of each kind of prompt: see prompts.py
    topics: Callable[[], Sequence[str]] = tuple  # read anew for each round
    unspeakable: Callable[[str], str | None] = lambda _: None  # why an opener may not be used

    def beginnings(self, person: Person | None) -> dict[str, Mapping[str, float]]:
        """The prompts of each kind that may be used, with their weights."""
        openers = person.openers if person else {}
        # Square roots flatten the counts: drafts without a prompt already begin with common openers such as "The".
        speakable = {opener: math.sqrt(count) for opener, count in openers.items() if not self.unspeakable(opener)}
        return prompts.kinds(self.prompts, speakable, self.topics())


@dataclass(frozen=True, slots=True)
class Round:
    """How a round ended: `outcome` is the state of the post (`drafted` in review mode), `skipped` or `waiting`."""

    outcome: str
    slot: str
    post: Post | None = None
    detail: str = ""
    refused: Mapping[str, int] = field(default_factory=dict)  # how many drafts the screen refused, by reason


@dataclass(frozen=True, slots=True)
class Pipeline:
    """From a model to X: where drafts come from, what they have to pass, and what sends them."""

    voice: Voice
    screen: Callable[[Store], Screen]
    outbox: Outbox
    draft_settings: DraftSettings
    clock: Clock


def speak(slot: Slot, store: Store, pipeline: Pipeline, *, review_mode: bool = False, may_queue: bool = False) -> Round:
    """Post once in this slot, or say why not; in `review_mode` only a draft for a person to review is written."""
    ended = prepare(slot, store, pipeline, review_mode=review_mode, may_queue=may_queue)
    if ended.post is None or review_mode:
        return ended
    return deliver(ended.post, pipeline.outbox, store, ended.refused)


def prepare(
    slot: Slot, store: Store, pipeline: Pipeline, *, review_mode: bool = False, may_queue: bool = False
) -> Round:
    """Record a draft as approved; any process that posts from this history may then send it.

    In `review_mode` it is recorded as a draft for a person to review. Of all limits, only a pause prevents that.
    `may_queue`: also while another post may or may not exist; it is sent after that one.
    """
    outbox, voice, clock = pipeline.outbox, pipeline.voice, pipeline.clock
    waits_only_for_pauses = review_mode or (may_queue and outbox.in_flight(store))
    if why := why_paused(store, clock.now()) if waits_only_for_pauses else outbox.why_wait(store):
        return Round("waiting", slot.key, detail=why)
    choice = _choose(slot, store, pipeline)
    draft, refused = choice.draft, choice.refused
    reasons = Counter(reason.name for _, reason in refused)
    with store.atomic():
        now = clock.now()
        refusals.add(store, refused, slot=slot, dry=outbox.dry, model=voice.name, at=now)
        if draft is None:
            prompts_tried = ", ".join(repr(prompt) if prompt else "no prompt" for prompt in choice.prompts)
            detail = f"all {len(refused)} drafts were refused; prompts: {prompts_tried}"
            store.close_slot(slot, "skipped", dry=outbox.dry, detail=detail, at=now)
            return Round("skipped", slot.key, detail=detail, refused=reasons)
        post = store.add_draft(
            draft,
            slot=slot,
            norm=normalise(draft.text),
            length=weighted_length(draft.text),
            dry=outbox.dry,
            model=voice.name,
            at=now,
        )
        if not review_mode:
            store.move(post, "approved", at=now)
    detail = "waits for approval: `mynah review`" if review_mode else ""
    return Round(
        "drafted" if review_mode else "approved", slot.key, post=store.post(post), detail=detail, refused=reasons
    )


def deliver(post: Post, outbox: Outbox, store: Store, refused: Mapping[str, int] | None = None) -> Round:
    """Send an approved post, or try again."""
    sent = outbox.send(store, post)
    outcome = "waiting" if sent.post.state == "approved" else sent.post.state
    return Round(outcome, post.slot or "", post=sent.post, detail=sent.detail, refused=refused or {})


def last_said(store: Store, *, dry: bool) -> list[str]:
    """The last texts that were or may still be posted, the newest first."""
    return [post.text for post in store.newest(totals.SAID, (dry,), limit=LAST)]


def turn(key: str) -> float:
    """The length that is this slot's turn, as a share of the person's tweets; over many slots all are as common.

    Without turns, short drafts win: fewer words can be wrong in them.
    """
    return random.Random(f"length of {key}").random()


@dataclass(frozen=True, slots=True)
class _Choice:
    draft: Draft | None
    refused: list[tuple[Draft, Reason]]
    prompts: list[str]  # those that were tried


def _choose(slot: Slot, store: Store, pipeline: Pipeline) -> _Choice:
    """The best of the first drafts that pass the screen, and those that do not."""
    voice, settings, dry = pipeline.voice, pipeline.draft_settings, pipeline.outbox.dry
    screen, person = pipeline.screen(store), voice.person
    choice = _Choice(None, [], [])
    recent = prompts.recent(store, dry=dry)
    for prompt, seed in prompts.tries(slot, settings.beginnings(person), settings.shares, recent, count=settings.tries):
        choice.prompts.append(prompt)
        passed = []
        for draft in voice.draft(prompt, n=settings.candidates, seed=seed):
            if reason := screen.why_not(draft):
                choice.refused.append((draft, reason))
            else:
                passed.append(draft)
        if passed:
            best, _ = score.ranked(passed, person, last_said(store, dry=dry), turn(slot.key))[0]
            return replace(choice, draft=best)
    return choice
