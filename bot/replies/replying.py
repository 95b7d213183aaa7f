"""Answers mentions: at most one reply a turn, and none while another post is in flight.

polling.py reads the mentions, eligibility.py and limits.py have the rules, drafting.py drafts the reply. The outbox
sends it and the reconciler looks up a lost one, as with every post.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.history import mentions
from bot.replies.drafting import choose
from bot.replies.limits import why_on_hold
from bot.sending.budget import dollars
from bot.sending.pause import why_paused
from bot.text.length import weighted_length
from bot.text.normalise import normalise
from bot.values import Slot
from bot.x.payloads import time_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from structlog.stdlib import BoundLogger

    from bot.history.mentions import StoredMention
    from bot.history.store import Store
    from bot.replies.limits import Limits
    from bot.replies.polling import MentionPoller
    from bot.rounds.posting import Pipeline
    from bot.values import Post

LAST = 20  # texts whose words a reply should not repeat


@dataclass(frozen=True, slots=True)
class ReplySettings:
    limits: Limits
    listen: bool  # whether the words of a mention choose among the drafts
    review_mode: bool  # a person approves each reply before it is sent


class Replier:
    def __init__(
        self,
        pipeline: Pipeline,
        poller: MentionPoller,
        settings: ReplySettings,
        *,
        open_store: Callable[[], Store],
        log: BoundLogger,
    ) -> None:
        self._pipeline = pipeline
        self._voice = pipeline.voice
        self._outbox = pipeline.outbox
        self._clock = pipeline.clock
        self._poller = poller
        self._limits = settings.limits
        self._settings = settings
        self._open_store = open_store
        self._log = log
        self._last_reason = ""

    def turn(self) -> None:
        """Read new mentions, then send an approved reply, or else answer the oldest mention."""
        with self._open_store() as store:
            self._pass_over_stale(store)
            why = self._go_on(store)
            if why and why != self._last_reason:
                self._log.info("replies.waiting", detail=why)
            self._last_reason = why or ""

    def _go_on(self, store: Store) -> str | None:
        """Returns why mentions have to wait, if they do.

        While nothing may be sent, nothing is read either: reading costs money, and mentions grow stale.
        """
        now = self._clock.now()
        if why := why_paused(store, now) or why_on_hold(store, now):
            return why
        is_read = self._poller.read(store)
        approved = next((post for post in store.posts_in("approved", dry=False) if post.kind == "reply"), None)
        if approved:
            return self._send(store, approved, {})
        return self._answer_oldest(store) if is_read else None

    def _pass_over_stale(self, store: Store) -> None:
        """Close stale mentions, even during a pause: their text is kept only as long as they may be answered."""
        now = self._clock.now()
        for mention in mentions.waiting(store):
            if not self._limits.is_stale(mention, now):
                return  # the oldest come first
            if reason := self._limits.why_never(store, mention, now):
                self._pass_over(store, mention, reason.name, reason.detail, now)

    def _pass_over(self, store: Store, mention: StoredMention, why: str, detail: str, at: datetime) -> None:
        mentions.decide(store, mention.id, why, detail, at=at)
        self._log.info("mention.passed_over", mention=mention.id, why=why, detail=detail)

    def _answer_oldest(self, store: Store) -> str | None:
        for mention in mentions.waiting(store):
            now = self._clock.now()
            if reason := self._limits.why_never(store, mention, now):
                self._pass_over(store, mention, reason.name, reason.detail, now)
            elif not self._settings.review_mode and (why := self._outbox.why_no_reply(store)):
                return why
            else:
                return self._answer(store, mention)
        return None

    def _answer(self, store: Store, mention: StoredMention) -> str | None:
        last = [post.text for post in store.history(dry=False, limit=LAST)]
        screen = self._pipeline.screen(store)
        text = mention.words if self._settings.listen else None
        slot = Slot(mention.id, time_of(mention.id))
        draft, refused = choose(slot, self._voice, screen, self._pipeline.draft_settings, last, mention=text)
        reasons = Counter(reason.name for _, reason in refused)
        with store.atomic():
            now = self._clock.now()
            if draft is None:
                detail = f"all {len(refused)} drafts were refused"
                mentions.decide(store, mention.id, "speechless", detail, at=now)
                self._log.info("mention.passed_over", mention=mention.id, why="speechless", refused=dict(reasons))
                return None
            post = mentions.add_reply(
                store,
                mention.id,
                draft,
                norm=normalise(draft.text),
                length=weighted_length(draft.text),
                model=self._voice.name,
                at=now,
            )
            if post is None:  # blocked or forgotten while the drafts were made
                return None
            if not self._settings.review_mode:
                store.move(post, "approved", at=now)
        if self._settings.review_mode:
            self._log.info("reply.ended", mention=mention.id, outcome="drafted", post=post, text=draft.text)
            return None
        return self._send(store, store.post(post), reasons)

    def _send(self, store: Store, post: Post, reasons: Counter[str] | dict[str, int]) -> str | None:
        sent = self._outbox.send(store, post)
        if sent.post.state == "approved":
            return sent.detail
        self._log.info(
            "reply.ended",
            mention=post.reply_to,
            outcome=sent.post.state,
            post=post.id,
            text=post.text,
            cost=dollars(sent.post.cost),
            x_id=sent.post.x_id,
            refused=dict(reasons),
            detail=sent.detail,
        )
        return None
