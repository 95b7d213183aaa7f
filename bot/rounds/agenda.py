"""What a turn does: send an approved post that waits, or post in the slot that is due. posting.py does the posting."""

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

BORN = "born"  # key in the store's meta table: when the history began; slots from before are not caught up on


class Replier(Protocol):
    """Answers mentions. Implemented in `bot.replies`, which this folder may not import."""

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
        """Call this once, before the first turn. Returns the ids of the posts that may or may not exist."""
        with self._open_store() as store:
            now, born = self._clock.now(), store.meta(BORN)
            if born is None or (moment(born) > now and not why_doubted(now)):  # the clock was ahead then
                store.keep_meta(BORN, stamp(now))
            return [post.id for post in self._outbox.recover(store)]

    def turn(self) -> Round | None:
        """One round, if one is due. A post that may exist is looked up first: until then nothing else is sent."""
        with self._open_store() as store:
            self._recover(store)
            parked = self._send_approved(store)
            if parked and not self._continues_after(parked):
                return parked
            slot = self._schedule.due(self._clock.now())
            if slot is None or not self._is_open(slot, store):
                if self._reconciler:  # nothing is due, so there is time for late lookups
                    self._reconciler.look_up(store, "abandoned")
                return parked
            return self._speak(slot, store)

    def answer(self) -> None:
        """Send at most one reply. Call this after `turn`, so that many mentions delay a post by at most one reply."""
        if self._replier:
            self._replier.turn()

    def speak_now(self, slot: Slot) -> Round:
        """One round outside the schedule: an approved post that waits, or a post in this slot. All limits apply."""
        with self._open_store() as store:
            self._recover(store)
            parked = self._send_approved(store)
            while parked and parked.outcome == "expired":
                parked = self._send_approved(store)
            return parked if parked and not self._continues_after(parked) else self._speak(slot, store)

    def _send_approved(self, store: Store) -> Round | None:
        """Send the oldest approved post; if it has to wait, so do all behind it."""
        for post in store.posts_in("approved", dry=self._outbox.dry):
            if post.kind == "post":  # replies are sent in `answer`
                return deliver(post, self._outbox, store)
        return None

    def _continues_after(self, parked: Round) -> bool:
        """Whether to go on to the due slot: in review mode, new drafts are made while approved posts wait for hours."""
        return parked.outcome == "waiting" and self._review_mode

    @property
    def _review_mode(self) -> bool:
        return self._queue is not None and self._queue.review_mode

    def _recover(self, store: Store) -> None:
        self._outbox.recover(store)  # an error may have ended a round with a post in flight
        if self._reconciler:
            self._reconciler.look_up(store, "unknown")
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
        # A beginning in the future was recorded by a wrong clock, so it does not count.
        is_after = born is None or slot.due >= moment(born) or moment(born) > self._clock.now()
        return is_after and store.slot_outcome(slot.key, dry=self._outbox.dry) is None
