from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from structlog import get_logger

from bot.clock import stamp
from bot.errors import TryLater, Unknown
from bot.history import refusals
from bot.history.store import Store
from bot.rounds.agenda import BORN, Agenda
from bot.rounds.posting import DraftSettings, Pipeline
from bot.rounds.slots import Every, once
from bot.running import assembly
from bot.screen import chain
from bot.sending.budget import Caps, Prices
from bot.sending.outbox import Brakes, Outbox
from bot.sending.reconcile import Reconciler
from bot.values import Draft, Receipt, Timeline
from bot.x.payloads import Account
from tests.fakes import NOON, FakeClock, FakePublisher, FakeVoice

if TYPE_CHECKING:
    from pathlib import Path

PERIOD = timedelta(seconds=10)
CAPS = assembly.NO_BRAKES.caps


class FakeTimeline:
    """A timeline with fixed posts that counts its requests."""

    def __init__(self, *texts: str) -> None:
        self.posts = tuple(Receipt(str(number), text) for number, text in enumerate(texts, start=1))
        self.requests = 0

    def me(self) -> Account:
        return Account("1", "stationmynah", "Station Mynah")

    def own_posts(self, account_id: str, *, since_id: str | None = None, limit: int = 5) -> Timeline:
        self.requests += 1
        return Timeline(self.posts, whole=True)


class Bot:
    """An agenda with everything around it."""

    def __init__(
        self,
        path: Path,
        voice: FakeVoice,
        *,
        x: FakePublisher | None = None,
        clock: FakeClock | None = None,
        dry: bool = False,
        brakes: Brakes = assembly.NO_BRAKES,
        timeline: FakeTimeline | None = None,
    ) -> None:
        self.path = path
        self.x = x or FakePublisher()
        self.clock = clock or FakeClock()
        pipeline = Pipeline(
            voice,
            lambda store: chain.build(was_posted=lambda norm: store.said(norm, dry=dry), copy_of=voice.copied),
            Outbox(self.x, brakes, self.clock, dry=dry, price=lambda _: 15_000),
            DraftSettings(prompts=("", "My dream is"), candidates=2, tries=2),
            self.clock,
        )
        self.agenda = Agenda(
            pipeline,
            Every(PERIOD),
            open_store=lambda: Store.open(path),
            reconciler=Reconciler(timeline, CAPS, self.clock, prices=Prices(), log=get_logger()) if timeline else None,
        )
        self.agenda.begin()

    def states(self) -> list[tuple[str, str]]:
        with Store.open(self.path) as store:
            return [(post.text, post.state) for post in reversed(store.history())]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.db"


def test_a_due_slot_is_used_once(path: Path) -> None:
    bot = Bot(path, FakeVoice("Good morning.", "Good night.", "Third.", "Fourth."))

    first = bot.agenda.turn()
    assert first is not None
    assert (first.outcome, first.slot) == ("posted", "2026-11-20T12:00:00Z")
    assert bot.agenda.turn() is None
    assert bot.x.texts == ["Good morning."]


def test_a_used_slot_is_not_used_again_after_a_restart(path: Path) -> None:
    clock = FakeClock()
    Bot(path, FakeVoice("One.", "Two."), clock=clock).agenda.turn()

    again = Bot(path, FakeVoice("Three.", "Four."), clock=clock)

    assert again.agenda.turn() is None
    assert again.x.texts == []


def test_each_slot_gets_one_post(path: Path) -> None:
    bot = Bot(path, FakeVoice("One.", "x", "Two.", "x"))
    bot.agenda.turn()
    bot.clock.passes(PERIOD)
    bot.agenda.turn()

    assert bot.x.texts == ["One.", "Two."]


def test_slots_before_the_first_start_are_not_caught_up_on(path: Path) -> None:
    clock = FakeClock()
    clock.passes(timedelta(seconds=3))  # in the middle of a slot
    bot = Bot(path, FakeVoice("One.", "Two."), clock=clock)

    assert bot.agenda.turn() is None
    clock.passes(timedelta(seconds=7))
    assert bot.agenda.turn() is not None


def test_a_draft_that_was_posted_before_is_skipped(path: Path) -> None:
    bot = Bot(path, FakeVoice("Good morning.", "x", "good  MORNING!", "Good night."))
    bot.agenda.turn()
    bot.clock.passes(PERIOD)

    round_ = bot.agenda.turn()

    assert round_ is not None
    assert round_.refused == {"said_before": 1}
    assert bot.x.texts == ["Good morning.", "Good night."]


def test_a_copied_tweet_is_not_posted(path: Path) -> None:
    bot = Bot(path, FakeVoice("Theirs.", "Mine.", copied="Theirs."))

    round_ = bot.agenda.turn()

    assert round_ is not None
    assert round_.refused == {"copied": 1}
    assert bot.x.texts == ["Mine."]


def test_the_likeliest_draft_that_passes_is_posted(path: Path) -> None:
    class RankedVoice(FakeVoice):
        def draft(self, prompt: str, *, n: int, seed: int) -> list[Draft]:
            likelihoods = {"Salad of words.": -3.0, "A sentence.": -0.5, "": -0.1}
            return [Draft(text, prompt, seed, likelihood) for text, likelihood in likelihoods.items()]

    bot = Bot(path, RankedVoice())

    bot.agenda.turn()

    assert bot.x.texts == ["A sentence."]


def test_a_round_tries_another_prompt_before_it_gives_up(path: Path) -> None:
    voice = FakeVoice("", "", "At last.", "")
    bot = Bot(path, voice)

    bot.agenda.turn()

    assert bot.x.texts == ["At last."]
    assert {prompt for prompt, _, _ in voice.calls} == {"", "My dream is"}
    assert len({seed for _, _, seed in voice.calls}) == 2


def test_a_slot_without_a_passing_draft_is_skipped_for_good(path: Path) -> None:
    bot = Bot(path, FakeVoice("", "", "", "", "Too late.", "x"))

    round_ = bot.agenda.turn()

    assert round_ is not None
    assert (round_.outcome, round_.refused) == ("skipped", {"empty": 4})
    assert bot.agenda.turn() is None
    assert bot.states() == []
    with Store.open(path) as store:
        assert [row["reason"] for row in refusals.newest(store)] == ["empty"] * 4


def test_an_interrupted_slot_starts_again_with_the_same_seeds(path: Path) -> None:
    class Broken(FakeVoice):
        def draft(self, prompt: str, *, n: int, seed: int) -> list[object]:  # type: ignore[override]
            super().draft(prompt, n=n, seed=seed)
            raise RuntimeError("cut short")

    clock = FakeClock()
    broken, complete = Broken("One."), FakeVoice("One.", "x")
    with pytest.raises(RuntimeError):
        Bot(path, broken, clock=clock).agenda.turn()
    Bot(path, complete, clock=clock).agenda.turn()

    assert broken.calls == complete.calls
    assert [state for _, state in Bot(path, FakeVoice(), clock=clock).states()] == ["posted"]


def test_a_postponed_post_is_sent_before_the_next_slot(path: Path) -> None:
    bot = Bot(path, FakeVoice("One.", "x", "Two.", "x"), x=FakePublisher([TryLater("down")]))
    bot.agenda.turn()
    bot.clock.passes(timedelta(minutes=3))

    bot.agenda.turn()
    assert bot.states() == [("One.", "posted")]
    bot.agenda.turn()
    assert bot.x.texts == ["One.", "Two."]


def test_a_round_that_is_interrupted_while_sending_leaves_a_post_that_can_be_resolved(path: Path) -> None:
    class Broken(FakePublisher):
        def post(self, text: str) -> Receipt:
            raise RuntimeError(text)

    bot = Bot(path, FakeVoice("One.", "x"), x=Broken())
    with pytest.raises(RuntimeError):
        bot.agenda.turn()
    bot.clock.passes(PERIOD)

    round_ = bot.agenda.turn()

    assert round_ is not None
    assert "mynah resolve 1" in round_.detail
    assert bot.states() == [("One.", "unknown")]


def test_a_history_created_by_a_wrong_clock_does_not_stop_the_bot(path: Path) -> None:
    Bot(path, FakeVoice(), clock=FakeClock(NOON + timedelta(days=3650)))

    bot = Bot(path, FakeVoice("One.", "x"))

    assert bot.agenda.turn() is not None


def test_an_unknown_post_stops_all_drafting(path: Path) -> None:
    voice = FakeVoice("One.", "x", "Two.", "x")
    bot = Bot(path, voice, x=FakePublisher([Unknown("reset")]))
    bot.agenda.turn()
    bot.clock.passes(PERIOD)

    round_ = bot.agenda.turn()

    assert round_ is not None
    assert round_.outcome == "waiting"
    assert len(voice.calls) == 1


def test_a_due_slot_is_used_once_an_unknown_post_is_found(path: Path) -> None:
    bot = Bot(
        path, FakeVoice("One.", "x", "Two.", "x"), x=FakePublisher([Unknown("reset")]), timeline=FakeTimeline("One.")
    )
    bot.agenda.turn()
    bot.clock.passes(PERIOD)

    round_ = bot.agenda.turn()

    assert round_ is not None
    assert bot.states() == [("One.", "posted"), ("Two.", "posted")]


def test_a_round_by_hand_first_looks_up_an_unknown_post(path: Path) -> None:
    bot = Bot(
        path, FakeVoice("One.", "x", "Two.", "x"), x=FakePublisher([Unknown("reset")]), timeline=FakeTimeline("One.")
    )
    bot.agenda.turn()

    assert bot.agenda.speak_now(once(bot.clock.now())).outcome == "posted"


def test_a_post_that_was_abandoned_is_looked_up_when_no_slot_is_due(path: Path) -> None:
    fake_timeline = FakeTimeline()
    voice = FakeVoice(*(text for number in range(200) for text in (f"Say {number}.", "x")))
    bot = Bot(path, voice, x=FakePublisher([Unknown("reset")]), timeline=fake_timeline)
    bot.agenda.turn()
    while bot.states()[0][1] == "unknown":
        bot.agenda.turn()
        bot.clock.passes(timedelta(minutes=1))
    bot.clock.passes(timedelta(hours=1))
    fake_timeline.posts = (Receipt("77", "Say 0."),)

    before = fake_timeline.requests
    bot.agenda.turn()
    assert (fake_timeline.requests, bot.states()[0][1]) == (before, "abandoned")  # the turn made a post instead
    bot.agenda.turn()

    assert bot.states()[0] == ("Say 0.", "posted")


def test_nothing_is_drafted_without_budget_for_it(path: Path) -> None:
    voice = FakeVoice("One.", "x")
    brakes = Brakes(timedelta(0), 99, 99, Caps(per_day=14_999, per_month=10**9), grace=timedelta(minutes=10))
    bot = Bot(path, voice, brakes=brakes)

    round_ = bot.agenda.turn()

    assert round_ is not None
    assert "budget" in round_.detail
    assert (voice.calls, bot.states()) == ([], [])


def test_a_dry_run_uses_only_its_own_publisher(path: Path) -> None:
    bot = Bot(path, FakeVoice("One.", "x"), dry=True)

    round_ = bot.agenda.turn()

    assert round_ is not None
    assert round_.outcome == "dry"
    assert bot.states() == [("One.", "dry")]


def test_one_round_by_hand_needs_no_due_slot(path: Path) -> None:
    bot = Bot(path, FakeVoice("One.", "x", "Two.", "x"))
    bot.agenda.speak_now(once(bot.clock.now()))

    round_ = bot.agenda.speak_now(once(bot.clock.now() + timedelta(seconds=1)))

    assert round_.outcome == "posted"
    assert bot.x.texts == ["One.", "Two."]


def test_a_wrong_clock_at_a_restart_does_not_change_when_the_history_began(tmp_path: Path) -> None:
    Bot(tmp_path / "history.db", FakeVoice())
    first = Bot(tmp_path / "history.db", FakeVoice(), clock=FakeClock(NOON.replace(year=1971)))

    with Store.open(first.path) as store:
        assert store.meta(BORN) == stamp(NOON)
