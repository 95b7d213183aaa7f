"""One round: which prompts it tries, which draft it takes, and what it records when no draft passes."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bot.history.store import Store
from bot.rounds.posting import DraftSettings, Pipeline, last_said, prepare, turn
from bot.screen import chain
from bot.sending.outbox import DryRunPublisher
from bot.values import Draft, Slot
from tests.fakes import NOON, FakeClock, FakeVoice
from tests.sending.test_outbox import outbox
from training.profile.person import Person

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from bot.rounds.posting import Round

EMPTY = ""  # a draft that the screen refuses


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "history.db") as store:
        yield store


class Parrot(FakeVoice):
    """Returns the same texts for every prompt, with fixed likelihoods."""

    def __init__(self, texts: Mapping[str, float], person: Person | None = None) -> None:
        super().__init__()
        self._likelihoods = texts
        self.person = person  # type: ignore[assignment]

    def draft(self, prompt: str, *, n: int, seed: int, author: str | None = None) -> list[Draft]:
        self.calls.append((prompt, n, seed))
        return [Draft(text, prompt, seed, likelihood) for text, likelihood in self._likelihoods.items()]


def run_round(
    store: Store, voice: FakeVoice, draft_settings: DraftSettings, key: str = "one", *, hours: int = 0
) -> Round:
    clock = FakeClock(NOON + timedelta(hours=hours))
    screen = chain.build(was_posted=lambda norm: store.said(norm, dry=True), copy_of=lambda _: "")  # type: ignore[call-arg]
    pipeline = Pipeline(voice, lambda _: screen, outbox(DryRunPublisher(), clock, dry=True), draft_settings, clock)
    return prepare(Slot(key, clock.now()), store, pipeline)


def test_the_draft_that_is_most_like_the_person_is_chosen(store: Store) -> None:
    person = Person(lengths=(20, 25, 30, 40, 60), weakest=(-5.0, -4.0, -3.5, -3.0, -2.5), stopped=0.97)
    drafts = {"It is what it is today.": -3.4, "The lamp (is read.": -2.0, "A pigeon asked me the way.": -2.0}

    round_ = run_round(store, Parrot(drafts, person), DraftSettings(["", "Today"], candidates=3, tries=1))

    assert round_.post is not None
    assert round_.post.text == "A pigeon asked me the way."


def test_a_draft_that_resembles_the_last_posts_is_not_chosen(store: Store) -> None:
    draft_settings = DraftSettings(["", "Today"], candidates=2, tries=1)
    run_round(store, Parrot({"The pigeons looked at yellow umbrellas.": -3.0}), draft_settings)
    drafts = {"Yellow umbrellas looked at the pigeons.": -3.0, "Somebody sang behind a lamp all evening.": -3.1}

    round_ = run_round(store, Parrot(drafts), draft_settings, "two", hours=1)

    assert round_.post is not None
    assert round_.post.text == "Somebody sang behind a lamp all evening."


def test_the_persons_openers_and_the_topics_are_prompts_too(store: Store) -> None:
    voice = Parrot({EMPTY: 0.0}, Person(openers={"Lost property: a": 9, "Some secret": 9}))
    draft_settings = DraftSettings(
        {"My dream is": 1.0},
        candidates=1,
        tries=6,
        topics=lambda: ["The rain today"],
        unspeakable=lambda text: "secret" if "secret" in text else None,
    )

    run_round(store, voice, draft_settings)

    assert {prompt for prompt, _, _ in voice.calls} == {"", "My dream is", "Lost property: a", "The rain today"}


def test_an_opener_that_the_person_uses_nine_times_as_often_weighs_three_times_as_much() -> None:
    person = Person(openers={"The lamp": 81, "My dream": 9})

    weights = DraftSettings([], candidates=1, tries=1).beginnings(person)["openers"]

    assert weights == {"The lamp": 9.0, "My dream": 3.0}


def test_a_round_without_a_passing_draft_records_what_it_tried(store: Store) -> None:
    voice = Parrot({EMPTY: 0.0, "see example.com": 0.0})

    round_ = run_round(store, voice, DraftSettings(["Today"], candidates=2, tries=2, shares={"none": 1.0}))

    [slot] = store.rows("SELECT outcome, detail FROM slot")
    prompts = ", ".join(repr(prompt) if prompt else "no prompt" for prompt, _, _ in voice.calls)
    assert (round_.outcome, round_.refused) == ("skipped", {"empty": 2, "link": 2})
    assert slot == {"outcome": "skipped", "detail": f"all 4 drafts were refused; prompts: {prompts}"}
    assert {prompt for prompt, _, _ in voice.calls} == {"", "Today"}


def test_prompts_without_a_passing_draft_move_to_the_end_of_the_rotation(store: Store) -> None:
    draft_settings = DraftSettings(["One", "Two", "Three"], candidates=1, tries=1, shares={"none": 0.0})
    parrot = Parrot({EMPTY: 0.0})
    for hour in range(6):
        run_round(store, parrot, draft_settings, f"slot {hour}", hours=hour)

    prompts = [prompt for prompt, _, _ in parrot.calls]
    assert len(set(prompts[:3])) == 3
    assert prompts[3:] == prompts[:3]


def test_rejected_and_unsent_drafts_are_not_recent_posts(store: Store) -> None:
    draft_settings = DraftSettings([""], candidates=1, tries=1)
    posts = [
        run_round(
            store, Parrot({f"This is number {number} of them.": -1.0}), draft_settings, f"{number}", hours=number
        ).post
        for number in range(2)
    ]
    assert posts[1] is not None
    store.move(posts[1].id, "expired", at=NOON)

    assert last_said(store, dry=True) == ["This is number 0 of them."]
    assert last_said(store, dry=False) == []


def test_each_length_of_the_persons_has_its_turn() -> None:
    turns = [turn(f"2026-11-{day:02}T12:00") for day in range(1, 31)]

    assert turn("2026-11-01T12:00") == turns[0]  # an interrupted round chooses the same
    assert all(sum(low <= one < low + 1 / 3 for one in turns) >= 5 for low in (0, 1 / 3, 2 / 3))


def test_posts_are_as_long_as_the_persons_tweets(store: Store) -> None:
    person = Person(lengths=(10, 20, 30, 40, 50))
    sentence = "The pigeon on platform four asked me about the rain"
    voice = Parrot({f"{sentence[:length].rstrip()}.": -1.0 for length in range(8, 52, 5)}, person)
    settings = DraftSettings([""], candidates=9, tries=1)

    rounds = [run_round(store, voice, settings, f"slot {number}", hours=number) for number in range(9)]

    lengths = [len(round_.post.text) for round_ in rounds if round_.post]
    assert max(lengths) - min(lengths) > 15
