"""What is to do now: a parked post again, or the slot that is due. It decides when; posting.py does it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from bot.clock import moment, stamp, why_doubted
from bot.rounds.posting import Round, deliver, speak

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.history.review import ReviewQueue
    from bot.history.store import Store
    from bot.rounds.posting import Pipeline
    from bot.rounds.slots import Schedule
    from bot.sending.reconcile import Reconciler
    from bot.values import Slot

BORN = "born"  # when this history began, in the store: what was due before is nobody's backlog


class Replier(Protocol):
    """Answers mentions; `bot.replies` has it, a floor above."""

    def turn(self) -> None: ...


class Agenda:
    def __init__(
        self,
        pipeline: Pipeline,
        schedule: Schedule,
        *,
        open_store: Callable[[], Store],  # each turn opens the store itself: SQLite stays on its thread
        reconciler: Reconciler | None = None,  # None in a dry run: nothing of it can be on X
        queue: ReviewQueue | None = None,  # None: no draft waits for a review
        replier: Replier | None = None,  # None: no mention is answered
    ) -> None:
        self._pipeline = pipeline
        self._outbox = pipeline.outbox
        self._clock = pipeline.clock
        self._schedule = schedule
        self._open_store = open_store
        self._reconciler = reconciler
        self._queue = queue
        self._replier = replier

    def begin(self) -> list[int]:
        """Once, before the first turn. Gives the posts that may or may not exist."""
        with self._open_store() as store:
            now, born = self._clock.now(), store.meta(BORN)
            if born is None or (moment(born) > now and not why_doubted(now)):  # in the future: the clock was wrong then
                store.keep_meta(BORN, stamp(now))
            return [post.id for post in self._outbox.recover(store)]

    def turn(self) -> Round | None:
        """One round, if one is due; a post that may exist is looked for first, for nothing goes out beside it."""
        with self._open_store() as store:
            self._recover(store)
            parked = self._send_approved(store)
            if parked and not self._goes_on_after(parked):
                return parked
            slot = self._schedule.due(self._clock.now())
            if slot is None or not self._is_open(slot, store):
                if self._reconciler:  # there is time
                    self._reconciler.look(store, "abandoned")
                return parked
            return self._speak(slot, store)

    def answer(self) -> None:
        """After the turn, so that no crowd of mentions delays a post by more than one answer."""
        if self._replier:
            self._replier.turn()

    def speak_now(self, slot: Slot) -> Round:
        """One round whatever the schedule says, for what waits or in this slot; the brakes hold all the same."""
        with self._open_store() as store:
            self._recover(store)
            parked = self._send_approved(store)
            while parked and parked.outcome == "expired":
                parked = self._send_approved(store)
            return parked if parked and not self._goes_on_after(parked) else self._speak(slot, store)

    def _send_approved(self, store: Store) -> Round | None:
        """The oldest that may go out, by its own leave or a person's; its brakes are those of all behind it."""
        for post in store.posts_in("approved", dry=self._outbox.dry):
            if post.kind == "post":  # a reply that waits holds up no post
                return deliver(post, self._outbox, store)
        return None

    def _goes_on_after(self, parked: Round) -> bool:
        """Several with a person's yes may wait for hours; new drafts are made for that person all the same."""
        return parked.outcome == "waiting" and self._review_mode

    @property
    def _review_mode(self) -> bool:
        return self._queue is not None and self._queue.review_mode

    def _recover(self, store: Store) -> None:
        self._outbox.recover(store)  # a round that broke off in an error may have left a post in flight
        if self._reconciler:
            self._reconciler.look(store, "unknown")
        if self._queue:
            self._queue.sweep(store, dry=self._outbox.dry)

    def _speak(self, slot: Slot, store: Store) -> Round:
        dry = self._outbox.dry
        if self._queue and self._queue.review_mode and (full := self._queue.why_full(store, dry=dry)):
            store.close_slot(slot, "skipped", dry=dry, detail=full, at=self._clock.now())
            return Round("skipped", slot.key, detail=full)
        return speak(slot, store, self._pipeline, review_mode=self._review_mode)

    def _is_open(self, slot: Slot, store: Store) -> bool:
        born = store.meta(BORN)
        is_ours = born is None or slot.due >= moment(born) or moment(born) > self._clock.now()  # begun by a wrong clock
        return is_ours and store.slot_outcome(slot.key, dry=self._outbox.dry) is None
