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


class Shown:
    """A timeline that shows what it is told to, and counts how often it was asked."""

    def __init__(self, *texts: str) -> None:
        self.posts = tuple(Receipt(str(number), text) for number, text in enumerate(texts, start=1))
        self.asked = 0

    def me(self) -> Account:
        return Account("1", "stationmynah", "Station Mynah")

    def own_posts(self, account_id: str, *, since_id: str | None = None, limit: int = 5) -> Timeline:
        self.asked += 1
        return Timeline(self.posts, whole=True)


class Bird:
    """An agenda and everything around it, to be looked at from outside."""

    def __init__(
        self,
        path: Path,
        voice: FakeVoice,
        *,
        x: FakePublisher | None = None,
        clock: FakeClock | None = None,
        dry: bool = False,
        brakes: Brakes = assembly.NO_BRAKES,
        timeline: Shown | None = None,
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


def test_a_due_slot_is_spoken_in_once(path: Path) -> None:
    bird = Bird(path, FakeVoice("Good morning.", "Good night.", "Third.", "Fourth."))

    first = bird.agenda.turn()
    assert first is not None
    assert (first.outcome, first.slot) == ("posted", "2026-11-20T12:00:00Z")
    assert bird.agenda.turn() is None
    assert bird.x.texts == ["Good morning."]


def test_a_restart_does_not_speak_in_a_used_slot(path: Path) -> None:
    clock = FakeClock()
    Bird(path, FakeVoice("One.", "Two."), clock=clock).agenda.turn()

    again = Bird(path, FakeVoice("Three.", "Four."), clock=clock)

    assert again.agenda.turn() is None
    assert again.x.texts == []


def test_each_slot_has_its_turn(path: Path) -> None:
    bird = Bird(path, FakeVoice("One.", "x", "Two.", "x"))
    bird.agenda.turn()
    bird.clock.passes(PERIOD)
    bird.agenda.turn()

    assert bird.x.texts == ["One.", "Two."]


def test_slots_from_before_the_first_start_are_not_caught_up_on(path: Path) -> None:
    clock = FakeClock()
    clock.passes(timedelta(seconds=3))  # in the middle of a slot
    bird = Bird(path, FakeVoice("One.", "Two."), clock=clock)

    assert bird.agenda.turn() is None
    clock.passes(timedelta(seconds=7))
    assert bird.agenda.turn() is not None


def test_a_draft_it_has_said_before_is_skipped(path: Path) -> None:
    bird = Bird(path, FakeVoice("Good morning.", "x", "good  MORNING!", "Good night."))
    bird.agenda.turn()
    bird.clock.passes(PERIOD)

    ended = bird.agenda.turn()

    assert ended is not None
    assert ended.refused == {"said_before": 1}
    assert bird.x.texts == ["Good morning.", "Good night."]


def test_a_copied_tweet_stays_in(path: Path) -> None:
    bird = Bird(path, FakeVoice("Theirs.", "Mine.", copied="Theirs."))

    ended = bird.agenda.turn()

    assert ended is not None
    assert ended.refused == {"copied": 1}
    assert bird.x.texts == ["Mine."]


def test_the_likeliest_of_the_drafts_that_pass_is_said(path: Path) -> None:
    class Unsure(FakeVoice):
        def draft(self, prompt: str, *, n: int, seed: int) -> list[Draft]:
            likelihoods = {"Salad of words.": -3.0, "A sentence.": -0.5, "": -0.1}
            return [Draft(text, prompt, seed, likelihood) for text, likelihood in likelihoods.items()]

    bird = Bird(path, Unsure())

    bird.agenda.turn()

    assert bird.x.texts == ["A sentence."]


def test_a_round_tries_another_prompt_before_it_gives_up(path: Path) -> None:
    voice = FakeVoice("", "", "At last.", "")
    bird = Bird(path, voice)

    bird.agenda.turn()

    assert bird.x.texts == ["At last."]
    assert {prompt for prompt, _, _ in voice.asked} == {"", "My dream is"}
    assert len({seed for _, _, seed in voice.asked}) == 2


def test_a_slot_with_nothing_fit_to_say_is_skipped_for_good(path: Path) -> None:
    bird = Bird(path, FakeVoice("", "", "", "", "Too late.", "x"))

    ended = bird.agenda.turn()

    assert ended is not None
    assert (ended.outcome, ended.refused) == ("skipped", {"empty": 4})
    assert bird.agenda.turn() is None
    assert bird.states() == []
    with Store.open(path) as store:
        assert [row["reason"] for row in refusals.newest(store)] == ["empty"] * 4


def test_a_slot_begun_and_cut_short_begins_again_with_the_same_seeds(path: Path) -> None:
    class Broken(FakeVoice):
        def draft(self, prompt: str, *, n: int, seed: int) -> list[object]:  # type: ignore[override]
            super().draft(prompt, n=n, seed=seed)
            raise RuntimeError("cut short")

    clock = FakeClock()
    broken, whole = Broken("One."), FakeVoice("One.", "x")
    with pytest.raises(RuntimeError):
        Bird(path, broken, clock=clock).agenda.turn()
    Bird(path, whole, clock=clock).agenda.turn()

    assert broken.asked == whole.asked
    assert [state for _, state in Bird(path, FakeVoice(), clock=clock).states()] == ["posted"]


def test_a_parked_post_goes_before_the_next_slot(path: Path) -> None:
    bird = Bird(path, FakeVoice("One.", "x", "Two.", "x"), x=FakePublisher([TryLater("down")]))
    bird.agenda.turn()
    bird.clock.passes(timedelta(minutes=3))

    bird.agenda.turn()
    assert bird.states() == [("One.", "posted")]
    bird.agenda.turn()
    assert bird.x.texts == ["One.", "Two."]


def test_a_round_that_broke_off_while_sending_leaves_a_post_that_can_be_resolved(path: Path) -> None:
    class Broken(FakePublisher):
        def post(self, text: str) -> Receipt:
            raise RuntimeError(text)

    bird = Bird(path, FakeVoice("One.", "x"), x=Broken())
    with pytest.raises(RuntimeError):
        bird.agenda.turn()
    bird.clock.passes(PERIOD)

    ended = bird.agenda.turn()

    assert ended is not None
    assert "mynah resolve 1" in ended.detail
    assert bird.states() == [("One.", "unknown")]


def test_a_history_begun_by_a_wrong_clock_does_not_keep_the_bot_silent(path: Path) -> None:
    Bird(path, FakeVoice(), clock=FakeClock(NOON + timedelta(days=3650)))

    bird = Bird(path, FakeVoice("One.", "x"))

    assert bird.agenda.turn() is not None


def test_an_unknown_post_stops_all_drafting(path: Path) -> None:
    voice = FakeVoice("One.", "x", "Two.", "x")
    bird = Bird(path, voice, x=FakePublisher([Unknown("reset")]))
    bird.agenda.turn()
    bird.clock.passes(PERIOD)

    ended = bird.agenda.turn()

    assert ended is not None
    assert ended.outcome == "waiting"
    assert len(voice.asked) == 1


def test_an_unknown_post_that_is_found_no_longer_holds_the_slot_that_is_due(path: Path) -> None:
    bird = Bird(path, FakeVoice("One.", "x", "Two.", "x"), x=FakePublisher([Unknown("reset")]), timeline=Shown("One."))
    bird.agenda.turn()
    bird.clock.passes(PERIOD)

    ended = bird.agenda.turn()

    assert ended is not None
    assert bird.states() == [("One.", "posted"), ("Two.", "posted")]


def test_a_round_by_hand_looks_an_unknown_post_up_first(path: Path) -> None:
    bird = Bird(path, FakeVoice("One.", "x", "Two.", "x"), x=FakePublisher([Unknown("reset")]), timeline=Shown("One."))
    bird.agenda.turn()

    assert bird.agenda.speak_now(once(bird.clock.now())).outcome == "posted"


def test_a_post_that_was_abandoned_is_looked_up_when_no_slot_is_due(path: Path) -> None:
    shown = Shown()
    voice = FakeVoice(*(text for number in range(200) for text in (f"Say {number}.", "x")))
    bird = Bird(path, voice, x=FakePublisher([Unknown("reset")]), timeline=shown)
    bird.agenda.turn()
    while bird.states()[0][1] == "unknown":
        bird.agenda.turn()
        bird.clock.passes(timedelta(minutes=1))
    bird.clock.passes(timedelta(hours=1))
    shown.posts = (Receipt("77", "Say 0."),)

    before = shown.asked
    bird.agenda.turn()
    assert (shown.asked, bird.states()[0][1]) == (before, "abandoned")  # there was something to say
    bird.agenda.turn()

    assert bird.states()[0] == ("Say 0.", "posted")


def test_nothing_is_drafted_that_cannot_be_paid_for(path: Path) -> None:
    voice = FakeVoice("One.", "x")
    brakes = Brakes(timedelta(0), 99, 99, Caps(per_day=14_999, per_month=10**9), grace=timedelta(minutes=10))
    bird = Bird(path, voice, brakes=brakes)

    ended = bird.agenda.turn()

    assert ended is not None
    assert "budget" in ended.detail
    assert (voice.asked, bird.states()) == ([], [])


def test_a_dry_run_reaches_no_publisher_but_its_own(path: Path) -> None:
    bird = Bird(path, FakeVoice("One.", "x"), dry=True)

    ended = bird.agenda.turn()

    assert ended is not None
    assert ended.outcome == "dry"
    assert bird.states() == [("One.", "dry")]


def test_one_round_by_hand_needs_no_due_slot(path: Path) -> None:
    bird = Bird(path, FakeVoice("One.", "x", "Two.", "x"))
    bird.agenda.speak_now(once(bird.clock.now()))

    ended = bird.agenda.speak_now(once(bird.clock.now() + timedelta(seconds=1)))

    assert ended.outcome == "posted"
    assert bird.x.texts == ["One.", "Two."]


def test_a_clock_that_is_wrong_at_the_start_does_not_change_when_a_history_began(tmp_path: Path) -> None:
    Bird(tmp_path / "history.db", FakeVoice())
    begun = Bird(tmp_path / "history.db", FakeVoice(), clock=FakeClock(NOON.replace(year=1971)))

    with Store.open(begun.path) as store:
        assert store.meta(BORN) == stamp(NOON)
