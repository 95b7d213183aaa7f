"""The users who mention the bot of the kill trial, and what must hold for their mentions at all times and at the end.

`LACKS` are the controls: bots without one of the safeguards of replying, whose faults the counts must show.
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
from tests.trials.killing_x import all_posts, call

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from bot.history.store import Store
    from bot.values import Mentions, Post
    from tests.trials.killing_x import Server, ServerPost

ME = newcomer()
FIRST = 10**9  # the number of the first user
STOP = 0.25  # share of the mentions that ask the bot to stop; these users may mention it again
CROWD = 0.1  # how often more users mention it at once than fit on a page


class Query(Protocol):
    def __call__(self, select: str, *values: object) -> list[Any]: ...


class Callers:
    def __init__(self, server: Server, folder: Path, chance: random.Random) -> None:
        self._server = server
        self._folder = folder
        self._rng = chance
        self._mentioned = 0
        self._verdicts: dict[str, str] = {}  # seen in the history, which deletes old ones
        self._skipped: set[str] = set()
        self._unintended: set[str] = set()

    def mention_sometimes(self) -> None:
        """No mention, one, or a crowd."""
        for _ in range(7 if self._rng.random() < CROWD else self._rng.randint(0, 1)):
            self.mention(may_stop=True)

    def mention(self, *, may_stop: bool = False) -> None:
        number = FIRST + self._mentioned
        if may_stop:
            number = FIRST + self._rng.randrange(self._mentioned // 3 + 8)
        request = "stop" if may_stop and self._rng.random() < STOP else f"what of number {self._mentioned}?"
        self._mentioned += 1
        call(self._server, number, f"@{ME.handle} {request}")

    def observe(self, query: Query) -> None:
        """What must hold while no process runs. Verdicts are kept here, since the history deletes old ones."""
        since = [json.loads(value)["since"] for (value,) in query("value FROM meta WHERE key = ?", polling.CURSOR)]
        verdicts = dict(query("id, verdict FROM mention"))
        self._verdicts |= {number: verdict for number, verdict in verdicts.items() if verdict}
        known = verdicts.keys() | self._verdicts.keys()
        server_posts = all_posts(self._folder)
        self._skipped |= {
            post.id
            for post in _calls(server_posts)
            if since and int(post.id) <= int(since[0] or 0) and post.id not in known
        }
        rows = query("text FROM post WHERE state IN ('sending', 'unknown', 'posted', 'abandoned')")
        self._unintended |= {post.text for post in server_posts if post.by == ME.id}.difference(
            text for (text,) in rows
        )

    def waiting(self) -> int:
        """The number of mentions that may still get a verdict; the bot never returns to a skipped one."""
        settled = self._verdicts.keys() | self._skipped
        return sum(post.id not in settled for post in _calls(all_posts(self._folder)))

    def count(self, query: Query) -> dict[str, Any]:
        server_posts = all_posts(self._folder)
        calls = {post.id: post for post in _calls(server_posts)}
        answers = Counter(post.to for post in server_posts if post.by == ME.id and post.to)
        replied_to = {number for (number,) in query("reply_to FROM post WHERE reply_to IS NOT NULL")}
        blocked = dict(query("user, at FROM block"))
        silent = {post.id: blocked[post.by] for post in calls.values() if post.by in blocked}  # since when, by mention
        sent = query("reply_to, sent_at FROM post WHERE kind = 'reply' AND sent_at IS NOT NULL")
        stops = {post.by for post in calls.values() if post.text.endswith(" stop")}
        return {
            "mentions": len(calls),
            "verdicts": dict(sorted(Counter(self._verdicts.values()).items())),
            "replies_on_server": answers.total(),
            "replied_twice": answers.total() - len(answers),
            "replies_without_mention": len(answers.keys() - calls.keys()),
            "replies_after_stop": sum(to in silent and at > silent[to] for to, at in sent),
            "stops_missed": len(stops - blocked.keys()),
            "mentions_lost": len(calls.keys() - self._verdicts.keys()),
            "mentions_skipped": len(self._skipped),
            "verdicts_without_reply": len(_with_verdict_answered(self._verdicts) - replied_to),
            "sent_without_intent": len(self._unintended),
        }


def _calls(server_posts: list[ServerPost]) -> Iterator[ServerPost]:
    return (post for post in server_posts if post.by != ME.id)


def _with_verdict_answered(verdicts: dict[str, str]) -> set[str]:
    return {number for number, verdict in verdicts.items() if verdict == "answered"}


# The controls


def _resends() -> None:
    """Posts in `sending` are sent again, as by a job queue that retries."""

    def recover(self: outbox.Outbox, store: Store) -> list[Post]:
        for post in store.posts_in("sending", dry=self.dry):
            store.move(post.id, "approved", at=self._clock.now())
        return store.posts_in("unknown", dry=self.dry)

    outbox.Outbox.recover = recover  # type: ignore[method-assign]


def _moves_watermark_first() -> None:
    """The watermark is stored before the mentions."""
    take = polling.MentionPoller._take

    def take_after_watermark(
        self: polling.MentionPoller, store: Store, mark: polling.Cursor, page: Mentions, *more: Any
    ) -> polling.Cursor:
        if page.items:
            newest = max(int(mention.id) for mention in page.items)
            polling.keep(store, replace(mark, since=str(max(newest, int(mark.since or 0)))))
        return take(self, store, mark, page, *more)

    polling.MentionPoller._take = take_after_watermark  # type: ignore[method-assign,assignment]


def _without_transactions() -> None:
    """Each write is its own transaction."""

    @contextmanager
    def atomic(_: Store) -> Iterator[None]:
        yield

    store.Store.atomic = atomic  # type: ignore[method-assign,assignment]


LACKS: dict[str, Callable[[], None]] = {
    "intent": _resends,
    "watermark": _moves_watermark_first,
    "transactions": _without_transactions,
}
