"""What is told, when, and how often: real history, real server, a clock set by hand."""

from __future__ import annotations

import re
import threading
from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
import structlog
from pydantic import SecretStr
from structlog.testing import capture_logs

from bot.clock import stamp
from bot.config.settings import Notify, Review, Settings, Web
from bot.config.state_dir import StateDir
from bot.history import notifications as ledger
from bot.history.store import Store
from bot.rounds.agenda import BORN
from bot.running import status
from bot.running.notifications import messages
from bot.running.notifications.notifications import Notifications, running
from bot.sending import pause
from bot.values import Draft, Post, Slot
from tests.fakes import FakeClock
from tests.running.notifications.servers import Ntfy, ntfy_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


class Operator:
    """A bot with a history, an operator with a telephone, and a clock that shows noon in UTC."""

    def __init__(self, root: Path, ntfy: Ntfy) -> None:
        self.phone = ntfy
        self.clock = FakeClock()
        self.state_dir = StateDir(root)
        self.settings = Settings(
            bot="crow",
            state=root,
            mode="review",
            web=Web(url="https://mynah.example.org/"),
            review=Review(expires=timedelta(days=2)),
        )
        self.sets(targets=SecretStr(f"phone = {ntfy.url}"), tell=("draft", "alert"))
        self.numbers = count(1)
        with self.history() as store:
            store.keep_meta(BORN, stamp(self.clock.now() - DAY))
        self.starts()

    def sets(self, **changes: Any) -> None:
        notify = Notify(**(self.settings.notify.model_dump() | changes))
        self.settings = self.settings.model_copy(update={"notify": notify})

    def starts(self) -> None:
        """Start the process, or start it again."""
        self.notifications = Notifications(
            lambda: self.settings, self.state_dir, clock=self.clock, log=structlog.get_logger()
        )

    def history(self) -> Store:
        return Store.open(self.state_dir.history)

    def drafts(self, text: str = "") -> Post:
        """Write a draft that waits for a person."""
        number, now = next(self.numbers), self.clock.now()
        text = text or f"Soup number {number}."
        with self.history() as store:
            post = store.add_draft(
                Draft(text), slot=Slot(f"{number}", now), norm=text, length=9, dry=True, model="m", at=now
            )
            return store.post(post)

    def moves(self, post: Post, *states: str, cost: int | None = None) -> None:
        with self.history() as store:
            for state in states:
                store.move(post.id, state, at=self.clock.now(), cost=cost)

    def halts(self, why: str) -> None:
        with self.history() as store:
            pause.halt(store, self.clock.now(), why)

    def hears(self, after: timedelta = MINUTE) -> list[str]:
        """The messages of one turn, this much later."""
        self.clock.passes(after)
        before = len(self.phone.messages)
        self.notifications.turn()
        return [f"{message['title']}\n{message['message']}" for message in self.phone.messages[before:]]

    def state(self) -> dict[str, str]:
        return dict(status.row(self.settings, self.state_dir, self.clock.now())["notifications"])


@pytest.fixture
def ntfy() -> Iterator[Ntfy]:
    with ntfy_server() as server:
        yield server


@pytest.fixture
def operator(tmp_path: Path, ntfy: Ntfy) -> Operator:
    return Operator(tmp_path, ntfy)


def test_a_draft_that_waits_is_told_once_with_the_page_where_one_approves(operator: Operator) -> None:
    operator.drafts("Soup is a warm umbrella.")

    first, second = operator.hears(), operator.hears()
    operator.starts()
    after_restart = operator.hears()

    assert (len(first), second, after_restart) == (1, [], [])
    assert first[0] == (
        "@crow: 1 draft waits for you\nDraft 1: Soup is a warm umbrella.\nIt expires on Sun 22 Nov at 12:00.\n\n"
        "https://mynah.example.org/queue"
    )


def test_a_text_that_was_told_is_not_kept(operator: Operator) -> None:
    operator.drafts()

    operator.hears()

    with operator.history() as store:
        assert store.rows("SELECT state, text FROM notification") == [{"state": "sent", "text": ""}]


def test_texts_stay_at_home_where_one_says_so(operator: Operator) -> None:
    operator.sets(texts=False)
    operator.drafts("Soup is a warm umbrella.")

    (message,) = operator.hears()

    assert "Draft 1\n" in message
    assert "Soup" not in message


def test_without_an_address_of_the_page_a_message_names_the_command(operator: Operator) -> None:
    operator.settings = operator.settings.model_copy(update={"web": Web()})
    operator.drafts()

    (message,) = operator.hears()

    assert message.endswith("\n\nSee `mynah review`.")


def test_hostile_text_is_visible_and_bounded_and_wakes_nobody(operator: Operator) -> None:
    operator.drafts("\u202egnorw @everyone \x1b]0;x\x07" + "🫠" * 5_000)

    (message,) = operator.hears()

    assert "\\u202egnorw @ everyone \\x1b]0;x\\x07" in message
    assert len(message) < messages.LONGEST_TEXT + 200


def test_a_message_of_many_drafts_stays_below_what_ntfy_takes(operator: Operator) -> None:
    for _ in range(30):
        operator.drafts("🫠" * 200 + f" {next(operator.numbers)}")

    (message,) = operator.hears()

    assert "30 drafts wait for you" in message
    assert message.endswith("…\n\nhttps://mynah.example.org/queue")
    assert len(message.encode()) < 4_096


def test_in_quiet_hours_nothing_is_sent_and_afterwards_only_what_still_waits(operator: Operator) -> None:
    operator.clock.passes(10 * HOUR)  # 22:00
    early, late = operator.drafts(), operator.drafts()

    at_night = operator.hears()
    operator.moves(early, "approved")
    before_eight, in_the_morning = operator.hears(9 * HOUR), operator.hears(HOUR)

    assert (at_night, before_eight) == ([], [])
    (message,) = in_the_morning
    assert f"Draft {late.id}" in message
    assert f"Draft {early.id}" not in message


def test_quiet_hours_are_those_of_the_operators_zone(operator: Operator) -> None:
    schedule = operator.settings.schedule.model_copy(update={"timezone": "Asia/Tokyo"})  # noon in UTC is 21:00
    operator.settings = operator.settings.model_copy(update={"schedule": schedule})
    operator.drafts()

    assert operator.hears(2 * HOUR) == []
    assert len(operator.hears(10 * HOUR)) == 1


def test_drafts_leave_two_messages_of_a_day_to_alerts(operator: Operator) -> None:
    operator.sets(max_per_day=3)

    heard = []
    for _ in range(3):
        operator.drafts()
        heard.append(len(operator.hears()))
    operator.halts("X answered 401")
    alert = operator.hears()
    operator.drafts()
    same_day, next_day = operator.hears(), operator.hears(DAY)

    assert heard == [1, 0, 0]
    assert "2 drafts" not in alert[0]
    assert alert[0].startswith("@crow: needs you\npaused until")
    assert "Draft 2" in alert[0]
    assert same_day == []
    assert len(next_day) == 1


def test_an_alert_is_told_once_and_again_after_a_day(operator: Operator) -> None:
    operator.halts("X answered 401")
    heard = [len(operator.hears())]
    for _ in range(4):  # its halts go on, each with another time
        operator.clock.passes(15 * MINUTE)
        operator.halts("X answered 401")
        heard.append(len(operator.hears()))
    operator.clock.passes(DAY)
    operator.halts("X answered 401")

    assert heard == [1, 0, 0, 0, 0]
    assert len(operator.hears()) == 1


def test_an_alert_that_was_away_is_told_again(operator: Operator) -> None:
    operator.halts("X answered 401")
    first = operator.hears()
    with operator.history() as store:
        pause.resume(store)
    for _ in range(2):
        operator.hears(6 * MINUTE)
    operator.halts("X answered 401")
    flickering = operator.hears()
    with operator.history() as store:
        pause.resume(store)
    for _ in range(2):
        operator.hears(11 * MINUTE)
    operator.halts("X answered 401")

    assert (len(first), len(flickering), len(operator.hears())) == (1, 0, 1)


def test_a_pause_by_a_person_is_no_alert(operator: Operator) -> None:
    with operator.history() as store:
        pause.pause(store, until=pause.FOR_GOOD, because="`mynah pause`")

    assert operator.hears() == []


def test_a_spent_month_is_an_alert(operator: Operator) -> None:
    budget = operator.settings.budget.model_copy(update={"per_month": 0.01})
    operator.settings = operator.settings.model_copy(update={"budget": budget})

    (message,) = operator.hears()

    assert "the month's budget of $0.010 is spent" in message


def test_the_digest_has_the_days_posts_and_what_they_cost(operator: Operator) -> None:
    operator.sets(tell=("digest",))
    post = operator.drafts("Soup is a warm umbrella.")
    operator.drafts()
    operator.moves(post, "approved", "sending", "dry", cost=15_000)

    before = operator.hears()
    message, *more = operator.hears(8 * HOUR)
    operator.starts()

    assert before == []
    assert more == []
    assert message == (
        "@crow: the day\n1 post in the last 24 hours (a dry run: nothing was posted).\n"
        "Spent: $0.015 of $0.500 today (UTC), $0.015 of $5.000 this month.\n1 draft waits for you.\n"
        "• Soup is a warm umbrella.\n\nhttps://mynah.example.org/"
    )
    assert operator.hears() == []
    assert "No posts in the last 24 hours" in operator.hears(DAY)[0]


def test_a_bot_that_first_starts_after_the_hour_of_the_digest_sends_none_that_day(operator: Operator) -> None:
    operator.sets(tell=("digest",))
    operator.clock.passes(9 * HOUR)
    with operator.history() as store:
        store.keep_meta(BORN, stamp(operator.clock.now()))

    assert operator.hears() == []
    assert len(operator.hears(DAY)) == 1


def test_a_target_that_fails_is_tried_again_ever_more_rarely_over_restarts(operator: Operator) -> None:
    operator.drafts()
    operator.phone.answers = [503] * 9
    operator.hears()
    tries = []

    for minutes in (1, 2, 4, 8, 16, 32, 60, 60):
        operator.drafts()  # what is new does not shorten the pause
        operator.starts()
        operator.hears(minutes * MINUTE - MINUTE / 2)
        tries.append(len(operator.phone.answers))
        operator.hears(MINUTE / 2)

    assert tries == [8, 7, 6, 5, 4, 3, 2, 1]
    assert operator.state()["phone"].endswith("(try 9): it answered 503")
    assert operator.hears(HOUR)[0].startswith("@crow: 9 drafts wait for you")
    assert operator.state()["phone"].startswith("sent at")


def test_one_target_that_fails_keeps_no_other_waiting_and_is_told_to_it(operator: Operator) -> None:
    with ntfy_server() as broken:
        broken.answers = [403] * 100
        operator.sets(targets=SecretStr(f"phone={operator.phone.url}\ntablet={broken.url}"))
        operator.drafts()
        heard = [operator.hears(minutes * MINUTE) for minutes in (1, 2, 3, 5)]

    row = status.row(operator.settings, operator.state_dir, operator.clock.now())
    assert "Draft 1" in heard[0][0]
    assert heard[1:3] == [[], []]
    assert "notifications to tablet fail: it answered 403; `mynah notify --test` tries it" in heard[3][0]
    assert row["notifications"]["tablet"].startswith("failed at 2026-11-20T12:11:00.000Z (try 4): it answered 403")
    assert row["notifications"]["phone"].startswith("sent at")
    assert len(row["alerts"]) == 1
    assert not broken.messages


def test_a_process_without_the_secrets_knows_the_targets_by_their_last_week(operator: Operator) -> None:
    operator.drafts()
    operator.hears()
    operator.sets(targets=None)

    assert list(operator.state()) == ["phone"]
    operator.clock.passes(8 * DAY)
    assert operator.state() == {}


def test_the_link_has_the_first_name_of_the_page_where_there_is_no_address(operator: Operator) -> None:
    operator.settings = operator.settings.model_copy(update={"web": Web(hosts=("crow.example",))})
    operator.drafts()

    (message,) = operator.hears()

    assert message.endswith("https://crow.example/queue")


def test_a_target_that_does_not_answer_holds_nothing_back(operator: Operator) -> None:
    operator.phone.gate.clear()
    post = operator.drafts()

    with running(operator.notifications, period=0.01):
        asked = operator.phone.asked.wait(20)
        operator.moves(post, "approved", "sending", "dry")  # while the request waits for its answer
    operator.phone.gate.set()
    for thread in threading.enumerate():
        if thread.name == "notifications":
            thread.join()

    assert asked
    with operator.history() as store:
        assert store.post(post.id).state == "dry"


def test_without_targets_nothing_is_opened_or_imported(tmp_path: Path) -> None:
    notifications = Notifications(
        lambda: Settings(state=tmp_path), StateDir(tmp_path), clock=FakeClock(), log=structlog.get_logger()
    )

    with capture_logs() as logged:
        notifications.turn()

    assert (logged, list(tmp_path.iterdir())) == ([], [])


def test_a_missing_history_is_logged_once_and_not_made_anew(operator: Operator) -> None:
    operator.state_dir.history.unlink()

    with capture_logs() as logged:
        operator.hears()
        operator.hears()

    assert [line["event"] for line in logged] == ["notifications.failed"]
    assert not operator.state_dir.history.exists()


def test_targets_follow_the_configuration(operator: Operator) -> None:
    operator.drafts()
    operator.hears()
    with ntfy_server() as other:
        operator.sets(targets=SecretStr(f"tablet={other.url}"))
        operator.hears()

    assert [len(operator.phone.messages), len(other.messages)] == [1, 1]


def test_old_notifications_are_deleted(operator: Operator) -> None:
    post = operator.drafts()
    operator.hears()
    operator.moves(post, "approved")

    operator.hears(ledger.KEPT + HOUR)

    with operator.history() as store:
        assert store.rows("SELECT 1 FROM notification") == []


def test_an_alert_without_its_numbers_is_the_same_alert() -> None:
    one, other = "no heartbeat since 12:00", "no heartbeat since 13:15"

    assert messages.alert_key(one) == messages.alert_key(other) != messages.alert_key("no heart")
    assert re.fullmatch(r"alert [0-9a-f]{16}", messages.alert_key(one))
