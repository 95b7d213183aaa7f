"""The people who mention the bot that is killed, and what must be true of their mentions at all times and at the end.

`LACKS` are the controls, bots without one of the safeguards of replying: if the counts do not show their faults, the
counts show nothing.
"""

from __future__ import annotations

import json
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from bot.history import store
from bot.replies import polling
from bot.sending import outbox
from tests.fake_x.state import newcomer
from tests.trials.killing_x import call, said

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from bot.history.store import Store
    from bot.values import Mentions, Post
    from tests.trials.killing_x import Said, Server

ME = newcomer()
FIRST = 10**9  # the number of the first caller
STOP = 0.25  # how many of the calls ask the bot to stop; some call again, and are answered no more
CROWD = 0.1  # how often several call at once, which is more than a page


class Ask(Protocol):
    def __call__(self, what: str, *values: object) -> list[Any]: ...


class Callers:
    def __init__(self, server: Server, folder: Path, chance: random.Random) -> None:
        self._server = server
        self._folder = folder
        self._chance = chance
        self._called = 0
        self._handled: dict[str, str] = {}  # the verdicts, as long as the history kept them
        self._passed_over: set[str] = set()
        self._unintended: set[str] = set()

    def some(self) -> None:
        """None, one, or a crowd of them."""
        for _ in range(7 if self._chance.random() < CROWD else self._chance.randint(0, 1)):
            self.one(may_stop=True)

    def one(self, *, may_stop: bool = False) -> None:
        number = FIRST + self._called
        if may_stop:
            number = FIRST + self._chance.randrange(self._called // 3 + 8)
        wish = "stop" if may_stop and self._chance.random() < STOP else f"what of number {self._called}?"
        self._called += 1
        call(self._server, number, f"@{ME.handle} {wish}")

    def look(self, ask: Ask) -> None:
        """What must hold whenever nobody lives. Verdicts are noted here, for the history forgets them after a while."""
        since = [json.loads(value)["since"] for (value,) in ask("value FROM meta WHERE key = ?", polling.CURSOR)]
        verdicts = dict(ask("id, verdict FROM mention"))
        self._handled |= {number: verdict for number, verdict in verdicts.items() if verdict}
        known = verdicts.keys() | self._handled.keys()
        there = said(self._folder)
        self._passed_over |= {
            each.id for each in _calls(there) if since and int(each.id) <= int(since[0] or 0) and each.id not in known
        }
        rows = ask("text FROM post WHERE state IN ('sending', 'unknown', 'posted', 'abandoned')")
        self._unintended |= {each.text for each in there if each.by == ME.id}.difference(text for (text,) in rows)

    def left(self) -> int:
        """How many calls may yet get their verdict: nobody comes back to one that was passed over."""
        settled = self._handled.keys() | self._passed_over
        return sum(each.id not in settled for each in _calls(said(self._folder)))

    def count(self, ask: Ask) -> dict[str, Any]:
        there = said(self._folder)
        calls = {each.id: each for each in _calls(there)}
        answers = Counter(each.to for each in there if each.by == ME.id and each.to)
        written = {number for (number,) in ask("reply_to FROM post WHERE reply_to IS NOT NULL")}
        blocked = dict(ask("user, at FROM block"))
        silent = {each.id: blocked[each.by] for each in calls.values() if each.by in blocked}  # and since when
        sent = ask("reply_to, sent_at FROM post WHERE kind = 'reply' AND sent_at IS NOT NULL")
        stops = {each.by for each in calls.values() if each.text.endswith(" stop")}
        return {
            "calls": len(calls),
            "verdicts": dict(sorted(Counter(self._handled.values()).items())),
            "answers_on_server": answers.total(),
            "answered_twice": answers.total() - len(answers),
            "answered_uncalled": len(answers.keys() - calls.keys()),
            "answered_after_a_stop": sum(to in silent and at > silent[to] for to, at in sent),
            "stops_unheard": len(stops - blocked.keys()),
            "calls_lost": len(calls.keys() - self._handled.keys()),
            "calls_before_the_watermark": len(self._passed_over),
            "answered_in_name_only": len(_answered(self._handled) - written),
            "sent_without_intent": len(self._unintended),
        }


def _calls(there: list[Said]) -> Iterator[Said]:
    return (each for each in there if each.by != ME.id)


def _answered(verdicts: dict[str, str]) -> set[str]:
    return {number for number, verdict in verdicts.items() if verdict == "answered"}


# Bots that lack something


def _sends_again() -> None:
    """What was being sent is taken for not sent, as with a job that is tried again."""

    def recover(self: outbox.Outbox, store: Store) -> list[Post]:
        for post in store.posts_in("sending", dry=self.dry):
            store.move(post.id, "approved", at=self._clock.now())
        return store.posts_in("unknown", dry=self.dry)

    outbox.Outbox.recover = recover  # type: ignore[method-assign]


def _remembers_first() -> None:
    """How far it has read is on the disk before what it has read."""
    take = polling.MentionPoller._take

    def hasty(
        self: polling.MentionPoller, store: Store, mark: polling.Cursor, page: Mentions, *more: Any
    ) -> polling.Cursor:
        if page.items:
            newest = max(int(mention.id) for mention in page.items)
            polling.keep(store, replace(mark, since=str(max(newest, int(mark.since or 0)))))
        return take(self, store, mark, page, *more)

    polling.MentionPoller._take = hasty  # type: ignore[method-assign,assignment]


def _commits_each() -> None:
    """Every write is a commit of its own."""

    @contextmanager
    def atomic(_: Store) -> Iterator[None]:
        yield

    store.Store.atomic = atomic  # type: ignore[method-assign,assignment]


LACKS: dict[str, Callable[[], None]] = {
    "intent": _sends_again,
    "watermark": _remembers_first,
    "transactions": _commits_each,
}
