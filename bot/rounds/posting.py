"""One round: draft, screen, choose, send, remember. It knows neither when nor where: slots and outbox do."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from bot.history import refusals
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

LAST = 20  # posts that the next one should not sound like: three days of six a day


@dataclass(frozen=True, slots=True)
class DraftSettings:
    """How to look for something to say."""

    prompts: Mapping[str, float] | Sequence[str]  # with weights; one that is there twice weighs twice as much
    candidates: int  # drafts a try
    tries: int  # each with another prompt, before the slot is skipped
    shares: Mapping[str, float] = field(default_factory=dict)  # of the kinds of prompts, see prompts.py
    topics: Callable[[], Sequence[str]] = tuple  # of the day
    unspeakable: Callable[[str], str | None] = lambda _: None  # why the person's own beginnings may not be said

    def beginnings(self, person: Person | None) -> dict[str, Mapping[str, float]]:
        """Of each kind, those that may be said."""
        openers = person.openers if person else {}
        # by the root: left to themselves, drafts begin with "The" as often as the person does
        speakable = {opener: math.sqrt(count) for opener, count in openers.items() if not self.unspeakable(opener)}
        return prompts.kinds(self.prompts, speakable, self.topics())


@dataclass(frozen=True, slots=True)
class Round:
    """What one round came to; `outcome` is the post's state (`drafted`: a person is asked), `skipped`, or `waiting`."""

    outcome: str
    slot: str
    post: Post | None = None
    detail: str = ""
    refused: Mapping[str, int] = field(default_factory=dict)  # how many drafts were turned down, by reason


def speak(
    slot: Slot,
    voice: Voice,
    screen: Screen,
    outbox: Outbox,
    store: Store,
    draft_settings: DraftSettings,
    clock: Clock,
    *,
    review_mode: bool = False,
) -> Round:
    """Say one thing in this slot, or say why not; `review_mode`: no more than write it down for a person to judge."""
    found = prepare(slot, voice, screen, outbox, store, draft_settings, clock, review_mode=review_mode)
    return deliver(found.post, outbox, store, found.refused) if found.post and not review_mode else found


def prepare(
    slot: Slot,
    voice: Voice,
    screen: Screen,
    outbox: Outbox,
    store: Store,
    draft_settings: DraftSettings,
    clock: Clock,
    *,
    review_mode: bool = False,
) -> Round:
    """Find something to say and write it down as approved: whoever speaks from this history may then send it.

    `review_mode`: it stays a draft until a person has judged it, so of all limits only a pause holds it back.
    """
    if why := why_paused(store, clock.now()) if review_mode else outbox.why_wait(store):
        return Round("waiting", slot.key, detail=why)
    found = _choose(slot, voice, screen, store, draft_settings, dry=outbox.dry)
    draft, refused = found.draft, found.refused
    reasons = Counter(reason.name for _, reason in refused)
    with store.atomic():
        now = clock.now()
        refusals.add(store, refused, slot=slot, dry=outbox.dry, model=voice.name, at=now)
        if draft is None:
            tried = ", ".join(repr(prompt) if prompt else "no prompt" for prompt in found.tried)
            detail = f"none of {len(refused)} drafts may go out; tried: {tried}"
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
    detail = "waits for a yes: `mynah review`" if review_mode else ""
    return Round(
        "drafted" if review_mode else "approved", slot.key, post=store.post(post), detail=detail, refused=reasons
    )


def deliver(post: Post, outbox: Outbox, store: Store, refused: Mapping[str, int] | None = None) -> Round:
    """Send an approved post, now or again."""
    sent = outbox.send(store, post)
    outcome = "waiting" if sent.post.state == "approved" else sent.post.state
    return Round(outcome, post.slot or "", post=sent.post, detail=sent.detail, refused=refused or {})


def last_said(store: Store, *, dry: bool) -> list[str]:
    """The last texts that went out or may yet, the newest first."""
    rows = store.rows(
        "SELECT text FROM post WHERE dry = :dry AND state NOT IN ('rejected', 'expired', 'refused') "
        "ORDER BY id DESC LIMIT :last",
        {"dry": dry, "last": LAST},
    )
    return [row["text"] for row in rows]


@dataclass(frozen=True, slots=True)
class _Found:
    draft: Draft | None
    refused: list[tuple[Draft, Reason]]
    tried: list[str]  # prompts


def _choose(
    slot: Slot, voice: Voice, screen: Screen, store: Store, draft_settings: DraftSettings, *, dry: bool
) -> _Found:
    """The best of the first drafts that the screen lets through, and those that it turned down."""
    found = _Found(None, [], [])
    person = voice.person
    begins = draft_settings.beginnings(person)
    recent = prompts.recent(store, dry=dry)
    for prompt, seed in prompts.tries(slot, begins, draft_settings.shares, recent, count=draft_settings.tries):
        found.tried.append(prompt)
        passed = []
        for draft in voice.draft(prompt, n=draft_settings.candidates, seed=seed):
            if reason := screen.why_not(draft):
                found.refused.append((draft, reason))
            else:
                passed.append(draft)
        if passed:
            best, _ = score.ranked(passed, person, last_said(store, dry=dry))[0]
            return replace(found, draft=best)
    return found
