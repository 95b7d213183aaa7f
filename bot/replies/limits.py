"""Blocks, age, loops and caps: the reasons in the history not to reply. A reply that may have been sent counts.

They are checked before a reply is drafted, and again in the transaction that records the intent to send it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from bot.clock import moment
from bot.history import blocks, mentions, threads
from bot.replies.sensitive import DISTRESS
from bot.text.durations import written
from bot.values import Reason
from bot.x.payloads import time_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from bot.history.mentions import StoredMention
    from bot.history.store import Store

REFUSALS = 3  # refusals in a row that suggest a problem with the replies or the account
HOLD = timedelta(days=1)
SOON = timedelta(hours=3)  # a bot answers a reply sooner; a person may ask again after that
CALM = timedelta(days=1)  # no reply to somebody who wrote in distress


@dataclass(frozen=True, slots=True)
class Limits:
    max_age: timedelta
    per_user_per_day: int
    per_conversation_per_day: int
    per_conversation: int
    per_day: int

    def why_never(self, store: Store, mention: StoredMention, now: datetime) -> Reason | None:
        """Why this mention never gets a reply. A full cap is final too: once it has room, the mention is stale."""
        return next(self._reasons(store, mention, now), None)

    def is_stale(self, mention: StoredMention, now: datetime) -> bool:
        return now - time_of(mention.id) > self.max_age

    def _reasons(self, store: Store, mention: StoredMention, now: datetime) -> Iterator[Reason]:
        if blocks.is_blocked(store, mention.author, mention.handle):
            yield Reason("blocked")
        if threads.is_closed(store, mention.conversation):
            yield Reason("closed", "somebody asked to stop there, or wrote in distress")
        if threads.wrote_lately(store, mention.author, DISTRESS, since=now - CALM):
            yield Reason("sensitive", "its author wrote in distress within a day")
        if self.is_stale(mention, now):
            yield Reason("stale", f"older than replies.max_age ({written(self.max_age)})")
        yield from self._full_caps(store, mention, now)
        if mentions.is_loop_in_thread(store, mention):
            yield Reason("loop", "nobody new has posted there since the bot's last reply")
        if mentions.is_loop_across_threads(store, mention, time_of(mention.id), within=SOON):
            yield Reason("loop", f"follows a reply in another thread within {written(SOON)}")

    def _full_caps(self, store: Store, mention: StoredMention, now: datetime) -> Iterator[Reason]:
        but = mention.id
        if mentions.count_replies(store, now, but=but) >= self.per_day:
            yield Reason("too_many_today", f"replies.per_day ({self.per_day})")
        if mentions.count_replies(store, now, but=but, author=mention.author) >= self.per_user_per_day:
            yield Reason("too_many_for_user", f"replies.per_user_per_day ({self.per_user_per_day})")
        in_conversation = mentions.count_replies(store, now, but=but, conversation=mention.conversation)
        if in_conversation >= self.per_conversation_per_day:
            most = self.per_conversation_per_day
            yield Reason("too_many_in_conversation", f"replies.per_conversation_per_day ({most})")
        if mentions.conversation_depth(store, mention.conversation, but=but) >= self.per_conversation:
            yield Reason("too_deep", f"replies.per_conversation ({self.per_conversation})")


def why_on_hold(store: Store, now: datetime) -> str | None:
    """Why no reply is sent for a day: X refused several in a row, and more would be held against the account."""
    times = mentions.refused_in_a_row(store)
    if len(times) < REFUSALS or abs(now - (last := moment(times[0]))) >= HOLD:
        return None
    return f"X refused the last {len(times)} replies: none is sent until {last + HOLD:%Y-%m-%d %H:%M} UTC"
