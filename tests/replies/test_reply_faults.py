"""Every fault of X at each step of a reply, over real HTTP: the state of the reply, and what must never happen."""

from __future__ import annotations

import contextlib
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from bot.errors import XError
from bot.x.responses import Answer, why_not
from tests.fake_x.faults import FAULTS, End
from tests.fake_x.server import FakeX
from tests.fake_x.state import World
from tests.fakes import NOON
from tests.sending.test_reconcile import Killed, store_dying_at
from tests.trials.replying_bot import BOT, ME, ReplyingBot, person
from tests.x.test_twitter import MEANINGS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
MAGPIE, ROOK = person(1, "magpie"), person(2, "rook")
QUICK_FAULTS = sorted(name for name, fault in FAULTS.items() if fault.end in {End.ANSWER, End.CUT, End.RESET})
COMMITS = {name for name in QUICK_FAULTS if FAULTS[name].commits}

# The state of the reply right after the fault, by the meaning of X's response.
STATES = {
    None: "posted",
    "Refused": "refused",
    "Unexplained": "refused",
    "Duplicate": "unknown",
    "Unknown": "unknown",
    "Halted": "approved",
    "RateLimited": "approved",
    "TryLater": "approved",
}


@pytest.fixture
def bot(tmp_path: Path) -> Iterator[ReplyingBot]:
    with FakeX(World(ME, now=lambda: NOON)) as server:
        harness = ReplyingBot(tmp_path / "history.db", MAGPIE, ROOK, server=server)
        harness.begins()
        yield harness
        harness.close()
    assert server.broken == []


def state_after(name: str) -> str:
    meaning = MEANINGS[name]
    return STATES[meaning.__name__ if meaning else None]


@pytest.mark.parametrize("name", QUICK_FAULTS)
def test_a_reply_after_a_fault_has_the_state_of_the_fault_and_exists_at_most_once(bot: ReplyingBot, name: str) -> None:
    mention = bot.says(MAGPIE, f"{BOT} hello")
    bot.fail_with(FAULTS["ok"], FAULTS[name])

    bot.beat()

    assert bot.states() == [state_after(name)]
    assert bot.verdicts() == {mention: "answered"}
    bot.lives(30 * HOUR, beat=HOUR)
    state = bot.states()[0]
    mentions = bot.answered()
    assert mentions in ([], [mention])
    assert state == ("posted" if mentions else "refused" if state_after(name) == "refused" else state)
    assert state in {"posted", "refused", "abandoned", "expired"}
    if state_after(name) == "unknown":  # a reply that may exist is looked up and never sent again
        assert sum(request.method == "POST" for request in bot.server.requests) == 1
        assert state == ("posted" if name in COMMITS else "abandoned")


@pytest.mark.parametrize("name", QUICK_FAULTS)
def test_a_failed_poll_loses_no_mention_and_answers_none_twice(bot: ReplyingBot, name: str) -> None:
    mention = bot.says(MAGPIE, f"{BOT} hello")
    bot.fail_with(FAULTS[name])

    bot.lives(2 * HOUR, beat=10 * MINUTE)
    bot.clock.passes(25 * HOUR)  # some limits last a day; mentions become stale earlier
    later = bot.says(ROOK, f"{BOT} and now?")
    bot.lives(HOUR, beat=5 * MINUTE)

    lasts_a_day = name in {"daily_185", "capped_no_reset", "capped_past_reset"}
    assert bot.answered() == ([later] if lasts_a_day else [mention, later])
    assert bot.verdicts()[mention] == ("stale" if lasts_a_day else "answered")


@pytest.mark.parametrize("suffix", [" & <b>", " ☔ cafe\u0301"], ids=["escaped", "composed"])
def test_a_lost_reply_is_found_despite_the_handles_that_x_adds(bot: ReplyingBot, suffix: str) -> None:
    bot.voice.texts = (f"It rains{suffix} here.",)
    mention = bot.says(MAGPIE, f"@rook {BOT} hello")
    bot.fail_with(FAULTS["ok"], FAULTS["reset_after"])
    bot.beat()
    assert bot.states() == ["unknown"]

    bot.lives(10 * MINUTE)

    assert (bot.states(), bot.answered()) == (["posted"], [mention])
    (post,) = bot.store.history(state="posted")
    assert post.x_id == bot.world.posts_of(ME.id)[0].id


def test_a_post_with_the_same_text_is_not_the_lost_reply(bot: ReplyingBot) -> None:
    bot.voice.texts = ("It rains.",)
    bot.says(MAGPIE, f"{BOT} hello")
    bot.fail_with(FAULTS["ok"], FAULTS["reset_before"])
    bot.beat()
    bot.world.create(ME, "It rains.")

    bot.lives(HOUR)

    assert bot.states() == ["abandoned"]


@pytest.mark.parametrize("name", ["not_summoned", "not_summoned_newer", "target_gone", "quote_gate", "forbidden"])
def test_a_refusal_is_final_for_its_mention_and_its_reason_is_stored(bot: ReplyingBot, name: str) -> None:
    bot.says(MAGPIE, f"{BOT} hello")
    bot.fail_with(FAULTS["ok"], FAULTS[name])

    bot.lives(24 * HOUR, beat=HOUR)

    (post,) = bot.store.history()
    assert (post.state, bot.answers()) == ("refused", [])
    assert "403" in post.note


@pytest.mark.parametrize("name", ["not_summoned", "not_summoned_newer"])
def test_not_summoned_is_recognised_in_both_wordings(name: str) -> None:
    answer = Answer(403, {}, json.loads(FAULTS[name].body or b""))

    error = why_not(answer, method="POST", path="/2/tweets", now=NOON)

    assert "only to those who mentioned the bot" in str(error)


STEPS = (
    "meta",
    "rows: FROM mention",
    "rows: FROM block",
    "rows: FROM answer",
    "rows: FROM expense",
    "keep_meta",
    "write: INTO mention",
    "write: INTO expense",
    "write: DELETE FROM mention",
    "write: UPDATE mention",
    "write: INTO post",
    "move",
    "post",
    "posts_in",
    "history",
    "said",
)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_after_a_kill_between_any_two_steps_every_mention_is_answered_once(
    tmp_path: Path, step: str, *, after: bool
) -> None:
    bot = ReplyingBot(tmp_path / "history.db", MAGPIE, ROOK)
    bot.begins()
    mentions = [bot.says(MAGPIE, f"{BOT} hello"), bot.says(ROOK, f"{BOT} hello")]

    agenda, _ = bot.born(store_dying_at(step, after=after))
    with pytest.raises(Killed):
        agenda.answer()
    bot.agenda, bot.replying = bot.born()
    bot.lives(HOUR)

    assert sorted(bot.answered()) == mentions
    assert bot.world.bank.billed <= bot.spent() <= bot.world.bank.billed + 10_000  # one read may be paid for twice
    bot.close()


@pytest.mark.parametrize("name", ["never sent", "ok", "reset_after", "created_html", "reset_before", "not_summoned"])
def test_after_a_kill_while_sending_the_reply_is_looked_up_and_not_sent_again(bot: ReplyingBot, name: str) -> None:
    mention = bot.says(MAGPIE, f"{BOT} hello")
    send = bot.x.post

    def post_and_die(*args: Any, **kwargs: Any) -> None:
        if name != "never sent":
            bot.fail_with(FAULTS[name])
            with contextlib.suppress(XError):  # the process is gone before the response
                send(*args, **kwargs)
        raise Killed

    bot.x.post = post_and_die  # type: ignore[method-assign,assignment]
    with pytest.raises(Killed):
        bot.beat()
    assert bot.states() == ["sending"]
    bot.x.post = send  # type: ignore[method-assign]
    bot.agenda, bot.replying = bot.born()

    bot.lives(HOUR)

    is_there = name in {"ok", "reset_after", "created_html"}
    assert bot.answered() == ([mention] if is_there else [])
    assert bot.states() == ["posted" if is_there else "abandoned"]
    assert sum(request.method == "POST" for request in bot.server.requests) == (name != "never sent")
