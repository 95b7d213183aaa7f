"""Refusals of X that nobody can explain: one costs a post, several in a row halt the bot and tell why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.errors import Refused, Unexplained, XError
from bot.history.store import Store
from bot.running import assembly
from bot.sending import pause
from bot.sending.outbox import Outbox
from bot.values import Draft, Slot
from tests.fakes import FakeClock, FakePublisher

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ODD, KNOWN = Unexplained("a 403 in words of its own"), Refused("not summoned")


class Life:
    def __init__(self, store: Store) -> None:
        self.store = store
        self.clock = FakeClock()
        self.count = 0

    def meets(self, *answers: XError | None) -> list[str]:
        """Sends one post for each answer; the state that each ended in."""
        x = FakePublisher(list(answers), texts=["before"] * self.count)  # ids go on
        box = Outbox(x, assembly.NO_BRAKES, self.clock, dry=False, price=lambda _: 15_000)
        return [self._sends(box) for _ in answers]

    def _sends(self, box: Outbox) -> str:
        self.count += 1
        text, now = f"post {self.count}", self.clock.now()
        number = self.store.add_draft(
            Draft(text), slot=Slot(text, now), norm=text, length=6, dry=False, model="m", at=now
        )
        self.store.move(number, "approved", at=now)
        return box.send(self.store, self.store.post(number)).post.state

    @property
    def why_paused(self) -> str:
        return pause.why_paused(self.store, self.clock.now()) or ""


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Life]:
    with Store.open(tmp_path / "history.db") as store:
        yield Life(store)


def test_as_many_as_it_takes_halt_and_say_what_x_said(life: Life) -> None:
    before = life.meets(*[ODD] * (pause.MOST_UNEXPLAINED - 1))
    was_paused = life.why_paused
    last = life.meets(ODD)

    assert [*before, *last] == ["refused"] * pause.MOST_UNEXPLAINED
    assert was_paused == ""
    assert "refused 3 posts in a row" in life.why_paused
    assert "a 403 in words of its own" in life.why_paused


def test_what_x_takes_in_between_starts_the_count_anew(life: Life) -> None:
    life.meets(ODD, ODD, None, ODD, ODD)

    assert life.why_paused == ""


def test_a_refusal_that_is_understood_neither_counts_nor_mends(life: Life) -> None:
    life.meets(*[KNOWN] * 9)
    calm = life.why_paused
    life.meets(ODD, KNOWN, ODD, KNOWN, ODD)

    assert calm == ""
    assert "3 posts in a row" in life.why_paused


def test_after_the_halt_one_post_a_day_asks_again(life: Life) -> None:
    life.meets(ODD, ODD, ODD)
    held = life.meets(ODD)
    life.clock.passes(pause.HALT_UNEXPLAINED)
    asked = life.meets(ODD)

    assert (held, asked) == (["approved"], ["refused"])
    assert "4 posts in a row" in life.why_paused


def test_a_persons_longer_pause_stays(life: Life) -> None:
    life.meets(ODD, ODD)
    by_hand = pause.pause

    class Paused(FakePublisher):
        def post(self, *_: object, **__: object) -> None:  # type: ignore[override]
            by_hand(life.store, until=pause.FOR_GOOD, because="by hand")
            raise ODD

    box = Outbox(Paused(), assembly.NO_BRAKES, life.clock, dry=False, price=lambda _: 15_000)
    life._sends(box)

    assert "by hand" in life.why_paused
