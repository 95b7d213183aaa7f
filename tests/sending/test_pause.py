"""Unexplained refusals by X: one refuses a post, several in a row pause the bot with a reason."""

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

UNEXPLAINED, EXPLAINED = Unexplained("a 403 in words of its own"), Refused("not summoned")


class Bot:
    def __init__(self, store: Store) -> None:
        self.store = store
        self.clock = FakeClock()
        self.count = 0

    def send_posts(self, *answers: XError | None) -> list[str]:
        """Send one post for each response and return their states."""
        x = FakePublisher(list(answers), texts=["before"] * self.count)  # ids continue
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
def bot(tmp_path: Path) -> Iterator[Bot]:
    with Store.open(tmp_path / "history.db") as store:
        yield Bot(store)


def test_several_in_a_row_pause_the_bot_with_the_words_of_x(bot: Bot) -> None:
    before = bot.send_posts(*[UNEXPLAINED] * (pause.MOST_UNEXPLAINED - 1))
    was_paused = bot.why_paused
    last = bot.send_posts(UNEXPLAINED)

    assert [*before, *last] == ["refused"] * pause.MOST_UNEXPLAINED
    assert was_paused == ""
    assert "refused 3 posts in a row" in bot.why_paused
    assert "a 403 in words of its own" in bot.why_paused


def test_a_post_that_x_accepts_resets_the_count(bot: Bot) -> None:
    bot.send_posts(UNEXPLAINED, UNEXPLAINED, None, UNEXPLAINED, UNEXPLAINED)

    assert bot.why_paused == ""


def test_an_explained_refusal_neither_counts_nor_resets_the_count(bot: Bot) -> None:
    bot.send_posts(*[EXPLAINED] * 9)
    reason_before = bot.why_paused
    bot.send_posts(UNEXPLAINED, EXPLAINED, UNEXPLAINED, EXPLAINED, UNEXPLAINED)

    assert reason_before == ""
    assert "3 posts in a row" in bot.why_paused


def test_after_the_pause_one_post_a_day_is_tried(bot: Bot) -> None:
    bot.send_posts(UNEXPLAINED, UNEXPLAINED, UNEXPLAINED)
    during = bot.send_posts(UNEXPLAINED)
    bot.clock.passes(pause.HALT_UNEXPLAINED)
    after = bot.send_posts(UNEXPLAINED)

    assert (during, after) == (["approved"], ["refused"])
    assert "4 posts in a row" in bot.why_paused


def test_a_longer_pause_by_hand_is_kept(bot: Bot) -> None:
    bot.send_posts(UNEXPLAINED, UNEXPLAINED)
    by_hand = pause.pause

    class PausingPublisher(FakePublisher):
        def post(self, *_: object, **__: object) -> None:  # type: ignore[override]
            by_hand(bot.store, until=pause.FOR_GOOD, because="by hand")
            raise UNEXPLAINED

    box = Outbox(PausingPublisher(), assembly.NO_BRAKES, bot.clock, dry=False, price=lambda _: 15_000)
    bot._sends(box)

    assert "by hand" in bot.why_paused
