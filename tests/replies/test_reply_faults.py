"""Every fault of X's at each step of a reply, over real HTTP: what becomes of the reply, and what must never happen."""

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
from tests.sending.test_reconcile import Killed, dying
from tests.trials.replying_bot import BOT, ME, person
from tests.trials.replying_bot import ReplyingBot as Life
from tests.x.test_twitter import MEANINGS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
MAGPIE, ROOK = person(1, "magpie"), person(2, "rook")
QUICK = sorted(name for name, fault in FAULTS.items() if fault.end in {End.ANSWER, End.CUT, End.RESET})
COMMITS = {name for name in QUICK if FAULTS[name].commits}

# What the answer's post is right after its request met the fault, by what X's answer means.
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
def life(tmp_path: Path) -> Iterator[Life]:
    with FakeX(World(ME, now=lambda: NOON)) as server:
        born = Life(tmp_path / "history.db", MAGPIE, ROOK, server=server)
        born.begins()
        yield born
        born.close()
    assert server.broken == []


def state_after(name: str) -> str:
    meaning = MEANINGS[name]
    return STATES[meaning.__name__ if meaning else None]


@pytest.mark.parametrize("name", QUICK)
def test_an_answer_that_meets_a_fault_ends_as_the_fault_means_and_is_there_at_most_once(life: Life, name: str) -> None:
    mention = life.says(MAGPIE, f"{BOT} hello")
    life.fail_with(FAULTS["ok"], FAULTS[name])

    life.beat()

    assert life.states() == [state_after(name)]
    assert life.verdicts() == {mention: "answered"}
    life.lives(30 * HOUR, beat=HOUR)
    settled = life.states()[0]
    there = life.answered()
    assert there in ([], [mention])
    assert settled == ("posted" if there else "refused" if state_after(name) == "refused" else settled)
    assert settled in {"posted", "refused", "abandoned", "expired"}
    if state_after(name) == "unknown":  # what may exist is looked for, and never sent again
        assert sum(request.method == "POST" for request in life.server.requests) == 1
        assert settled == ("posted" if name in COMMITS else "abandoned")


@pytest.mark.parametrize("name", QUICK)
def test_a_poll_that_fails_loses_no_mention_and_answers_none_twice(life: Life, name: str) -> None:
    mention = life.says(MAGPIE, f"{BOT} hello")
    life.fail_with(FAULTS[name])

    life.lives(2 * HOUR, beat=10 * MINUTE)
    life.clock.passes(25 * HOUR)  # some limits last a day, and mentions do not
    later = life.says(ROOK, f"{BOT} and now?")
    life.lives(HOUR, beat=5 * MINUTE)

    lasts_a_day = name in {"daily_185", "capped_no_reset", "capped_past_reset"}
    assert life.answered() == ([later] if lasts_a_day else [mention, later])
    assert life.verdicts()[mention] == ("stale" if lasts_a_day else "answered")


@pytest.mark.parametrize("tail", [" & <b>", " ☔ cafe\u0301"], ids=["escaped", "composed"])
def test_a_lost_answer_is_found_behind_the_handles_that_x_put_before_it(life: Life, tail: str) -> None:
    life.voice.texts = (f"It rains{tail} here.",)
    mention = life.says(MAGPIE, f"@rook {BOT} hello")
    life.fail_with(FAULTS["ok"], FAULTS["reset_after"])
    life.beat()
    assert life.states() == ["unknown"]

    life.lives(10 * MINUTE)

    assert (life.states(), life.answered()) == (["posted"], [mention])
    (post,) = life.store.history(state="posted")
    assert post.x_id == life.world.posts_of(ME.id)[0].id


def test_a_post_of_the_same_words_is_not_the_lost_answer(life: Life) -> None:
    life.voice.texts = ("It rains.",)
    life.says(MAGPIE, f"{BOT} hello")
    life.fail_with(FAULTS["ok"], FAULTS["reset_before"])
    life.beat()
    life.world.create(ME, "It rains.")

    life.lives(HOUR)

    assert life.states() == ["abandoned"]


@pytest.mark.parametrize("name", ["not_summoned", "not_summoned_newer", "target_gone", "quote_gate", "forbidden"])
def test_a_refusal_is_final_for_that_mention_and_says_why(life: Life, name: str) -> None:
    life.says(MAGPIE, f"{BOT} hello")
    life.fail_with(FAULTS["ok"], FAULTS[name])

    life.lives(24 * HOUR, beat=HOUR)

    (post,) = life.store.history()
    assert (post.state, life.answers()) == ("refused", [])
    assert "403" in post.note


@pytest.mark.parametrize("name", ["not_summoned", "not_summoned_newer"])
def test_not_summoned_in_either_wording_is_told_from_other_refusals(name: str) -> None:
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
def test_killed_between_any_two_steps_everybody_is_answered_once_all_the_same(
    tmp_path: Path, step: str, *, after: bool
) -> None:
    life = Life(tmp_path / "history.db", MAGPIE, ROOK)
    life.begins()
    mentions = [life.says(MAGPIE, f"{BOT} hello"), life.says(ROOK, f"{BOT} hello")]

    agenda, _ = life.born(dying(step, after=after))
    with pytest.raises(Killed):
        agenda.answer()
    life.agenda, life.replying = life.born()
    life.lives(HOUR)

    assert sorted(life.answered()) == mentions
    assert life.world.bank.billed <= life.spent() <= life.world.bank.billed + 10_000  # a reading, paid for again
    life.close()


@pytest.mark.parametrize("name", ["never sent", "ok", "reset_after", "created_html", "reset_before", "not_summoned"])
def test_killed_while_sending_an_answer_it_finds_out_and_does_not_send_again(life: Life, name: str) -> None:
    mention = life.says(MAGPIE, f"{BOT} hello")
    send = life.x.post

    def killed(*args: Any, **kwargs: Any) -> None:
        if name != "never sent":
            life.fail_with(FAULTS[name])
            with contextlib.suppress(XError):  # nobody is left to hear the answer
                send(*args, **kwargs)
        raise Killed

    life.x.post = killed  # type: ignore[method-assign,assignment]
    with pytest.raises(Killed):
        life.beat()
    assert life.states() == ["sending"]
    life.x.post = send  # type: ignore[method-assign]
    life.agenda, life.replying = life.born()

    life.lives(HOUR)

    is_there = name in {"ok", "reset_after", "created_html"}
    assert life.answered() == ([mention] if is_there else [])
    assert life.states() == ["posted" if is_there else "abandoned"]
    assert sum(request.method == "POST" for request in life.server.requests) == (name != "never sent")
