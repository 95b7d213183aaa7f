"""Fakes with the real signatures: a clock that is set by hand, a voice and a publisher with scripted results."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from bot.values import Draft, Receipt

if TYPE_CHECKING:
    from bot.errors import XError

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


class FakeClock:
    def __init__(self, now: datetime = NOON) -> None:
        self.wall = now
        self.mono = 1000.0

    def now(self) -> datetime:
        return self.wall

    def monotonic(self) -> float:
        return self.mono

    def passes(self, span: timedelta) -> None:
        self.wall += span
        self.mono += span.total_seconds()

    def is_set(self, wall: datetime) -> None:
        """Set the wall clock; no time passes."""
        self.wall = wall


class FakeVoice:
    """Returns its texts in order, `n` a call, the first one the likeliest, and records the calls."""

    name = "fake-voice"
    person = None

    def __init__(self, *texts: str, copied: str = "") -> None:
        self._texts = list(texts)
        self._copied = copied
        self.calls: list[tuple[str, int, int]] = []

    def draft(self, prompt: str, *, n: int, seed: int) -> list[Draft]:
        self.calls.append((prompt, n, seed))
        texts, self._texts = self._texts[:n], self._texts[n:]
        return [Draft(text, prompt, seed, likelihood=-1.0 - rank) for rank, text in enumerate(texts)]

    def copied(self, text: str) -> str:
        return "the whole of a tweet" if text == self._copied else ""

    languages: tuple[str, ...] = ()

    def foreign(self, _: str) -> str:
        return ""


@dataclass
class FakePublisher:
    """Raises or succeeds as scripted, then always succeeds."""

    answers: list[XError | None] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    def post(self, text: str) -> Receipt:
        answer = self.answers.pop(0) if self.answers else None
        if answer is not None:
            raise answer
        self.texts.append(text)
        return Receipt(str(900 + len(self.texts)), text)
