"""What is to do now: a parked post again, or the slot that is due. It decides when; posting.py does it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.clock import moment, stamp
from bot.posting import Round, deliver, speak

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.clock import Clock
    from bot.lookout import Lookout
    from bot.outbox import Outbox
    from bot.posting import Manner
    from bot.screen.chain import Screen
    from bot.slots import Schedule
    from bot.store import Store
    from bot.tweets import Slot
    from bot.voice import Voice

BORN = "born"  # when this history began, in the store: what was due before is nobody's backlog


class Agenda:
    def __init__(
        self,
        *,
        open_store: Callable[[], Store],  # each turn opens the store itself: SQLite stays on its thread
        voice: Voice,
        screen: Callable[[Store], Screen],
        outbox: Outbox,
        lookout: Lookout | None,  # None in a rehearsal: nothing of it can be anywhere
        schedule: Schedule,
        manner: Manner,
        clock: Clock,
    ) -> None:
        self._open_store = open_store
        self._voice = voice
        self._screen = screen
        self._outbox = outbox
        self._lookout = lookout
        self._schedule = schedule
        self._manner = manner
        self._clock = clock

    def begin(self) -> list[int]:
        """Once, before the first turn. Gives the posts that may or may not exist."""
        with self._open_store() as store:
            now, born = self._clock.now(), store.meta(BORN)
            if born is None or moment(born) > now:  # born in the future: the clock was wrong then
                store.keep_meta(BORN, stamp(now))
            return [post.id for post in self._outbox.recover(store)]

    def turn(self) -> Round | None:
        """One round, if one is due; a post that may exist is looked for first, for nothing goes out beside it."""
        with self._open_store() as store:
            self._recover(store)
            for post in store.posts_in("approved", dry=self._outbox.dry):
                return deliver(post, self._outbox, store)
            slot = self._schedule.due(self._clock.now())
            if slot is None or not self._is_open(slot, store):
                if self._lookout:  # there is time
                    self._lookout.look(store, "abandoned")
                return None
            return self._speak(slot, store)

    def speak_now(self, slot: Slot) -> Round:
        """One round in a slot of its own, whatever the schedule says; the brakes hold all the same."""
        with self._open_store() as store:
            self._recover(store)
            return self._speak(slot, store)

    def _recover(self, store: Store) -> None:
        self._outbox.recover(store)  # a round that broke off in an error may have left a post in flight
        if self._lookout:
            self._lookout.look(store, "unknown")

    def _speak(self, slot: Slot, store: Store) -> Round:
        return speak(slot, self._voice, self._screen(store), self._outbox, store, self._manner, self._clock)

    def _is_open(self, slot: Slot, store: Store) -> bool:
        born = store.meta(BORN)
        return (born is None or slot.due >= moment(born)) and store.slot_outcome(slot.key, dry=self._outbox.dry) is None
