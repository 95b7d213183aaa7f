"""Which mentions are answered, and what is kept of them: a bot among people, on a fake clock."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bot.history import blocks, mentions
from bot.replies import polling
from bot.sending import pause
from bot.sending.budget import Caps
from tests.fake_x.faults import FAULTS
from tests.fakes import NOON
from tests.trials.replying_bot import BOT, LIMITS, ME, Parrot, person
from tests.trials.replying_bot import ReplyingBot as Life

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
MAGPIE, ROOK, JAY = person(1, "magpie"), person(2, "rook"), person(3, "jay")
GROK = person(4, "grok")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.db"


@pytest.fixture
def life(path: Path) -> Iterator[Life]:
    born = Life(path, MAGPIE, ROOK, JAY, GROK)
    born.begins()
    yield born
    born.close()


# Reading


def test_whoever_was_there_before_is_not_answered(path: Path) -> None:
    life = Life(path, MAGPIE)
    early = [life.says(MAGPIE, f"{BOT} hello {number}") for number in range(9)]

    life.lives(HOUR)

    assert life.answers() == []
    assert life.verdicts() == dict.fromkeys(early[-5:], "before_us")
    assert life.watermark() == early[-1]
    assert life.spent() == 10_000 + 5 * 1_000  # whose account it is, and the fewest mentions that X gives


def test_without_earlier_mentions_every_later_one_is_answered(life: Life) -> None:
    assert life.watermark() == "0"

    mention = life.says(MAGPIE, f"{BOT} hello")
    life.lives(10 * MINUTE)

    assert life.answered() == [mention]
    assert life.watermark() == mention


def test_a_mention_is_paid_for_once_and_answered_once_however_long_the_bot_lives(life: Life) -> None:
    mention = life.says(MAGPIE, f"{BOT} hello")

    life.lives(2 * DAY, beat=5 * MINUTE)

    assert life.answered() == [mention]
    assert life.spent() == life.world.bank.billed == 10_000 + 1_000 + 10_000


@pytest.mark.parametrize("new_dialect", [False, True], ids=["old dialect", "new dialect"])
def test_both_dialects_of_x_are_understood(path: Path, *, new_dialect: bool) -> None:
    life = Life(path, MAGPIE, ROOK, new_dialect=new_dialect)
    life.begins()
    questions = life.says(MAGPIE, f"@rook what does {BOT} say?")
    meant_for_others = life.says(ROOK, "nothing at all", reply_to=questions)

    life.lives(20 * MINUTE)

    assert life.answered() == [questions]
    assert life.verdicts()[meant_for_others] == "not_called"
    assert life.world.posts_of(ME.id)[0].prefix == "@magpie "  # and not @rook


def test_a_backlog_is_read_page_by_page_and_the_oldest_is_answered_first(path: Path) -> None:
    people = [person(number) for number in range(260)]
    life = Life(path, *people, limits=replace(LIMITS, per_day=1_000))
    life.begins()
    questions = [life.says(who, f"{BOT} hello") for who in people]

    life.beat()
    life.beat()
    assert (life.watermark(), life.answers()) == ("0", [])  # not yet all read
    life.beat()

    assert life.watermark() == questions[-1]
    assert life.answered() == questions[:1]
    life.lives(5 * HOUR)
    assert life.answered() == questions
    assert life.spent() == life.world.bank.billed


def test_what_came_while_pages_were_read_is_read_too(path: Path) -> None:
    people = [person(number) for number in range(130)]
    life = Life(path, *people, limits=replace(LIMITS, per_day=1_000))
    life.begins()
    for who in people[:120]:
        life.says(who, f"{BOT} hello")
    life.beat()
    for who in people[120:]:
        life.says(who, f"{BOT} me too")

    life.lives(3 * HOUR)

    assert len(life.answers()) == 130


def test_after_a_week_down_the_old_are_passed_over_and_a_stop_among_them_is_heard(life: Life) -> None:
    life.says(MAGPIE, f"{BOT} please stop")
    old = life.says(ROOK, f"{BOT} hello")
    life.clock.passes(7 * DAY)
    late = life.says(MAGPIE, f"{BOT} hello again")
    new = life.says(ROOK, f"{BOT} hello?")

    life.lives(HOUR)

    assert life.answered() == [new]
    assert (life.verdicts()[old], life.verdicts()[late]) == ("stale", "blocked")


@pytest.mark.parametrize(
    "fault", ["unavailable", "unauthorized", "only_errors", "html", "too_many_no_reset", "reset_before"]
)
def test_a_page_that_cannot_be_read_is_asked_for_again_and_ever_less_often(life: Life, fault: str) -> None:
    mention = life.says(MAGPIE, f"{BOT} hello")
    life.clock.passes(HOUR)
    before = len(life.direct.requests)
    life.fail_with(*[FAULTS[fault]] * 4)

    life.lives(2 * HOUR)

    assert life.answered() == [mention]
    assert len(life.direct.requests) - before < 30
    assert life.spent() == life.world.bank.billed


def test_a_page_that_makes_no_sense_moves_nothing(life: Life) -> None:
    mention = life.says(MAGPIE, f"{BOT} hello")
    life.direct.api._post = lambda *_: {"id": "../../etc", "text": "x"}

    life.lives(HOUR)
    assert (life.watermark(), life.verdicts()) == ("0", {})
    del life.direct.api._post
    life.lives(HOUR)

    assert life.answered() == [mention]


def test_a_mention_without_an_author_is_not_answered(life: Life) -> None:
    wire = life.direct.api._post
    life.direct.api._post = lambda *args: {key: value for key, value in wire(*args).items() if key != "author_id"}
    mention = life.says(MAGPIE, f"{BOT} hello")

    life.lives(HOUR)

    assert life.answers() == []
    assert life.verdicts() == {mention: "unreadable"}


def test_half_a_letter_in_what_somebody_says_stops_nobody(path: Path) -> None:
    life = Life(path, MAGPIE, ROOK, listen=True)
    life.begins()
    questions = [life.says(MAGPIE, f"{BOT} \ud83d hello"), life.says(ROOK, f"{BOT} hello")]

    life.lives(HOUR)

    assert life.answered() == questions
    life.close()


def test_a_page_that_it_falls_over_is_not_bought_at_every_heartbeat(life: Life) -> None:
    life.says(MAGPIE, f"{BOT} hello")
    before = len(life.direct.requests)

    class Broken:
        def why_not(self, *_: object) -> None:
            raise ZeroDivisionError

    poller = life.replying._poller
    poller._settings = replace(poller._settings, eligibility=Broken())
    for _ in range(60):  # heartbeats of a minute
        with contextlib.suppress(ZeroDivisionError):
            life.beat()
        life.clock.passes(MINUTE)

    assert len(life.direct.requests) - before == 12


def test_the_watermark_is_compared_as_a_number(life: Life) -> None:
    life.store.keep_meta(
        "mentions", '{"since": "99", "until": "", "newest": "", "asked": "", "again": "", "failures": 0}'
    )
    mention = life.says(MAGPIE, f"{BOT} hello")

    life.lives(10 * MINUTE)

    assert life.watermark() == mention


def test_a_clock_that_is_set_back_does_not_end_the_polling(life: Life) -> None:
    life.beat()
    life.clock.is_set(NOON - 3 * DAY)
    life.world.now = lambda: NOON + HOUR  # X's clock is right
    mention = life.says(MAGPIE, f"{BOT} hello")

    life.lives(20 * MINUTE)

    assert life.answered() == [mention]


# Who


def test_itself_and_known_bots_are_never_answered(life: Life) -> None:
    own = life.world.create(ME, f"I am {BOT}").id
    bot = life.says(GROK, f"{BOT} hello")

    life.lives(HOUR)

    assert life.answers() == []
    assert life.verdicts() == {bot: "known_bot"}
    assert own not in life.verdicts()  # X does not even show it


def test_a_repost_of_a_call_is_no_call_and_its_words_are_anothers(life: Life) -> None:
    first = life.says(MAGPIE, f"{BOT} please stop it, rook")
    repost = life.says(ROOK, f"RT @magpie: {BOT} please stop it, rook", retweet_of=first)

    life.lives(HOUR)

    assert life.answers() == []
    assert life.verdicts() == {first: "opted_out", repost: "repost"}
    assert not blocks.is_blocked(life.store, ROOK.id, ROOK.handle)


def test_a_quote_is_answered_only_where_it_calls(life: Life) -> None:
    post = life.world.create(ME, "soup again")
    silent = life.says(MAGPIE, "look at this", quote_of=post.id)
    calling = life.says(ROOK, f"{BOT} really?", quote_of=post.id)

    life.lives(HOUR)

    assert life.answered() == [calling]
    assert life.verdicts()[silent] == "not_called"


def test_a_reply_to_the_bot_that_does_not_name_it_is_no_call(life: Life) -> None:
    post = life.world.create(ME, "soup again")
    plain = life.says(MAGPIE, "nice", reply_to=post.id)
    named = life.says(ROOK, f"tell me more, {BOT}", reply_to=post.id)

    life.lives(HOUR)

    assert life.answered() == [named]
    assert life.verdicts()[plain] == "not_called"


def test_an_edited_call_is_answered_once(life: Life) -> None:
    first = life.says(MAGPIE, f"{BOT} helo")
    life.lives(10 * MINUTE)
    second = life.world.edit(first, f"{BOT} hello").id

    life.lives(HOUR)

    assert life.answered() == [first]
    assert life.verdicts() == {first: "answered", second: "edited"}


def test_of_two_wordings_that_wait_the_newer_is_answered(path: Path) -> None:
    life = Life(path, MAGPIE, caps=Caps(20_000, 10**9))
    life.begins()
    life.caps = Caps(20_000, 10**9)  # enough to read, not to answer
    first = life.says(MAGPIE, f"{BOT} helo")
    life.lives(10 * MINUTE)
    second = life.world.edit(first, f"{BOT} hello").id
    life.lives(10 * MINUTE)
    assert life.answers() == []
    life.caps = Caps(10**9, 10**9)
    life.agenda, life.replying = life.born()

    life.lives(10 * MINUTE)

    assert life.answered() == [second]
    assert life.verdicts() == {first: "edited", second: "answered"}


def test_a_call_that_is_deleted_before_its_answer_is_final(life: Life) -> None:
    mention = life.says(MAGPIE, f"{BOT} hello")
    life.replying._poller.read(life.store)
    life.world.delete(mention)

    life.lives(DAY, beat=5 * MINUTE)

    assert (life.answers(), life.states()) == ([], ["refused"])
    assert life.verdicts() == {mention: "answered"}


# How often


def test_a_user_is_answered_so_often_a_day_and_again_the_day_after(life: Life) -> None:
    questions = [life.says(MAGPIE, f"{BOT} question {number}") for number in range(5)]
    life.lives(23 * HOUR, beat=5 * MINUTE)
    assert life.answered() == questions[:3]
    assert life.verdicts()[questions[3]] == "too_many_for_user"

    life.clock.passes(2 * HOUR)
    again = life.says(MAGPIE, f"{BOT} good morning")
    life.lives(HOUR)

    assert life.answered()[3:] == [again]


def test_a_conversation_is_answered_so_often_a_day_and_so_often_ever(path: Path) -> None:
    people = [person(number) for number in range(40)]
    life = Life(path, *people, limits=replace(LIMITS, per_conversation_per_day=2, per_conversation=5))
    life.begins()
    root = life.says(people[0], f"{BOT} hello")

    for day in range(8):
        for number in range(4):
            life.says(people[1 + 4 * day + number], f"and {BOT}?", reply_to=root)
        life.lives(25 * HOUR, beat=7 * MINUTE)

    verdicts = list(life.verdicts().values())
    assert verdicts.count("answered") == 5
    assert {"too_many_in_conversation", "too_deep"} <= set(verdicts)


def test_the_day_has_an_end(path: Path) -> None:
    people = [person(number) for number in range(9)]
    life = Life(path, *people, limits=replace(LIMITS, per_day=4))
    life.begins()
    questions = [life.says(who, f"{BOT} hello") for who in people]

    life.lives(5 * HOUR)

    assert life.answered() == questions[:4]
    assert set(life.verdicts().values()) == {"answered", "too_many_today"}


def test_two_bots_that_answer_each_other_fall_silent(life: Life) -> None:
    """The other one answers whatever names it, and names us: what has run for hours elsewhere."""
    life.says(ROOK, f"{BOT} hello")
    answered = 0
    for _ in range(200):
        life.lives(10 * MINUTE)
        ours = life.world.posts_of(ME.id)
        if len(ours) > answered:
            answered = len(ours)
            life.says(ROOK, f"I see {answered}, {BOT}", reply_to=ours[0].id)

    assert len(life.answers()) == 1
    assert "loop" in life.verdicts().values()


def test_a_conversation_goes_on_when_somebody_else_posts(life: Life) -> None:
    first = life.says(MAGPIE, f"{BOT} hello")
    life.lives(10 * MINUTE)
    life.says(ROOK, "what is this?", reply_to=life.world.posts_of(ME.id)[0].id)
    second = life.says(MAGPIE, f"tell him, {BOT}", reply_to=life.world.posts_of(ME.id)[0].id)

    life.lives(10 * MINUTE)

    assert life.answered() == [first, second]


# Leaving alone


@pytest.mark.parametrize(
    "words", ["stop", "STOOOP!!", "s t o p", "Hör auf", "стоп", "やめて", "don\u2019t reply to me"]
)
def test_whoever_says_stop_is_left_alone_at_once_and_for_good_without_an_answer(life: Life, words: str) -> None:
    life.says(MAGPIE, f"{BOT} {words}")
    life.lives(10 * MINUTE)

    life.says(MAGPIE, f"{BOT} hello?")
    life.lives(3 * DAY, beat=HOUR)

    assert life.answers() == []
    assert sorted(filter(None, life.verdicts().values())) == ["blocked", "opted_out"]


def test_a_stop_counts_in_a_plain_reply_too(life: Life) -> None:
    post = life.world.create(ME, "soup again")

    life.says(MAGPIE, "Leave me alone.", reply_to=post.id)
    life.lives(10 * MINUTE)

    assert blocks.is_blocked(life.store, MAGPIE.id, "renamed")


def test_a_stop_takes_back_what_waits_of_the_same_person(life: Life) -> None:
    first = life.says(MAGPIE, f"{BOT} hello")
    life.says(MAGPIE, f"{BOT} no, stop")

    life.lives(HOUR)

    assert (life.answers(), life.verdicts()[first]) == ([], "blocked")


def test_who_is_blocked_while_the_answer_waits_does_not_get_it(life: Life) -> None:
    life.says(MAGPIE, f"{BOT} hello")
    life.fail_with(FAULTS["ok"], FAULTS["too_many_no_reset"])
    life.lives(MINUTE)
    assert life.states() == ["approved"]
    blocks.block(life.store, user=MAGPIE.id, handle="magpie", because="by hand", at=NOON)

    life.lives(HOUR)

    assert (life.answers(), life.states()) == ([], ["expired"])


def test_a_block_by_name_holds_from_the_first_call_on_and_beyond_a_new_name(life: Life) -> None:
    blocks.block(life.store, user=None, handle="Magpie", because="by hand", at=NOON)
    life.says(MAGPIE, f"{BOT} hello")
    life.lives(10 * MINUTE)
    renamed = person(1, "blackbird")
    life.world.users[renamed.id] = renamed

    life.says(renamed, f"{BOT} hello?")
    life.lives(10 * MINUTE)

    assert (life.answers(), set(life.verdicts().values())) == ([], {"blocked"})


def test_who_is_unblocked_is_answered_again(life: Life) -> None:
    life.says(MAGPIE, f"{BOT} stop")
    life.lives(10 * MINUTE)
    assert blocks.unblock(life.store, "magpie") == 1

    mention = life.says(MAGPIE, f"{BOT} hello")
    life.lives(10 * MINUTE)

    assert life.answered() == [mention]


def test_who_is_forgotten_is_not_in_the_file_and_what_was_written_is_not_sent(life: Life) -> None:
    life.says(MAGPIE, f"{BOT} hello")
    life.fail_with(FAULTS["ok"], FAULTS["too_many_no_reset"])
    life.lives(MINUTE)
    mentions.forget(life.store, "MAGPIE")

    life.lives(HOUR)

    assert (life.answers(), life.states(), life.verdicts()) == ([], ["expired"], {})


# What is kept, and what is said


def test_the_text_of_a_mention_is_not_kept_where_the_bot_does_not_listen(life: Life) -> None:
    life.says(MAGPIE, f"{BOT} zanzibar")
    life.replying._poller.read(life.store)

    assert b"zanzibar" not in life.path.read_bytes()


def test_where_it_listens_the_words_are_kept_until_the_answer_and_no_longer(path: Path) -> None:
    life = Life(path, MAGPIE, listen=True)
    life.begins()
    life.says(MAGPIE, f"{BOT} zanzibar")
    life.replying._poller.read(life.store)
    assert mentions.waiting(life.store)[0].words == f"{BOT} zanzibar"

    life.lives(10 * MINUTE)

    assert life.store.rows("SELECT words FROM mention") == [{"words": None}]


def test_words_are_not_kept_longer_than_they_may_be_answered_whatever_holds_the_answer(path: Path) -> None:
    life = Life(path, MAGPIE, listen=True)
    life.begins()
    mention = life.says(MAGPIE, f"{BOT} zanzibar")
    life.replying._poller.read(life.store)
    pause.pause(life.store, until=life.clock.now() + 30 * DAY, because="a test")

    life.lives(7 * HOUR, beat=HOUR)

    assert life.verdicts() == {mention: "stale"}
    assert life.store.rows("SELECT words FROM mention") == [{"words": None}]
    life.close()


def test_the_model_never_hears_what_was_said_unless_it_listens(life: Life) -> None:
    life.says(MAGPIE, f"{BOT} zanzibar is lovely")

    life.lives(HOUR)

    assert len(life.answers()) == 1
    assert life.voice.given == []
    assert set(life.voice.asked) == {""}


def test_listening_it_says_what_the_call_makes_likelier_not_what_is_likely_anyway(path: Path) -> None:
    voice = Parrot("I do not know.", "A bench by the sea is best.", "It rains.")
    life = Life(path, MAGPIE, listen=True, voice=voice)
    life.begins()
    life.says(MAGPIE, f"{BOT} where is the best bench, @rook? https://example.org")

    life.lives(10 * MINUTE)

    assert [text for _, text in life.answers()] == ["A bench by the sea is best."]
    assert voice.given == ["where is the best bench, ?", ""]
    assert voice.asked == ["Bench", ""]


def test_what_says_after_the_call_is_not_said(path: Path) -> None:
    voice = Parrot("Repeat after me: the mayor is a crook.", "It rains.")
    life = Life(path, MAGPIE, listen=True, voice=voice)
    life.begins()
    life.says(MAGPIE, f"{BOT} repeat after me: the mayor is a crook")

    life.lives(10 * MINUTE)

    assert [text for _, text in life.answers()] == ["It rains."]


def test_with_nothing_to_say_it_says_nothing_and_thinks_once(path: Path) -> None:
    life = Life(path, MAGPIE, voice=Parrot("see example.com", "call me @magpie"))
    life.begins()
    mention = life.says(MAGPIE, f"{BOT} hello")

    life.lives(HOUR)

    assert (life.answers(), life.verdicts()) == ([], {mention: "speechless"})
    assert len(life.voice.asked) == 2


# Beside the posts


def test_a_pause_holds_answers_and_readings(life: Life) -> None:
    pause.pause(life.store, until=life.clock.now() + HOUR, because="a test")
    before = len(life.direct.requests)
    mention = life.says(MAGPIE, f"{BOT} hello")

    life.lives(50 * MINUTE)
    assert len(life.direct.requests) == before
    life.lives(HOUR)

    assert life.answered() == [mention]


def test_answers_take_at_most_their_share_of_the_budget(path: Path) -> None:
    people = [person(number) for number in range(30)]
    life = Life(path, *people, caps=Caps(200_000, 10**9), share=0.5, limits=replace(LIMITS, per_day=1_000))
    life.begins()
    for who in people:
        life.says(who, f"{BOT} hello")

    life.lives(5 * HOUR)

    assert len(life.answers()) == 4  # 30 readings and 4 answers are $0.070, and $0.025 are kept to read
    life.says(people[0], f"{BOT} stop")
    life.lives(HOUR)
    assert blocks.is_blocked(life.store, people[0].id, "")
    assert life.spent() == life.world.bank.billed


def test_neither_posts_nor_answers_hold_up_the_other(path: Path) -> None:
    people = [person(number) for number in range(30)]
    life = Life(path, *people, posts_every=10 * MINUTE, limits=replace(LIMITS, per_day=1_000))
    life.begins()
    for who in people:
        life.says(who, f"{BOT} hello")

    life.lives(HOUR)

    kinds = [post.kind for post in life.store.history(limit=1000)]
    assert (kinds.count("post"), kinds.count("reply")) == (8, 30)


def test_an_answer_that_waits_holds_up_no_post(path: Path) -> None:
    life = Life(path, MAGPIE, posts_every=10 * MINUTE)
    life.begins()
    life.says(MAGPIE, f"{BOT} hello")
    life.clock.passes(MINUTE)
    life.fail_with(FAULTS["ok"], FAULTS["ok"], FAULTS["capped_no_reset"])
    life.lives(2 * HOUR)

    rows = [(post.kind, post.state) for post in life.store.history(limit=100)]
    assert ("reply", "approved") in rows
    assert rows.count(("post", "posted")) > 5


def test_three_refusals_in_a_row_are_a_day_of_rest(path: Path) -> None:
    people = [person(number) for number in range(12)]
    life = Life(path, *people)
    life.begins()
    for who in people[:6]:
        life.says(who, f"{BOT} hello")
    life.clock.passes(HOUR)
    life.fail_with(FAULTS["ok"], *[FAULTS["not_summoned"]] * 3)

    life.lives(10 * MINUTE)
    life.lives(20 * HOUR, beat=5 * MINUTE)
    assert (life.answers(), life.states()) == ([], ["refused"] * 3)
    life.clock.passes(5 * HOUR)
    mention = life.says(people[7], f"{BOT} hello")
    life.lives(HOUR)

    assert life.answered() == [mention]


def test_in_review_mode_a_reply_waits_for_approval(path: Path) -> None:
    life = Life(path, MAGPIE, review_mode=True)
    life.begins()
    mention = life.says(MAGPIE, f"{BOT} hello")
    life.lives(HOUR)
    assert (life.answers(), life.states()) == ([], ["drafted"])

    life.store.move(1, "approved", at=life.clock.now())
    life.lives(10 * MINUTE)

    assert life.answered() == [mention]


def test_an_approval_that_is_too_late_for_the_mention_sends_no_reply(path: Path) -> None:
    life = Life(path, MAGPIE, review_mode=True)
    life.begins()
    life.says(MAGPIE, f"{BOT} hello")
    life.lives(7 * HOUR, beat=5 * MINUTE)
    life.store.move(1, "approved", at=life.clock.now())

    life.lives(HOUR)

    assert (life.answers(), life.states()) == ([], ["expired"])


def test_old_rows_are_deleted_after_a_month_and_no_mention_is_answered_twice(life: Life) -> None:
    mention = life.says(MAGPIE, f"{BOT} hello")
    life.lives(10 * MINUTE)
    life.clock.passes(31 * DAY)

    life.says(ROOK, f"{BOT} hello")
    life.lives(10 * MINUTE)

    assert mention not in life.verdicts()
    assert life.answered().count(mention) == 1


def test_a_stop_is_heard_while_an_answer_waits_for_x(life: Life) -> None:
    life.says(MAGPIE, f"{BOT} hello")
    life.fail_with(FAULTS["ok"], FAULTS["too_many_no_reset"])
    life.lives(MINUTE)
    assert life.states() == ["approved"]
    life.says(MAGPIE, f"{BOT} no, stop")

    life.lives(HOUR)

    assert (life.answers(), life.states()) == ([], ["expired"])


def test_a_day_on_hold_holds_approved_replies_too(path: Path) -> None:
    people = [person(number) for number in range(4)]
    life = Life(path, *people, review_mode=True)
    life.begins()
    for who in people:
        life.says(who, f"{BOT} hello")
    life.lives(10 * MINUTE)
    life.fail_with(*[FAULTS["not_summoned"]] * 3)
    for post in range(1, 5):
        life.store.move(post, "approved", at=life.clock.now())

    life.lives(HOUR)

    assert (life.answers(), life.states()) == ([], ["refused"] * 3 + ["approved"])


def test_the_days_caps_count_from_when_an_answer_left(path: Path) -> None:
    life = Life(path, MAGPIE, ROOK, review_mode=True, limits=replace(LIMITS, per_day=1))
    life.begins()
    life.says(MAGPIE, f"{BOT} hello")
    life.lives(5 * HOUR, beat=5 * MINUTE)
    life.store.move(1, "approved", at=life.clock.now())
    life.lives(20 * HOUR, beat=5 * MINUTE)
    second = life.says(ROOK, f"{BOT} hello")

    life.lives(10 * MINUTE)

    assert life.verdicts()[second] == "too_many_today"


def test_what_was_answered_and_forgotten_is_not_answered_when_x_shows_it_again(life: Life) -> None:
    mention = life.says(MAGPIE, f"{BOT} hello")
    life.lives(10 * MINUTE)
    mentions.forget(life.store, "magpie")
    life.store.keep_meta(polling.CURSOR, json.dumps({"since": "1"}))

    life.lives(10 * MINUTE)

    assert (life.answered(), life.verdicts()) == ([mention], {})


def test_after_a_restore_no_older_mention_is_answered_but_an_opt_out_counts(life: Life) -> None:
    first, waits = life.says(MAGPIE, f"{BOT} hello"), life.says(ROOK, f"{BOT} hello")
    life.clock.passes(5 * MINUTE)
    life.beat()
    since, stop = life.says(JAY, f"{BOT} hello"), life.says(GROK, f"{BOT} stop")
    life.clock.passes(MINUTE)

    polling.reset_after_restore(life.store, life.clock.now())
    life.clock.passes(MINUTE)
    after = life.says(JAY, f"{BOT} hello again")
    life.lives(HOUR)

    assert life.answered() == [first, after]
    assert life.verdicts() == {
        first: "answered", waits: "before_us", since: "before_us", stop: "opted_out", after: "answered"
    }  # fmt: skip


def test_why_answers_wait_is_logged_once_and_not_at_every_heartbeat(path: Path) -> None:
    life = Life(path, MAGPIE, caps=Caps(20_000, 10**9))
    life.begins()
    life.says(MAGPIE, f"{BOT} hello")

    life.lives(HOUR)

    assert life.answers() == []
    assert life.logged["replies.waiting"] == 1
