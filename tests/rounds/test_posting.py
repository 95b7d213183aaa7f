"""One round: which prompts it tries, which draft it takes, and what it records when no draft passes."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bot.history.store import Store
from bot.rounds.posting import DraftSettings, Pipeline, last_said, prepare
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

NOTHING = ""  # a draft that the screen turns down


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "history.db") as store:
        yield store


class Parrot(FakeVoice):
    """Says the same texts at every prompt, each as likely as it is told."""

    def __init__(self, texts: Mapping[str, float], person: Person | None = None) -> None:
        super().__init__()
        self._said = texts
        self.person = person  # type: ignore[assignment]

    def draft(self, prompt: str, *, n: int, seed: int, author: str | None = None) -> list[Draft]:
        self.asked.append((prompt, n, seed))
        return [Draft(text, prompt, seed, likelihood) for text, likelihood in self._said.items()]


def spoken(store: Store, voice: FakeVoice, draft_settings: DraftSettings, key: str = "one", *, hours: int = 0) -> Round:
    clock = FakeClock(NOON + timedelta(hours=hours))
    screen = chain.build(was_posted=lambda norm: store.said(norm, dry=True), copy_of=lambda _: "")  # type: ignore[call-arg]
    pipeline = Pipeline(voice, lambda _: screen, outbox(DryRunPublisher(), clock, dry=True), draft_settings, clock)
    return prepare(Slot(key, clock.now()), store, pipeline)


def test_the_draft_that_is_most_like_the_person_is_taken(store: Store) -> None:
    person = Person(lengths=(20, 25, 30, 40, 60), likelihoods=(-5.0, -4.0, -3.5, -3.0, -2.5), stopped=0.97)
    drafts = {"It is what it is today.": -0.5, "The lamp (is read.": -3.5, "A pigeon asked me the way.": -3.4}

    ended = spoken(store, Parrot(drafts, person), DraftSettings(["", "Today"], candidates=3, tries=1))

    assert ended.post is not None
    assert ended.post.text == "A pigeon asked me the way."


def test_a_draft_that_sounds_like_the_last_posts_is_not(store: Store) -> None:
    draft_settings = DraftSettings(["", "Today"], candidates=2, tries=1)
    spoken(store, Parrot({"The pigeons looked at yellow umbrellas.": -3.0}), draft_settings)
    drafts = {"Yellow umbrellas looked at the pigeons.": -3.0, "Somebody sang behind a lamp all evening.": -3.1}

    ended = spoken(store, Parrot(drafts), draft_settings, "two", hours=1)

    assert ended.post is not None
    assert ended.post.text == "Somebody sang behind a lamp all evening."


def test_the_persons_own_beginnings_and_topics_are_prompts_too(store: Store) -> None:
    voice = Parrot({NOTHING: 0.0}, Person(openers={"Lost property: a": 9, "Some secret": 9}))
    draft_settings = DraftSettings(
        {"My dream is": 1.0},
        candidates=1,
        tries=6,
        topics=lambda: ["The rain today"],
        unspeakable=lambda text: "secret" if "secret" in text else None,
    )

    spoken(store, voice, draft_settings)

    assert {prompt for prompt, _, _ in voice.asked} == {"", "My dream is", "Lost property: a", "The rain today"}


def test_an_opener_that_the_person_uses_nine_times_as_often_weighs_three_times_as_much() -> None:
    person = Person(openers={"The lamp": 81, "My dream": 9})

    weights = DraftSettings([], candidates=1, tries=1).beginnings(person)["openers"]

    assert weights == {"The lamp": 9.0, "My dream": 3.0}


def test_a_round_that_finds_nothing_fit_says_what_it_tried(store: Store) -> None:
    voice = Parrot({NOTHING: 0.0, "see example.com": 0.0})

    ended = spoken(store, voice, DraftSettings(["Today"], candidates=2, tries=2, shares={"none": 1.0}))

    [kept] = store.rows("SELECT outcome, detail FROM slot")
    tried = ", ".join(repr(prompt) if prompt else "no prompt" for prompt, _, _ in voice.asked)
    assert (ended.outcome, ended.refused) == ("skipped", {"empty": 2, "link": 2})
    assert kept == {"outcome": "skipped", "detail": f"all 4 drafts were refused; prompts: {tried}"}
    assert {prompt for prompt, _, _ in voice.asked} == {"", "Today"}


def test_what_led_to_nothing_waits_for_its_turn_again(store: Store) -> None:
    draft_settings = DraftSettings(["One", "Two", "Three"], candidates=1, tries=1, shares={"none": 0.0})
    silent = Parrot({NOTHING: 0.0})
    for hour in range(6):
        spoken(store, silent, draft_settings, f"slot {hour}", hours=hour)

    prompts = [prompt for prompt, _, _ in silent.asked]
    assert len(set(prompts[:3])) == 3
    assert prompts[3:] == prompts[:3]


def test_what_was_rejected_or_never_sent_is_not_what_was_said_last(store: Store) -> None:
    draft_settings = DraftSettings([""], candidates=1, tries=1)
    posts = [
        spoken(
            store, Parrot({f"This is number {number} of them.": -1.0}), draft_settings, f"{number}", hours=number
        ).post
        for number in range(2)
    ]
    assert posts[1] is not None
    store.move(posts[1].id, "expired", at=NOON)

    assert last_said(store, dry=True) == ["This is number 0 of them."]
    assert last_said(store, dry=False) == []
