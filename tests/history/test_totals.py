"""The running totals are what a count of the rows gives, whatever happened."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bot.history import ledger, mentions, refusals
from bot.history.forgetting import clear_refusals
from bot.history.store import Store
from bot.sending.budget import day_start
from bot.values import Draft, Reason, Slot
from tests.fake_x.faults import End, Fault
from tests.fakes import NOON
from tests.trials.replying_bot import BOT, ReplyingBot, person

if TYPE_CHECKING:
    from pathlib import Path

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
COUNTED = {
    "post": "SELECT dry, state AS label, count(*) AS number FROM post GROUP BY 1, 2",
    "refusal": "SELECT dry, reason AS label, count(*) AS number FROM refusal GROUP BY 1, 2",
    "mention": "SELECT 0 AS dry, coalesce(verdict, 'waiting') AS label, count(*) AS number FROM mention GROUP BY 1, 2",
}
PAID = """
SELECT coalesce(sum(cost), 0) AS cost FROM (
    SELECT sent_at AS at, cost FROM post WHERE dry = 0 AND state IN ('sending', 'unknown', 'posted', 'abandoned')
    UNION ALL SELECT at, cost FROM expense WHERE NOT by_hand
) WHERE at BETWEEN :since AND :until
"""
OPEN = """
SELECT post.id FROM post LEFT JOIN look ON look.id = (SELECT max(id) FROM look WHERE look.post = post.id)
WHERE post.dry = 0 AND post.state IN ('unknown', 'abandoned') AND (look.id IS NULL OR look.again IS NOT NULL)
"""


@pytest.fixture(scope="module")
def bot(tmp_path_factory: pytest.TempPathFactory) -> ReplyingBot:
    """It has lived for two days: it posts, answers, loses answers and is refused."""
    friend = person(1)
    bot = ReplyingBot(tmp_path_factory.mktemp("life") / "history.db", friend, posts_every=2 * HOUR)
    bot.begins()
    for hour in range(48):
        if hour % 3 == 0:
            bot.says(friend, f"{BOT} hello {hour}")
        if hour % 7 == 1:
            bot.fail_with(*[Fault(end=End.RESET, commits=hour % 2 == 0)] * 4)
        bot.lives(HOUR, beat=timedelta(minutes=10))
    with bot.store.atomic():
        refused = [
            (Draft("One."), Reason("slur")),
            (Draft("Two."), Reason("copied")),
            (Draft("Three."), Reason("link")),
        ]
        for at in (NOON - 200 * DAY, NOON):
            slot = Slot(str(at), at)
            refusals.add(bot.store, refused, slot=slot, dry=True, model="m", at=at)
        ledger.spend(bot.store, "delete", 9, about="", by_hand=True, at=NOON)
    return bot


def totals(store: Store) -> dict[str, list[dict[str, object]]]:
    sql = "SELECT dry, label, number FROM tally WHERE name = ? AND number <> 0 ORDER BY dry, label"
    return {name: store.rows(sql, [name]) for name in COUNTED}


def counted(store: Store) -> dict[str, list[dict[str, object]]]:
    return {name: store.rows(f"{sql} ORDER BY 1, 2") for name, sql in COUNTED.items()}


def test_the_counts_are_those_of_the_rows(bot: ReplyingBot) -> None:
    assert totals(bot.store) == counted(bot.store)
    assert {"posted", "abandoned"} <= bot.store.counts(dry=False).keys()
    assert mentions.counts(bot.store)["answered"]


def test_the_counts_follow_what_is_deleted(bot: ReplyingBot) -> None:
    clear_refusals(bot.store, [])
    mentions.forget(bot.store, "person1")
    mentions.prune(bot.store, NOON + 100 * DAY)

    assert totals(bot.store) == counted(bot.store)
    assert totals(bot.store)["mention"] == []
    assert "copied" not in refusals.counts(bot.store, dry=True)


@pytest.mark.parametrize("since", [day_start(NOON), NOON, NOON - 31 * DAY, NOON + 3 * HOUR, NOON + 50 * DAY])
@pytest.mark.parametrize("until", [NOON + HOUR, NOON + DAY, day_start(NOON) + 2 * DAY, NOON + 60 * DAY, None])
def test_what_was_spent_is_the_sum_of_the_rows(bot: ReplyingBot, since: object, until: object) -> None:
    from bot.clock import stamp

    values = {"since": stamp(since), "until": stamp(until) if until else "9"}

    spent = ledger.spent_since(bot.store, since, until=until, dry=False)

    assert spent == bot.store.rows(PAID, values)[0]["cost"]


def test_the_posts_to_look_up_are_those_without_a_last_lookup(bot: ReplyingBot) -> None:
    pending = [post.id for state in ("unknown", "abandoned") for post, _ in bot.store.to_look_up(state)]

    assert sorted(pending) == sorted(row["id"] for row in bot.store.rows(OPEN))


def test_an_expired_draft_does_not_hide_others_that_resemble_it(tmp_path: Path) -> None:
    from bot.history import near_duplicates

    text = "The night train was late again and nobody minded"
    with Store.open(tmp_path / "history.db") as store:
        ids = []
        for number in range(near_duplicates.MOST + 20):
            draft = Draft(f"{text} {number}")
            ids.append(store.add_draft(
                draft, slot=Slot(str(number), NOON), norm=draft.text, length=9, dry=False, model="m", at=NOON
            ))  # fmt: skip
        for post in ids[1:]:
            store.move(post, "expired", at=NOON)

        assert near_duplicates.said(store, f"{text} indeed", dry=False) == f"post {ids[0]}: {text} 0"
        assert store.rows("SELECT count(*) AS n FROM nearness") == [{"n": 12}]
