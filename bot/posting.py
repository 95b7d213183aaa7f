"""One round: draft, screen, choose, send, remember. It knows neither when nor where: slots and outbox do."""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bot import refusals
from bot.screen.length import weighted_length
from bot.screen.repeats import normalised

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bot.clock import Clock
    from bot.outbox import Outbox
    from bot.screen.chain import Screen
    from bot.store import Store
    from bot.tweets import Draft, Post, Reason, Slot
    from bot.voice import Voice


@dataclass(frozen=True, slots=True)
class Manner:
    """How to look for something to say."""

    prompts: Sequence[str]  # one that is there twice comes twice as often
    candidates: int  # drafts a try
    tries: int  # each with another prompt, before the slot is skipped


@dataclass(frozen=True, slots=True)
class Round:
    """What one round came to; `outcome` is the post's state, `skipped`, or `waiting`."""

    outcome: str
    slot: str
    post: Post | None = None
    detail: str = ""
    refused: Mapping[str, int] = field(default_factory=dict)  # how many drafts were turned down, by reason


def speak(
    slot: Slot, voice: Voice, screen: Screen, outbox: Outbox, store: Store, manner: Manner, clock: Clock
) -> Round:
    """Say one thing in this slot, or say why not."""
    found = prepare(slot, voice, screen, outbox, store, manner, clock)
    return deliver(found.post, outbox, store, found.refused) if found.post else found


def prepare(
    slot: Slot, voice: Voice, screen: Screen, outbox: Outbox, store: Store, manner: Manner, clock: Clock
) -> Round:
    """Find something to say and write it down as approved: whoever speaks from this history may then send it."""
    if why := outbox.why_wait(store):
        return Round("waiting", slot.key, detail=why)
    draft, refused = _choose(slot, voice, screen, manner)
    reasons = Counter(reason.name for _, reason in refused)
    with store.atomic():
        now = clock.now()
        refusals.add(store, refused, slot=slot, dry=outbox.dry, model=voice.name, at=now)
        if draft is None:
            detail = f"none of {len(refused)} drafts may go out"
            store.close_slot(slot, "skipped", dry=outbox.dry, detail=detail, at=now)
            return Round("skipped", slot.key, detail=detail, refused=reasons)
        post = store.add_draft(
            draft,
            slot=slot,
            norm=normalised(draft.text),
            length=weighted_length(draft.text),
            dry=outbox.dry,
            model=voice.name,
            at=now,
        )
        store.move(post, "approved", at=now)
    return Round("approved", slot.key, post=store.post(post), refused=reasons)


def deliver(post: Post, outbox: Outbox, store: Store, refused: Mapping[str, int] | None = None) -> Round:
    """Send an approved post, now or again."""
    sent = outbox.send(store, post)
    outcome = "waiting" if sent.post.state == "approved" else sent.post.state
    return Round(outcome, post.slot or "", post=sent.post, detail=sent.detail, refused=refused or {})


def _choose(
    slot: Slot, voice: Voice, screen: Screen, manner: Manner
) -> tuple[Draft | None, list[tuple[Draft, Reason]]]:
    """The likeliest of the first drafts that the screen lets through, and those that it turned down.

    Not the first: of eight drafts of a small model the likeliest is the one that can be read, and copies are refused.
    """
    refused: list[tuple[Draft, Reason]] = []
    for prompt, seed in _tries(slot, manner):
        passed = []
        for draft in voice.draft(prompt, n=manner.candidates, seed=seed):
            if reason := screen.why_not(draft):
                refused.append((draft, reason))
            else:
                passed.append(draft)
        if passed:
            return max(passed, key=lambda draft: draft.likelihood), refused
    return None, refused


def _tries(slot: Slot, manner: Manner) -> Iterator[tuple[str, int]]:
    """Prompts and seeds as a function of the slot: a round cut short begins again with the same drafts."""
    seed = int.from_bytes(hashlib.sha256(slot.key.encode()).digest()[:4], "big")
    prompts = random.Random(seed).sample(manner.prompts, k=len(manner.prompts))
    for number in range(manner.tries):
        yield prompts[number % len(prompts)], (seed + number) % 2**32
