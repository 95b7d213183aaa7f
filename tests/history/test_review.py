"""The review queue: which drafts wait, and what follows from an approval, a rejection and no review."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from bot.errors import MynahError, TryLater
from bot.history import review
from bot.history.review import ReviewQueue, ReviewSettings
from bot.history.store import MIGRATIONS, Store
from bot.rounds.agenda import Agenda
from bot.rounds.posting import DraftSettings, Pipeline
from bot.rounds.slots import Every, once
from bot.running import assembly
from bot.screen import chain
from bot.sending import pause
from bot.sending.outbox import Brakes, Outbox
from bot.values import Draft, Slot
from tests.fakes import FakeClock, FakePublisher, FakeVoice

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bot.values import Post

PERIOD = timedelta(hours=2)
DAY = timedelta(days=1)
TERMS = ReviewSettings(expires=DAY, most=3)
GAP = Brakes(timedelta(minutes=20), 99, 99, assembly.NO_BRAKES.caps, grace=timedelta(minutes=10), yes_holds=DAY)
SAID = [part for number in range(9) for part in (f"Draft number {number} is about bells.", "")]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with Store.open(path) as store:
        yield store


class Bird:
    """A bot in review mode, its clock, what it sent and what it logged."""

    def __init__(
        self, path: Path, *, review_mode: bool = True, brakes: Brakes = GAP, clock: FakeClock | None = None
    ) -> None:
        self.path = path
        self.x = FakePublisher()
        self.voice = FakeVoice(*SAID)
        self.clock = clock or FakeClock()
        self.logged: list[dict[str, Any]] = []
        log = structlog.wrap_logger(None, processors=[self._take])
        pipeline = Pipeline(
            self.voice,
            lambda store: chain.build(was_posted=lambda norm: store.said(norm, dry=False), copy_of=self.voice.copied),
            Outbox(self.x, brakes, self.clock, dry=False, price=lambda _: 15_000),
            DraftSettings(prompts=("",), candidates=2, tries=1),
            self.clock,
        )
        self.agenda = Agenda(
            pipeline,
            Every(PERIOD),
            open_store=lambda: Store.open(path),
            queue=ReviewQueue(TERMS, review_mode=review_mode, clock=self.clock, log=log),
        )
        self.agenda.begin()

    def _take(self, _: object, level: str, event: dict[str, Any]) -> None:
        self.logged.append({"level": level, **event})
        raise structlog.DropEvent

    def turns(self, number: int, *, apart: timedelta = PERIOD) -> list[str | None]:
        """What each of so many turns came to."""
        outcomes = []
        for _ in range(number):
            ended = self.agenda.turn()
            outcomes.append(ended.outcome if ended else None)
            self.clock.passes(apart)
        return outcomes

    def approve(self, *posts: int) -> None:
        with Store.open(self.path) as store:
            for post in posts:
                review.approve(store, store.post(post), TERMS, self.clock.now())

    def states(self) -> list[str]:
        with Store.open(self.path) as store:
            return [post.state for post in reversed(store.history())]


def drafted(store: Store, text: str = "A bell rings.", *, at: datetime | None = None, dry: bool = True) -> Post:
    """A draft that waits."""
    at = at or datetime.now(UTC)
    post = store.add_draft(
        Draft(text, "A bell", 7, -1.25), slot=Slot(text, at), norm=text.casefold().rstrip("."), length=len(text),
        dry=dry, model="some-model", at=at,
    )  # fmt: skip
    return store.post(post)


def strict(store: Store, but: int | None = None) -> chain.Screen:
    return chain.build(was_posted=lambda norm: store.said(norm, dry=True, but=but), copy_of=lambda _: "")


# The bot in review mode


def test_nothing_is_sent_before_a_person_approves_it(path: Path) -> None:
    bird = Bird(path)

    assert bird.turns(2) == ["drafted", "drafted"]
    assert (bird.x.texts, bird.states()) == ([], ["drafted", "drafted"])


def test_what_was_approved_goes_out_at_the_next_turn(path: Path) -> None:
    bird = Bird(path)
    bird.turns(1, apart=timedelta(seconds=15))
    bird.approve(1)

    assert bird.turns(1) == ["posted"]
    assert bird.x.texts == ["Draft number 0 is about bells."]


def test_an_approved_one_still_heeds_the_gap_and_new_drafts_are_made_meanwhile(path: Path) -> None:
    bird = Bird(path)
    bird.turns(2, apart=PERIOD)
    bird.clock.passes(-timedelta(minutes=1))
    bird.approve(1, 2)

    assert bird.turns(3, apart=timedelta(minutes=1)) == ["posted", "drafted", "waiting"]
    bird.clock.passes(timedelta(minutes=20))
    assert bird.turns(1) == ["posted"]


@pytest.mark.parametrize(
    ("hours", "outcome"), [(0, "posted"), (23, "posted"), (25, "expired")], ids=["at once", "a long gap", "too late"]
)
def test_an_approval_holds_from_when_it_was_given(path: Path, hours: int, outcome: str) -> None:
    bird = Bird(path)
    bird.turns(1, apart=timedelta(hours=23))
    bird.approve(1)
    with Store.open(path) as store:
        pause.pause(store, until=bird.clock.now() + timedelta(hours=hours), because="a test")
    bird.clock.passes(timedelta(hours=hours))

    assert bird.turns(1) == [outcome]


def test_a_pause_stops_the_drafting_and_what_was_approved(path: Path) -> None:
    bird = Bird(path)
    bird.turns(1)
    bird.approve(1)
    with Store.open(path) as store:
        pause.pause(store, until=pause.FOR_GOOD, because="a test")

    assert bird.turns(2) == ["waiting", "waiting"]
    assert (len(bird.voice.asked), bird.x.texts) == (1, [])


def test_a_draft_that_nobody_reviews_expires_and_is_logged_once(path: Path) -> None:
    bird = Bird(path)
    bird.turns(1, apart=DAY + timedelta(minutes=1))

    bird.turns(2, apart=timedelta(minutes=1))

    assert bird.states() == ["expired", "drafted"]
    assert [(each["level"], each["event"], each["post"]) for each in bird.logged] == [("warning", "draft.expired", 1)]
    with pytest.raises(MynahError, match="post 1 is expired"):
        bird.approve(1)


def test_a_draft_of_the_future_is_not_trusted(path: Path) -> None:
    bird = Bird(path)
    bird.turns(1)
    bird.clock.is_set(bird.clock.now() - timedelta(days=400))

    bird.turns(1)

    assert bird.states()[0] == "expired"


def test_a_full_queue_lets_slots_pass(path: Path) -> None:
    bird = Bird(path)

    assert bird.turns(5) == ["drafted", "drafted", "drafted", "skipped", "skipped"]
    bird.approve(1)
    assert bird.turns(2) == ["posted", "drafted"]


def test_what_waits_when_review_mode_is_turned_off_is_not_sent(path: Path) -> None:
    clock = FakeClock()
    Bird(path, clock=clock).turns(1, apart=timedelta(0))
    clock.passes(PERIOD)
    alone = Bird(path, review_mode=False, clock=clock)
    alone.voice = FakeVoice()

    assert alone.turns(1) == ["skipped"]  # its first words are those that wait: they count as said
    assert alone.states() == ["drafted"]


def test_one_round_now_sends_what_was_approved_first(path: Path) -> None:
    bird = Bird(path)
    first = bird.agenda.speak_now(once(bird.clock.now()))
    bird.approve(1)
    bird.clock.passes(timedelta(seconds=1))

    assert first.outcome == "drafted"
    assert bird.agenda.speak_now(once(bird.clock.now())).outcome == "posted"
    assert bird.agenda.speak_now(once(bird.clock.now())).outcome == "drafted"


def test_one_round_now_passes_over_what_came_too_late(path: Path) -> None:
    bird = Bird(path, review_mode=False)
    bird.x.answers = [TryLater("down")]
    bird.turns(1, apart=timedelta(hours=1))

    assert bird.agenda.speak_now(once(bird.clock.now())).outcome == "posted"
    assert bird.states() == ["expired", "posted"]


# Verdicts


def test_a_rejected_draft_counts_as_said(store: Store) -> None:
    post = drafted(store)
    review.reject(store, post, "not funny", datetime.now(UTC))

    stored = store.post(post.id)

    assert (stored.state, stored.note) == ("rejected", "not funny")
    assert [reason.name for reason in strict(store).reasons(Draft("a bell RINGS!"))] == ["said_before"]


def test_an_edited_draft_still_waits_and_its_old_words_count_as_said_too(store: Store) -> None:
    post = drafted(store)

    against = review.edit(store, post, "A bell hums.", strict(store, post.id), TERMS, datetime.now(UTC))

    stored = store.post(post.id)
    assert (against, stored.text, stored.length, stored.state) == ((), "A bell hums.", 12, "drafted")
    assert store.said("a bell rings", dry=True)
    assert [(row["verdict"], row["text"]) for row in review.verdicts(store, post.id)] == [("edited", "A bell rings.")]


def test_an_edit_may_change_no_more_than_a_comma_and_may_go_back(store: Store) -> None:
    post = drafted(store)
    review.edit(store, post, "A bell rings!", strict(store, post.id), TERMS, datetime.now(UTC))

    against = review.edit(store, store.post(post.id), "A bell rings.", strict(store, post.id), TERMS, datetime.now(UTC))

    assert (against, store.post(post.id).text) == ((), "A bell rings.")


@pytest.mark.parametrize(
    ("text", "reason"),
    [("See example.com", "link"), ("Another one.", "said_before"), ("", "empty")],
)
def test_an_edit_that_may_not_go_out_changes_nothing(store: Store, text: str, reason: str) -> None:
    drafted(store, "Another one.")
    post = drafted(store)

    against = review.edit(store, post, text, strict(store, post.id), TERMS, datetime.now(UTC))

    assert reason in [each.name for each in against]
    assert store.post(post.id) == post
    assert review.verdicts(store, post.id) == []


def test_an_approval_is_of_the_text_that_was_seen(store: Store) -> None:
    seen = drafted(store)
    review.edit(store, seen, "A bell hums.", strict(store, seen.id), TERMS, datetime.now(UTC))

    with pytest.raises(MynahError, match="was edited meanwhile"):
        review.approve(store, seen, TERMS, datetime.now(UTC))

    assert store.post(seen.id).state == "drafted"


def test_of_two_reviewers_at_once_the_second_gets_a_sentence(path: Path, store: Store) -> None:
    post = drafted(store)
    both = threading.Barrier(2)
    told: list[str] = []

    def judge(*, yes: bool) -> None:
        with Store.open(path) as mine:
            both.wait()
            try:
                if yes:
                    review.approve(mine, post, TERMS, datetime.now(UTC))
                else:
                    review.reject(mine, post, "no", datetime.now(UTC))
            except MynahError as error:
                told.append(str(error))

    persons = [threading.Thread(target=judge, kwargs={"yes": True}) for _ in range(2)]
    for person in persons:
        person.start()
    for person in persons:
        person.join()

    assert (store.post(post.id).state, told) == (
        "approved", ["post 1 is approved: only one that is drafted can be reviewed"]
    )  # fmt: skip
    assert len(review.verdicts(store, post.id)) == 1


def test_an_approved_post_can_be_rejected_until_it_is_sent(path: Path) -> None:
    bird = Bird(path)
    bird.turns(1, apart=timedelta(seconds=15))
    bird.approve(1)
    with Store.open(path) as store:
        approved = store.post(1)
        review.reject(store, approved, "", bird.clock.now())
        sent = Outbox(bird.x, GAP, bird.clock, dry=False, price=lambda _: 0).send(
            store, approved
        )  # as it was read then

    assert (sent.post.state, sent.detail, bird.x.texts) == ("rejected", "it is rejected", [])


def test_what_was_sent_can_not_be_judged_any_more(path: Path) -> None:
    bird = Bird(path)
    bird.turns(1, apart=timedelta(seconds=15))
    bird.approve(1)
    bird.turns(1)

    with Store.open(path) as store, pytest.raises(MynahError, match="post 1 is posted"):
        review.reject(store, store.post(1), "", bird.clock.now())


def test_what_a_person_said_is_never_changed(store: Store) -> None:
    review.approve(store, drafted(store), TERMS, datetime.now(UTC))

    for sql in ("UPDATE review SET verdict = 'rejected'", "DELETE FROM review"):
        with pytest.raises(MynahError, match="only added to"):
            store.write(sql, {})


def test_in_a_history_from_before_reviews_an_approved_post_can_be_rejected_too(path: Path) -> None:
    with Store.open(path) as new:
        new.write("DROP TABLE review", {})
        new.write("DELETE FROM legal_move WHERE before = 'approved' AND after = 'rejected'", {})
        new.write("DELETE FROM _sqlite_migrations WHERE name = '0006_review'", {})

    with Store.open(path) as store:
        post = drafted(store)
        review.approve(store, post, TERMS, datetime.now(UTC))
        review.reject(store, post, "", datetime.now(UTC))

        assert store.post(post.id).state == "rejected"
    assert "0006_review" in MIGRATIONS
