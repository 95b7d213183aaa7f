"""The review queue: which drafts wait, and the effects of an approval, a rejection and no review."""

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
TEXTS = [part for number in range(9) for part in (f"Draft number {number} is about bells.", "")]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with Store.open(path) as store:
        yield store


class Bot:
    """A bot in review mode, its clock, what it sent and what it logged."""

    def __init__(
        self, path: Path, *, review_mode: bool = True, brakes: Brakes = GAP, clock: FakeClock | None = None
    ) -> None:
        self.path = path
        self.x = FakePublisher()
        self.voice = FakeVoice(*TEXTS)
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

    def turns(self, number: int, *, period: timedelta = PERIOD) -> list[str | None]:
        """The outcomes of `number` turns."""
        outcomes = []
        for _ in range(number):
            round_ = self.agenda.turn()
            outcomes.append(round_.outcome if round_ else None)
            self.clock.passes(period)
        return outcomes

    def approve(self, *posts: int) -> None:
        with Store.open(self.path) as store:
            for post in posts:
                review.approve(store, store.post(post), TERMS, self.clock.now())

    def states(self) -> list[str]:
        with Store.open(self.path) as store:
            return [post.state for post in reversed(store.history())]


def add_draft(store: Store, text: str = "A bell rings.", *, at: datetime | None = None, dry: bool = True) -> Post:
    """A draft that waits for review."""
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
    bot = Bot(path)

    assert bot.turns(2) == ["drafted", "drafted"]
    assert (bot.x.texts, bot.states()) == ([], ["drafted", "drafted"])


def test_an_approved_draft_is_sent_at_the_next_turn(path: Path) -> None:
    bot = Bot(path)
    bot.turns(1, period=timedelta(seconds=15))
    bot.approve(1)

    assert bot.turns(1) == ["posted"]
    assert bot.x.texts == ["Draft number 0 is about bells."]


def test_the_gap_applies_to_an_approved_draft_and_new_ones_are_made_meanwhile(path: Path) -> None:
    bot = Bot(path)
    bot.turns(2, period=PERIOD)
    bot.clock.passes(-timedelta(minutes=1))
    bot.approve(1, 2)

    assert bot.turns(3, period=timedelta(minutes=1)) == ["posted", "drafted", "waiting"]
    bot.clock.passes(timedelta(minutes=20))
    assert bot.turns(1) == ["posted"]


@pytest.mark.parametrize(
    ("hours", "outcome"), [(0, "posted"), (23, "posted"), (25, "expired")], ids=["at once", "a long gap", "too late"]
)
def test_an_approval_is_valid_from_the_time_it_was_given(path: Path, hours: int, outcome: str) -> None:
    bot = Bot(path)
    bot.turns(1, period=timedelta(hours=23))
    bot.approve(1)
    with Store.open(path) as store:
        pause.pause(store, until=bot.clock.now() + timedelta(hours=hours), because="a test")
    bot.clock.passes(timedelta(hours=hours))

    assert bot.turns(1) == [outcome]


def test_a_pause_stops_drafting_and_sending(path: Path) -> None:
    bot = Bot(path)
    bot.turns(1)
    bot.approve(1)
    with Store.open(path) as store:
        pause.pause(store, until=pause.FOR_GOOD, because="a test")

    assert bot.turns(2) == ["waiting", "waiting"]
    assert (len(bot.voice.calls), bot.x.texts) == (1, [])


def test_a_draft_without_a_review_expires_and_is_logged_once(path: Path) -> None:
    bot = Bot(path)
    bot.turns(1, period=DAY + timedelta(minutes=1))

    bot.turns(2, period=timedelta(minutes=1))

    assert bot.states() == ["expired", "drafted"]
    assert [(entry["level"], entry["event"], entry["post"]) for entry in bot.logged] == [
        ("warning", "draft.expired", 1)
    ]
    with pytest.raises(MynahError, match="post 1 is expired"):
        bot.approve(1)


def test_a_draft_with_a_future_date_expires(path: Path) -> None:
    bot = Bot(path)
    bot.turns(1)
    bot.clock.is_set(bot.clock.now() - timedelta(days=400))

    bot.turns(1)

    assert bot.states()[0] == "expired"


def test_a_full_queue_skips_slots(path: Path) -> None:
    bot = Bot(path)

    assert bot.turns(5) == ["drafted", "drafted", "drafted", "skipped", "skipped"]
    bot.approve(1)
    assert bot.turns(2) == ["posted", "drafted"]


def test_waiting_drafts_are_not_sent_when_review_mode_is_turned_off(path: Path) -> None:
    clock = FakeClock()
    Bot(path, clock=clock).turns(1, period=timedelta(0))
    clock.passes(PERIOD)
    auto_bot = Bot(path, review_mode=False, clock=clock)
    auto_bot.voice = FakeVoice()

    assert auto_bot.turns(1) == ["skipped"]  # its first text is that of a waiting draft, which counts as posted
    assert auto_bot.states() == ["drafted"]


def test_a_round_by_hand_sends_an_approved_draft_first(path: Path) -> None:
    bot = Bot(path)
    first = bot.agenda.speak_now(once(bot.clock.now()))
    bot.approve(1)
    bot.clock.passes(timedelta(seconds=1))

    assert first.outcome == "drafted"
    assert bot.agenda.speak_now(once(bot.clock.now())).outcome == "posted"
    assert bot.agenda.speak_now(once(bot.clock.now())).outcome == "drafted"


def test_a_round_by_hand_skips_an_expired_draft(path: Path) -> None:
    bot = Bot(path, review_mode=False)
    bot.x.answers = [TryLater("down")]
    bot.turns(1, period=timedelta(hours=1))

    assert bot.agenda.speak_now(once(bot.clock.now())).outcome == "posted"
    assert bot.states() == ["expired", "posted"]


# Verdicts


def test_a_rejected_draft_counts_as_posted(store: Store) -> None:
    post = add_draft(store)
    review.reject(store, post, "not funny", datetime.now(UTC))

    stored = store.post(post.id)

    assert (stored.state, stored.note) == ("rejected", "not funny")
    assert [reason.name for reason in strict(store).reasons(Draft("a bell RINGS!"))] == ["said_before"]


def test_an_edited_draft_still_waits_and_its_old_text_counts_as_posted_too(store: Store) -> None:
    post = add_draft(store)

    against = review.edit(store, post, "A bell hums.", strict(store, post.id), TERMS, datetime.now(UTC))

    stored = store.post(post.id)
    assert (against, stored.text, stored.length, stored.state) == ((), "A bell hums.", 12, "drafted")
    assert store.said("a bell rings", dry=True)
    assert [(row["verdict"], row["text"]) for row in review.verdicts(store, post.id)] == [("edited", "A bell rings.")]


def test_an_edit_may_change_only_a_comma_and_may_be_undone(store: Store) -> None:
    post = add_draft(store)
    review.edit(store, post, "A bell rings!", strict(store, post.id), TERMS, datetime.now(UTC))

    against = review.edit(store, store.post(post.id), "A bell rings.", strict(store, post.id), TERMS, datetime.now(UTC))

    assert (against, store.post(post.id).text) == ((), "A bell rings.")


@pytest.mark.parametrize(
    ("text", "reason"),
    [("See example.com", "link"), ("Another one.", "said_before"), ("", "empty")],
)
def test_an_edit_that_the_screen_refuses_changes_nothing(store: Store, text: str, reason: str) -> None:
    add_draft(store, "Another one.")
    post = add_draft(store)

    against = review.edit(store, post, text, strict(store, post.id), TERMS, datetime.now(UTC))

    assert reason in [entry.name for entry in against]
    assert store.post(post.id) == post
    assert review.verdicts(store, post.id) == []


def test_an_approval_applies_only_to_the_text_that_was_shown(store: Store) -> None:
    post = add_draft(store)
    review.edit(store, post, "A bell hums.", strict(store, post.id), TERMS, datetime.now(UTC))

    with pytest.raises(MynahError, match="was edited meanwhile"):
        review.approve(store, post, TERMS, datetime.now(UTC))

    assert store.post(post.id).state == "drafted"


def test_of_two_simultaneous_reviews_the_second_gets_one_message(path: Path, store: Store) -> None:
    post = add_draft(store)
    barrier = threading.Barrier(2)
    errors: list[str] = []

    def review_once(*, approves: bool) -> None:
        with Store.open(path) as connection:
            barrier.wait()
            try:
                if approves:
                    review.approve(connection, post, TERMS, datetime.now(UTC))
                else:
                    review.reject(connection, post, "no", datetime.now(UTC))
            except MynahError as error:
                errors.append(str(error))

    threads = [threading.Thread(target=review_once, kwargs={"approves": True}) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (store.post(post.id).state, errors) == (
        "approved", ["post 1 is approved: only one that is drafted can be reviewed"]
    )  # fmt: skip
    assert len(review.verdicts(store, post.id)) == 1


def test_an_approved_post_can_be_rejected_until_it_is_sent(path: Path) -> None:
    bot = Bot(path)
    bot.turns(1, period=timedelta(seconds=15))
    bot.approve(1)
    with Store.open(path) as store:
        post = store.post(1)
        review.reject(store, post, "", bot.clock.now())
        outcome = Outbox(bot.x, GAP, bot.clock, dry=False, price=lambda _: 0).send(
            store, post
        )  # the row as it was read before

    assert (outcome.post.state, outcome.detail, bot.x.texts) == ("rejected", "it is rejected", [])


def test_a_sent_post_can_no_longer_be_reviewed(path: Path) -> None:
    bot = Bot(path)
    bot.turns(1, period=timedelta(seconds=15))
    bot.approve(1)
    bot.turns(1)

    with Store.open(path) as store, pytest.raises(MynahError, match="post 1 is posted"):
        review.reject(store, store.post(1), "", bot.clock.now())


def test_a_review_is_never_changed(store: Store) -> None:
    review.approve(store, add_draft(store), TERMS, datetime.now(UTC))

    for sql in ("UPDATE review SET verdict = 'rejected'", "DELETE FROM review"):
        with pytest.raises(MynahError, match="only added to"):
            store.write(sql, {})


def test_in_a_history_from_before_reviews_an_approved_post_can_be_rejected_too(path: Path) -> None:
    with Store.open(path) as migrated:
        migrated.write("DROP TABLE review", {})
        migrated.write("DELETE FROM legal_move WHERE before = 'approved' AND after = 'rejected'", {})
        migrated.write("DELETE FROM _sqlite_migrations WHERE name = '0006_review'", {})

    with Store.open(path) as store:
        post = add_draft(store)
        review.approve(store, post, TERMS, datetime.now(UTC))
        review.reject(store, post, "", datetime.now(UTC))

        assert store.post(post.id).state == "rejected"
    assert "0006_review" in MIGRATIONS
