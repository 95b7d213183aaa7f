"""The world of the simulated year: a clock that jumps, an X that fails, and a record of every broken rule.

True time is a number of seconds. The bot sees it through a wall clock, which may be wrong, and a monotonic clock, which
stops while the machine sleeps. X sees everything that the bot does and records each broken rule.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from bot.errors import Unknown
from bot.sending.budget import Prices
from bot.values import Draft, Receipt, Timeline
from bot.x.payloads import Account, id_at
from bot.x.responses import Answer, no_answer, why_not

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.errors import XError
    from bot.sending.outbox import Brakes

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LAG = 60.0  # seconds until a post is in its author's timeline
HALTS = {  # responses that halt the bot
    "credits": (402, {"title": "CreditsDepleted", "detail": "no credits"}),
    "revoked": (401, {"title": "Unauthorized", "detail": "Unauthorized"}),
    "locked": (403, {"errors": [{"code": 326, "message": "this account is locked"}]}),
}
FAILURES = {"down": (503, None), "limited": (429, {"title": "Too Many Requests"})}
OUTAGES = ("unreachable", "silent", *FAILURES, *HALTS)
WORDS = ("rain", "soup", "bell", "crumb", "clock", "train", "hat", "bench", "roof", "piano", "pigeon", "whistle")


class Crash(BaseException):
    """The process ends, between one instruction and the next."""


class Clock:
    """The bot's clocks; `true` is not changed by a step of the wall clock."""

    def __init__(self, began: datetime) -> None:
        self._began = began
        self.true = 0.0
        self.wrong = timedelta(0)  # how far the wall clock is from the truth
        self.asleep = 0.0

    def now(self) -> datetime:
        return self.truth() + self.wrong

    def truth(self) -> datetime:
        return self._began + timedelta(seconds=self.true)

    def monotonic(self) -> float:
        return self.true - self.asleep


class Voice:
    """The same text for the same seed, as a model."""

    name = "words"
    person = None

    def draft(self, prompt: str, *, n: int, seed: int, author: str | None = None) -> list[Draft]:
        rng = random.Random(seed)
        return [Draft(" ".join(rng.choices(WORDS, k=9)) + ".", prompt, seed) for _ in range(n)]

    def log_likelihoods(self, texts: Sequence[str], *, given: str = "") -> list[float]:
        return [-1.0] * len(texts)

    def copied(self, _: str) -> str:
        return ""

    languages: tuple[str, ...] = ()

    def foreign(self, _: str) -> str:
        return ""


@dataclass(frozen=True)
class MadePost:
    """A post that X made: its time by the bot's clocks and by the true one, and the process that sent it."""

    id: str
    text: str
    wall: datetime
    mono: float
    process: int
    true: float


class X:
    """The account: makes posts, loses responses, fails for hours, and checks each post against the limits."""

    def __init__(self, clock: Clock, brakes: Brakes, rng: random.Random, *, price: int, strict: bool) -> None:
        self._clock = clock
        self._brakes = brakes
        self._rng = rng
        self._price = price
        self._strict = strict  # refuses requests signed by a clock that is off by more than five minutes
        self.outage = ""
        self.process = 0
        self.crashes = True
        self.posts: list[MadePost] = []
        self.attempts: list[datetime] = []  # by the bot's clock: attempts to post that succeeded or may have
        self.reads: list[tuple[datetime, int]] = []  # times by the same clock, and costs
        self.broken: Counter[str] = Counter()
        self.messages: list[str] = []
        self.requests = 0

    def post(self, text: str, *, reply_to: str | None = None, without: Sequence[str] = ()) -> Receipt:
        self.requests += 1
        if self.crashes and self._rng.random() < 0.02:  # the intent is stored, and nothing was sent
            self.attempts.append(self._clock.now())
            raise Crash
        if error := self._failure("POST", "/2/tweets"):
            raise error
        fate = self._rng.random()
        if fate < 0.02:  # a lost response; half of these posts are made
            self.attempts.append(self._clock.now())
            if fate < 0.01:
                self._create(text)
            raise self._lost()
        if fate < 0.03:
            raise self._answer(503, None, "POST", "/2/tweets")
        self.attempts.append(self._clock.now())
        receipt = self._create(text)
        if self.crashes and self._rng.random() < 0.02:  # X has the post, and the history does not know
            raise Crash
        return receipt

    def me(self) -> Account:
        if error := self._failure("GET", "/2/users/me"):
            raise error
        self.reads.append((self._clock.now(), Prices().account))
        return Account("1", "words", "Words")

    def own_posts(self, account_id: str, *, since_id: str | None = None, limit: int = 5) -> Timeline:
        if error := self._failure("GET", "/2/users/1/tweets"):
            raise error
        newest = self._clock.true - LAG
        recent = [
            post for post in reversed(self.posts[-500:]) if int(post.id) > int(since_id or 0) and post.true <= newest
        ]
        self.reads.append((self._clock.now(), Prices().own * len(recent[:limit])))
        return Timeline(tuple(Receipt(post.id, post.text) for post in recent[:limit]), whole=len(recent) <= limit)

    def _create(self, text: str) -> Receipt:
        now = MadePost(
            str(id_at(self._clock.truth()) + len(self.posts)),
            text,
            self._clock.now(),
            self._clock.monotonic(),
            self.process,
            self._clock.true,
        )
        self._compare(now)
        self.posts.append(now)
        return Receipt(now.id, text)

    def _compare(self, new: MadePost) -> None:
        """Check a new post against all others, by the bot's clocks."""
        gap = self._brakes.min_gap
        for post in self.posts[-2:]:
            if post.process == new.process and new.mono - post.mono < gap.total_seconds():
                self.breaks("gap", f"{new.mono - post.mono:.0f} s after another, in one process")
        near = [abs(new.wall - post.wall) for post in self.posts]
        if near and min(near) < gap:
            self.breaks("gap", f"{min(near)} from another by the wall clock")
        for span, most in ((HOUR, self._brakes.per_hour), (DAY, self._brakes.per_day)):
            if sum(one < span for one in near) >= most:
                self.breaks("cap", f"{most + 1} in {span} at {new.wall}")
        today = sum(post.wall.date() == new.wall.date() for post in self.posts) + 1
        month = sum(f"{post.wall:%Y%m}" == f"{new.wall:%Y%m}" for post in self.posts) + 1
        if today * self._price > self._brakes.caps.per_day or month * self._price > self._brakes.caps.per_month:
            self.breaks("budget", f"{today} today, {month} this month")
        if new.text in {post.text for post in self.posts}:
            self.breaks("doubled", new.text)

    def breaks(self, what: str, how: str) -> None:
        self.broken[what] += 1
        if len(self.messages) < 20:
            self.messages.append(f"{what}: {how} ({self._clock.truth():%Y-%m-%d %H:%M}, off by {self._clock.wrong})")

    def _failure(self, method: str, path: str) -> XError | None:
        if self.outage in HALTS:
            return self._answer(*HALTS[self.outage], method, path)
        if self.outage in FAILURES:
            return self._answer(*FAILURES[self.outage], method, path)
        if self.outage:
            is_sent = self.outage == "silent"
            if is_sent and method == "POST":
                self.attempts.append(self._clock.now())
            return no_answer("timeout", method=method, path=path, sent=is_sent)
        if self._strict and abs(self._clock.wrong) > timedelta(minutes=5):
            return self._answer(401, {"title": "Unauthorized"}, method, path)
        return None

    def _answer(self, status: int, body: Any, method: str, path: str) -> XError:
        error = why_not(Answer(status, {}, body), method=method, path=path, now=self._clock.now())
        assert error is not None
        if isinstance(error, Unknown):
            self.attempts.append(self._clock.now())
        return error

    def _lost(self) -> XError:
        return no_answer("connection reset", method="POST", path="/2/tweets", sent=True)


def changes(zone: str, year: int) -> list[datetime]:
    """The days of that year on which the clocks of a zone are changed."""
    days = [datetime(year, 1, 1, tzinfo=UTC) + number * DAY for number in range(365)]
    here = ZoneInfo(zone)
    return [day for day in days if day.astimezone(here).utcoffset() != (day + DAY).astimezone(here).utcoffset()]
