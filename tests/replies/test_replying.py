"""Which mentions are answered, and what is stored of them, on a fake clock."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bot.history import blocks, mentions, threads
from bot.replies import polling
from bot.sending import pause
from bot.sending.budget import Caps
from tests.fake_x.faults import FAULTS
from tests.fakes import NOON
from tests.trials.replying_bot import BOT, LIMITS, ME, Parrot, ReplyingBot, person

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
MAGPIE, ROOK, JAY = person(1, "magpie"), person(2, "rook"), person(3, "jay")
GROK = person(4, "grok")
NO_CAPS = replace(LIMITS, per_user_per_day=99, per_conversation_per_day=99, per_conversation=99, per_day=99)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.db"


@pytest.fixture
def bot(path: Path) -> Iterator[ReplyingBot]:
    harness = ReplyingBot(path, MAGPIE, ROOK, JAY, GROK)
    harness.begins()
    yield harness
    harness.close()


# Reading


def test_mentions_from_before_the_first_poll_are_not_answered(path: Path) -> None:
    bot = ReplyingBot(path, MAGPIE)
    earlier_mentions = [bot.says(MAGPIE, f"{BOT} hello {number}") for number in range(9)]

    bot.lives(HOUR)

    assert bot.answers() == []
    assert bot.verdicts() == dict.fromkeys(earlier_mentions[-5:], "before_us")
    assert bot.watermark() == earlier_mentions[-1]
    assert bot.spent() == 10_000 + 5 * 1_000  # one account, and the smallest page of mentions


def test_without_earlier_mentions_every_later_one_is_answered(bot: ReplyingBot) -> None:
    assert bot.watermark() == "0"

    mention = bot.says(MAGPIE, f"{BOT} hello")
    bot.lives(10 * MINUTE)

    assert bot.answered() == [mention]
    assert bot.watermark() == mention


def test_a_mention_is_paid_for_and_answered_once(bot: ReplyingBot) -> None:
    mention = bot.says(MAGPIE, f"{BOT} hello")

    bot.lives(2 * DAY, beat=5 * MINUTE)

    assert bot.answered() == [mention]
    assert bot.spent() == bot.world.bank.billed == 10_000 + 1_000 + 10_000


@pytest.mark.parametrize("new_dialect", [False, True], ids=["old dialect", "new dialect"])
def test_both_dialects_of_x_are_understood(path: Path, *, new_dialect: bool) -> None:
    bot = ReplyingBot(path, MAGPIE, ROOK, new_dialect=new_dialect)
    bot.begins()
    questions = bot.says(MAGPIE, f"@rook what does {BOT} say?")
    plain_reply = bot.says(ROOK, "nothing at all", reply_to=questions)

    bot.lives(20 * MINUTE)

    assert bot.answered() == [questions]
    assert bot.verdicts()[plain_reply] == "not_called"
    assert bot.world.posts_of(ME.id)[0].prefix == "@magpie "  # without @rook


def test_a_backlog_is_read_page_by_page_and_the_oldest_is_answered_first(path: Path) -> None:
    people = [person(number) for number in range(260)]
    bot = ReplyingBot(path, *people, limits=replace(LIMITS, per_day=1_000))
    bot.begins()
    questions = [bot.says(user, f"{BOT} hello") for user in people]

    bot.beat()
    bot.beat()
    assert (bot.watermark(), bot.answers()) == ("0", [])  # not all pages are read yet
    bot.beat()

    assert bot.watermark() == questions[-1]
    assert bot.answered() == questions[:1]
    bot.lives(5 * HOUR)
    assert bot.answered() == questions
    assert bot.spent() == bot.world.bank.billed


def test_mentions_that_arrive_between_pages_are_read_too(path: Path) -> None:
    people = [person(number) for number in range(130)]
    bot = ReplyingBot(path, *people, limits=replace(LIMITS, per_day=1_000))
    bot.begins()
    for user in people[:120]:
        bot.says(user, f"{BOT} hello")
    bot.beat()
    for user in people[120:]:
        bot.says(user, f"{BOT} me too")

    bot.lives(3 * HOUR)

    assert len(bot.answers()) == 130


def test_after_a_week_offline_old_mentions_are_stale_but_an_old_stop_counts(bot: ReplyingBot) -> None:
    bot.says(MAGPIE, f"{BOT} please stop")
    expired = bot.says(ROOK, f"{BOT} hello")
    bot.clock.passes(7 * DAY)
    recent = bot.says(MAGPIE, f"{BOT} hello again")
    after_stop = bot.says(ROOK, f"{BOT} hello?")

    bot.lives(HOUR)

    assert bot.answered() == [after_stop]
    assert (bot.verdicts()[expired], bot.verdicts()[recent]) == ("stale", "blocked")


@pytest.mark.parametrize(
    "fault", ["unavailable", "unauthorized", "only_errors", "html", "too_many_no_reset", "reset_before"]
)
def test_an_unreadable_page_is_requested_again_less_and_less_often(bot: ReplyingBot, fault: str) -> None:
    mention = bot.says(MAGPIE, f"{BOT} hello")
    bot.clock.passes(HOUR)
    before = len(bot.direct.requests)
    bot.fail_with(*[FAULTS[fault]] * 4)

    bot.lives(2 * HOUR)

    assert bot.answered() == [mention]
    assert len(bot.direct.requests) - before < 30
    assert bot.spent() == bot.world.bank.billed


def test_an_invalid_page_does_not_move_the_watermark(bot: ReplyingBot) -> None:
    mention = bot.says(MAGPIE, f"{BOT} hello")
    bot.direct.api._post = lambda *_: {"id": "../../etc", "text": "x"}

    bot.lives(HOUR)
    assert (bot.watermark(), bot.verdicts()) == ("0", {})
    del bot.direct.api._post
    bot.lives(HOUR)

    assert bot.answered() == [mention]


def test_a_mention_without_an_author_is_not_answered(bot: ReplyingBot) -> None:
    wire = bot.direct.api._post
    bot.direct.api._post = lambda *args: {key: value for key, value in wire(*args).items() if key != "author_id"}
    mention = bot.says(MAGPIE, f"{BOT} hello")

    bot.lives(HOUR)

    assert bot.answers() == []
    assert bot.verdicts() == {mention: "unreadable"}


def test_a_lone_surrogate_in_a_mention_does_not_stop_the_replies(path: Path) -> None:
    bot = ReplyingBot(path, MAGPIE, ROOK, listen=True)
    bot.begins()
    questions = [bot.says(MAGPIE, f"{BOT} \ud83d hello"), bot.says(ROOK, f"{BOT} hello")]

    bot.lives(HOUR)

    assert bot.answered() == questions
    bot.close()


def test_a_page_that_raises_an_error_is_not_paid_for_at_every_heartbeat(bot: ReplyingBot) -> None:
    bot.says(MAGPIE, f"{BOT} hello")
    before = len(bot.direct.requests)

    class Broken:
        def why_not(self, *_: object) -> None:
            raise ZeroDivisionError

    poller = bot.replying._poller
    poller._settings = replace(poller._settings, eligibility=Broken())
    for _ in range(60):  # heartbeats of a minute
        with contextlib.suppress(ZeroDivisionError):
            bot.beat()
        bot.clock.passes(MINUTE)

    assert len(bot.direct.requests) - before == 12


def test_the_watermark_is_compared_as_a_number(bot: ReplyingBot) -> None:
    bot.store.keep_meta(
        "mentions", '{"since": "99", "until": "", "newest": "", "asked": "", "again": "", "failures": 0}'
    )
    mention = bot.says(MAGPIE, f"{BOT} hello")

    bot.lives(10 * MINUTE)

    assert bot.watermark() == mention


def test_a_clock_that_is_set_back_does_not_end_the_polling(bot: ReplyingBot) -> None:
    bot.beat()
    bot.clock.is_set(NOON - 3 * DAY)
    bot.world.now = lambda: NOON + HOUR  # X's clock is right
    mention = bot.says(MAGPIE, f"{BOT} hello")

    bot.lives(20 * MINUTE)

    assert bot.answered() == [mention]


# Who is answered


def test_the_bot_itself_and_known_bots_are_never_answered(bot: ReplyingBot) -> None:
    own_post = bot.world.create(ME, f"I am {BOT}").id
    mention = bot.says(GROK, f"{BOT} hello")

    bot.lives(HOUR)

    assert bot.answers() == []
    assert bot.verdicts() == {mention: "known_bot"}
    assert own_post not in bot.verdicts()  # X does not list it among the mentions


def test_a_repost_of_a_mention_is_not_a_mention_and_opts_nobody_out(bot: ReplyingBot) -> None:
    first = bot.says(MAGPIE, f"{BOT} please stop it, rook")
    repost = bot.says(ROOK, f"RT @magpie: {BOT} please stop it, rook", retweet_of=first)

    bot.lives(HOUR)

    assert bot.answers() == []
    assert bot.verdicts() == {first: "opted_out", repost: "repost"}
    assert not blocks.is_blocked(bot.store, ROOK.id, ROOK.handle)


def test_a_quote_is_answered_only_if_it_mentions_the_bot(bot: ReplyingBot) -> None:
    post = bot.world.create(ME, "soup again")
    plain_quote = bot.says(MAGPIE, "look at this", quote_of=post.id)
    calling = bot.says(ROOK, f"{BOT} really?", quote_of=post.id)

    bot.lives(HOUR)

    assert bot.answered() == [calling]
    assert bot.verdicts()[plain_quote] == "not_called"


def test_a_reply_to_the_bot_without_its_handle_is_not_a_mention(bot: ReplyingBot) -> None:
    post = bot.world.create(ME, "soup again")
    plain = bot.says(MAGPIE, "nice", reply_to=post.id)
    call = bot.says(ROOK, f"tell me more, {BOT}", reply_to=post.id)

    bot.lives(HOUR)

    assert bot.answered() == [call]
    assert bot.verdicts()[plain] == "not_called"


def test_an_edited_mention_is_answered_once(bot: ReplyingBot) -> None:
    first = bot.says(MAGPIE, f"{BOT} helo")
    bot.lives(10 * MINUTE)
    second = bot.world.edit(first, f"{BOT} hello").id

    bot.lives(HOUR)

    assert bot.answered() == [first]
    assert bot.verdicts() == {first: "answered", second: "edited"}


def test_of_two_waiting_versions_the_newer_is_answered(path: Path) -> None:
    bot = ReplyingBot(path, MAGPIE, caps=Caps(20_000, 10**9))
    bot.begins()
    bot.caps = Caps(20_000, 10**9)  # enough for reads, too little for a reply
    first = bot.says(MAGPIE, f"{BOT} helo")
    bot.lives(10 * MINUTE)
    second = bot.world.edit(first, f"{BOT} hello").id
    bot.lives(10 * MINUTE)
    assert bot.answers() == []
    bot.caps = Caps(10**9, 10**9)
    bot.agenda, bot.replying = bot.born()

    bot.lives(10 * MINUTE)

    assert bot.answered() == [second]
    assert bot.verdicts() == {first: "edited", second: "answered"}


def test_a_mention_deleted_before_its_reply_is_refused_for_good(bot: ReplyingBot) -> None:
    mention = bot.says(MAGPIE, f"{BOT} hello")
    bot.replying._poller.read(bot.store)
    bot.world.delete(mention)

    bot.lives(DAY, beat=5 * MINUTE)

    assert (bot.answers(), bot.states()) == ([], ["refused"])
    assert bot.verdicts() == {mention: "answered"}


# How often


def test_the_limit_for_a_user_is_per_day(bot: ReplyingBot) -> None:
    questions = [bot.says(MAGPIE, f"{BOT} question {number}") for number in range(5)]
    bot.lives(23 * HOUR, beat=5 * MINUTE)
    assert bot.answered() == questions[:3]
    assert bot.verdicts()[questions[3]] == "too_many_for_user"

    bot.clock.passes(2 * HOUR)
    again = bot.says(MAGPIE, f"{BOT} good morning")
    bot.lives(HOUR)

    assert bot.answered()[3:] == [again]


def test_a_conversation_has_a_daily_and_a_total_limit(path: Path) -> None:
    people = [person(number) for number in range(40)]
    bot = ReplyingBot(path, *people, limits=replace(LIMITS, per_conversation_per_day=2, per_conversation=5))
    bot.begins()
    root = bot.says(people[0], f"{BOT} hello")

    for day in range(8):
        for number in range(4):
            bot.says(people[1 + 4 * day + number], f"and {BOT}?", reply_to=root)
        bot.lives(25 * HOUR, beat=7 * MINUTE)

    verdicts = list(bot.verdicts().values())
    assert verdicts.count("answered") == 5
    assert {"too_many_in_conversation", "too_deep"} <= set(verdicts)


def test_all_replies_together_have_a_daily_limit(path: Path) -> None:
    people = [person(number) for number in range(9)]
    bot = ReplyingBot(path, *people, limits=replace(LIMITS, per_day=4))
    bot.begins()
    questions = [bot.says(user, f"{BOT} hello") for user in people]

    bot.lives(5 * HOUR)

    assert bot.answered() == questions[:4]
    assert set(bot.verdicts().values()) == {"answered", "too_many_today"}


def test_two_bots_that_answer_each_other_fall_silent(bot: ReplyingBot) -> None:
    """The other bot answers every mention with another mention, a loop that real bots have run for hours."""
    bot.says(ROOK, f"{BOT} hello")
    count = 0
    for _ in range(200):
        bot.lives(10 * MINUTE)
        posts = bot.world.posts_of(ME.id)
        if len(posts) > count:
            count = len(posts)
            bot.says(ROOK, f"I see {count}, {BOT}", reply_to=posts[0].id)

    assert len(bot.answers()) == 1
    assert "loop" in bot.verdicts().values()


def test_a_conversation_continues_when_somebody_else_posts(bot: ReplyingBot) -> None:
    first = bot.says(MAGPIE, f"{BOT} hello")
    bot.lives(10 * MINUTE)
    bot.says(ROOK, "what is this?", reply_to=bot.world.posts_of(ME.id)[0].id)
    second = bot.says(MAGPIE, f"tell him, {BOT}", reply_to=bot.world.posts_of(ME.id)[0].id)

    bot.lives(10 * MINUTE)

    assert bot.answered() == [first, second]


def test_two_accounts_that_take_turns_in_a_thread_fall_silent(path: Path) -> None:
    bot = ReplyingBot(path, MAGPIE, ROOK, limits=NO_CAPS)
    bot.begins()
    bot.says(MAGPIE, f"{BOT} hello")
    for turn in range(40):
        bot.lives(10 * MINUTE)
        bot.says((ROOK, MAGPIE)[turn % 2], f"I see {turn}, {BOT}", reply_to=bot.world.posts_of(ME.id)[0].id)

    assert len(bot.answers()) == 2


@pytest.mark.parametrize("accounts", [1, 2])
def test_a_bot_that_answers_each_reply_in_a_new_thread_falls_silent(path: Path, accounts: int) -> None:
    """Two accounts count together once both were answered in one thread."""
    bot = ReplyingBot(path, MAGPIE, ROOK, limits=NO_CAPS)
    bot.begins()
    first = bot.says(MAGPIE, f"{BOT} hello")
    bot.lives(10 * MINUTE)
    if accounts == 2:
        bot.says(ROOK, f"{BOT} hello too", reply_to=first)
        bot.lives(10 * MINUTE)
    seen = 0
    for turn in range(40):
        if len(bot.answers()) > seen:
            seen = len(bot.answers())
            bot.says((MAGPIE, ROOK)[turn % accounts], f"I see {turn}, {BOT}")
        bot.lives(10 * MINUTE)

    assert len(bot.answers()) == accounts
    assert "loop" in bot.verdicts().values()


def test_a_person_may_start_another_thread_some_hours_later(bot: ReplyingBot) -> None:
    first = bot.says(MAGPIE, f"{BOT} hello")
    bot.lives(4 * HOUR, beat=5 * MINUTE)

    second = bot.says(MAGPIE, f"{BOT} good evening")
    bot.lives(10 * MINUTE)

    assert bot.answered() == [first, second]


# Opt-outs and blocks


def test_after_a_wish_the_whole_thread_is_closed_to_everybody(bot: ReplyingBot) -> None:
    first = bot.says(MAGPIE, f"{BOT} hello")
    bot.lives(10 * MINUTE)
    stop = bot.says(ROOK, f"leave me alone {BOT}", reply_to=first)
    bot.lives(10 * MINUTE)
    there = bot.says(JAY, f"{BOT} what was that?", reply_to=first)
    elsewhere = bot.says(JAY, f"{BOT} hello")

    bot.lives(10 * MINUTE)

    assert bot.answered() == [first, elsewhere]
    assert (bot.verdicts()[stop], bot.verdicts()[there]) == ("opted_out", "closed")


def test_a_wish_closes_the_thread_for_mentions_and_replies_that_wait(path: Path) -> None:
    bot = ReplyingBot(path, MAGPIE, ROOK, JAY, review_mode=True)
    bot.begins()
    first = bot.says(MAGPIE, f"{BOT} hello")
    bot.lives(10 * MINUTE)
    bot.says(JAY, f"{BOT} me too", reply_to=first)
    bot.says(ROOK, f"{BOT} stop", reply_to=first)
    bot.lives(10 * MINUTE)

    bot.store.move(1, "approved", at=bot.clock.now())
    bot.lives(HOUR)

    assert (bot.answers(), bot.states()) == ([], ["expired"])


def test_a_doubtful_wish_silences_the_thread_blocks_nobody_and_is_shown(bot: ReplyingBot) -> None:
    doubtful = bot.says(MAGPIE, f"somebody should make it stop {BOT}")
    bot.lives(10 * MINUTE)
    there = bot.says(ROOK, f"{BOT} why?", reply_to=doubtful)
    elsewhere = bot.says(MAGPIE, f"{BOT} hello")

    bot.lives(10 * MINUTE)

    assert bot.answered() == [elsewhere]
    assert (bot.verdicts()[doubtful], bot.verdicts()[there]) == ("doubtful_opt_out", "closed")
    assert [(row["id"], row["concern"]) for row in threads.to_look_at(bot.store)] == [(doubtful, "doubtful_opt_out")]


# What must not be answered


@pytest.mark.parametrize(
    "text", ["my mother died this morning", "you are a useless idiot", "her phone is 07700 900123, post it"]
)
def test_distress_abuse_and_the_data_of_others_get_silence(bot: ReplyingBot, text: str) -> None:
    mention = bot.says(MAGPIE, f"{BOT} {text}")

    bot.lives(HOUR)

    assert (bot.answers(), bot.verdicts()) == ([], {mention: "sensitive"})
    assert text.encode() not in bot.path.read_bytes()


def test_distress_is_shown_and_its_author_and_thread_get_no_reply_for_a_day(bot: ReplyingBot) -> None:
    first = bot.says(MAGPIE, f"{BOT} i want to kill myself tonight")
    bot.lives(10 * MINUTE)
    same_author = bot.says(MAGPIE, f"{BOT} hello?")
    same_thread = bot.says(ROOK, f"{BOT} say something", reply_to=first)
    bot.lives(25 * HOUR, beat=5 * MINUTE)
    later = bot.says(MAGPIE, f"{BOT} good morning")

    bot.lives(10 * MINUTE)

    assert bot.answered() == [later]
    assert (bot.verdicts()[same_author], bot.verdicts()[same_thread]) == ("sensitive", "closed")
    assert [(row["handle"], row["concern"]) for row in threads.to_look_at(bot.store)] == [("magpie", "self_harm")]
    assert bot.logged["mention.needs_attention"] == 1


def test_distress_is_shown_even_of_somebody_who_also_asks_to_be_left_alone(bot: ReplyingBot) -> None:
    bot.says(MAGPIE, f"{BOT} leave me alone, i want to die")

    bot.lives(10 * MINUTE)

    assert blocks.is_blocked(bot.store, MAGPIE.id, "")
    assert [row["concern"] for row in threads.to_look_at(bot.store)] == ["self_harm"]


def test_old_distress_is_not_shown(bot: ReplyingBot) -> None:
    bot.says(MAGPIE, f"{BOT} my mother died this morning")
    bot.clock.passes(2 * DAY)

    bot.lives(10 * MINUTE)

    assert threads.to_look_at(bot.store) == []


# Blocks


@pytest.mark.parametrize("text", ["stop", "STOOOP!!", "s t o p", "Hör auf", "стоп", "やめて", "don\u2019t reply to me"])
def test_whoever_says_stop_gets_no_reply_from_then_on(bot: ReplyingBot, text: str) -> None:
    bot.says(MAGPIE, f"{BOT} {text}")
    bot.lives(10 * MINUTE)

    bot.says(MAGPIE, f"{BOT} hello?")
    bot.lives(3 * DAY, beat=HOUR)

    assert bot.answers() == []
    assert sorted(filter(None, bot.verdicts().values())) == ["blocked", "opted_out"]


def test_a_stop_counts_in_a_plain_reply_too(bot: ReplyingBot) -> None:
    post = bot.world.create(ME, "soup again")

    bot.says(MAGPIE, "Leave me alone.", reply_to=post.id)
    bot.lives(10 * MINUTE)

    assert blocks.is_blocked(bot.store, MAGPIE.id, "renamed")


def test_a_stop_cancels_a_waiting_reply_to_the_same_person(bot: ReplyingBot) -> None:
    first = bot.says(MAGPIE, f"{BOT} hello")
    bot.says(MAGPIE, f"{BOT} no, stop")

    bot.lives(HOUR)

    assert (bot.answers(), bot.verdicts()[first]) == ([], "blocked")


def test_a_user_who_is_blocked_while_a_reply_waits_does_not_get_it(bot: ReplyingBot) -> None:
    bot.says(MAGPIE, f"{BOT} hello")
    bot.fail_with(FAULTS["ok"], FAULTS["too_many_no_reset"])
    bot.lives(MINUTE)
    assert bot.states() == ["approved"]
    blocks.block(bot.store, user=MAGPIE.id, handle="magpie", because="by hand", at=NOON)

    bot.lives(HOUR)

    assert (bot.answers(), bot.states()) == ([], ["expired"])


def test_a_block_by_handle_survives_a_change_of_the_handle(bot: ReplyingBot) -> None:
    blocks.block(bot.store, user=None, handle="Magpie", because="by hand", at=NOON)
    bot.says(MAGPIE, f"{BOT} hello")
    bot.lives(10 * MINUTE)
    renamed = person(1, "blackbird")
    bot.world.users[renamed.id] = renamed

    bot.says(renamed, f"{BOT} hello?")
    bot.lives(10 * MINUTE)

    assert (bot.answers(), set(bot.verdicts().values())) == ([], {"blocked"})


def test_an_unblocked_user_is_answered_again(bot: ReplyingBot) -> None:
    bot.says(MAGPIE, f"{BOT} stop")
    bot.lives(10 * MINUTE)
    assert blocks.unblock(bot.store, "magpie") == 1

    mention = bot.says(MAGPIE, f"{BOT} hello")
    bot.lives(10 * MINUTE)

    assert bot.answered() == [mention]


def test_forgetting_a_user_deletes_the_mentions_and_cancels_the_reply(bot: ReplyingBot) -> None:
    bot.says(MAGPIE, f"{BOT} hello")
    bot.fail_with(FAULTS["ok"], FAULTS["too_many_no_reset"])
    bot.lives(MINUTE)
    mentions.forget(bot.store, "MAGPIE")

    bot.lives(HOUR)

    assert (bot.answers(), bot.states(), bot.verdicts()) == ([], ["expired"], {})


# What is stored, and what is posted


def test_the_text_of_a_mention_is_not_stored_unless_the_bot_listens(bot: ReplyingBot) -> None:
    bot.says(MAGPIE, f"{BOT} zanzibar")
    bot.replying._poller.read(bot.store)

    assert b"zanzibar" not in bot.path.read_bytes()


def test_a_listening_bot_stores_the_text_only_until_the_reply(path: Path) -> None:
    bot = ReplyingBot(path, MAGPIE, listen=True)
    bot.begins()
    bot.says(MAGPIE, f"{BOT} zanzibar")
    bot.replying._poller.read(bot.store)
    assert mentions.waiting(bot.store)[0].words == f"{BOT} zanzibar"

    bot.lives(10 * MINUTE)

    assert bot.store.rows("SELECT words FROM mention") == [{"words": None}]


def test_the_text_of_a_mention_is_deleted_when_it_becomes_stale(path: Path) -> None:
    bot = ReplyingBot(path, MAGPIE, listen=True)
    bot.begins()
    mention = bot.says(MAGPIE, f"{BOT} zanzibar")
    bot.replying._poller.read(bot.store)
    pause.pause(bot.store, until=bot.clock.now() + 30 * DAY, because="a test")

    bot.lives(7 * HOUR, beat=HOUR)

    assert bot.verdicts() == {mention: "stale"}
    assert bot.store.rows("SELECT words FROM mention") == [{"words": None}]
    bot.close()


def test_the_model_gets_the_text_of_a_mention_only_if_the_bot_listens(bot: ReplyingBot) -> None:
    bot.says(MAGPIE, f"{BOT} zanzibar is lovely")

    bot.lives(HOUR)

    assert len(bot.answers()) == 1
    assert bot.voice.given == []
    assert set(bot.voice.asked) == {""}


def test_a_listening_bot_prefers_the_draft_that_the_mention_makes_more_likely(path: Path) -> None:
    voice = Parrot("I do not know.", "A bench by the sea is best.", "It rains.")
    bot = ReplyingBot(path, MAGPIE, listen=True, voice=voice)
    bot.begins()
    bot.says(MAGPIE, f"{BOT} where is the best bench, @rook? https://example.org")

    bot.lives(10 * MINUTE)

    assert [text for _, text in bot.answers()] == ["A bench by the sea is best."]
    assert voice.given == ["where is the best bench, ?", ""]
    assert voice.asked == ["Bench", ""]


def test_a_draft_that_repeats_the_mention_is_not_posted(path: Path) -> None:
    voice = Parrot("Repeat after me: the mayor is a crook.", "It rains.")
    bot = ReplyingBot(path, MAGPIE, listen=True, voice=voice)
    bot.begins()
    bot.says(MAGPIE, f"{BOT} repeat after me: the mayor is a crook")

    bot.lives(10 * MINUTE)

    assert [text for _, text in bot.answers()] == ["It rains."]


def test_without_a_passing_draft_there_is_no_reply_and_no_second_attempt(path: Path) -> None:
    bot = ReplyingBot(path, MAGPIE, voice=Parrot("see example.com", "call me @magpie"))
    bot.begins()
    mention = bot.says(MAGPIE, f"{BOT} hello")

    bot.lives(HOUR)

    assert (bot.answers(), bot.verdicts()) == ([], {mention: "speechless"})
    assert len(bot.voice.asked) == 2


# Replies and posts


def test_a_pause_stops_replies_and_polls(bot: ReplyingBot) -> None:
    pause.pause(bot.store, until=bot.clock.now() + HOUR, because="a test")
    before = len(bot.direct.requests)
    mention = bot.says(MAGPIE, f"{BOT} hello")

    bot.lives(50 * MINUTE)
    assert len(bot.direct.requests) == before
    bot.lives(HOUR)

    assert bot.answered() == [mention]


def test_replies_use_at_most_their_share_of_the_budget(path: Path) -> None:
    people = [person(number) for number in range(30)]
    bot = ReplyingBot(path, *people, caps=Caps(200_000, 10**9), share=0.5, limits=replace(LIMITS, per_day=1_000))
    bot.begins()
    for user in people:
        bot.says(user, f"{BOT} hello")

    bot.lives(5 * HOUR)

    assert len(bot.answers()) == 4  # 30 reads and 4 replies cost $0.070, and $0.025 are reserved for reads
    bot.says(people[0], f"{BOT} stop")
    bot.lives(HOUR)
    assert blocks.is_blocked(bot.store, people[0].id, "")
    assert bot.spent() == bot.world.bank.billed


def test_posts_and_replies_do_not_delay_each_other(path: Path) -> None:
    people = [person(number) for number in range(30)]
    bot = ReplyingBot(path, *people, posts_every=10 * MINUTE, limits=replace(LIMITS, per_day=1_000))
    bot.begins()
    for user in people:
        bot.says(user, f"{BOT} hello")

    bot.lives(HOUR)

    kinds = [post.kind for post in bot.store.history(limit=1000)]
    assert (kinds.count("post"), kinds.count("reply")) == (8, 30)


def test_a_waiting_reply_does_not_delay_posts(path: Path) -> None:
    bot = ReplyingBot(path, MAGPIE, posts_every=10 * MINUTE)
    bot.begins()
    bot.says(MAGPIE, f"{BOT} hello")
    bot.clock.passes(MINUTE)
    bot.fail_with(FAULTS["ok"], FAULTS["ok"], FAULTS["capped_no_reset"])
    bot.lives(2 * HOUR)

    rows = [(post.kind, post.state) for post in bot.store.history(limit=100)]
    assert ("reply", "approved") in rows
    assert rows.count(("post", "posted")) > 5


def test_three_refusals_in_a_row_stop_replies_for_a_day(path: Path) -> None:
    people = [person(number) for number in range(12)]
    bot = ReplyingBot(path, *people)
    bot.begins()
    for user in people[:6]:
        bot.says(user, f"{BOT} hello")
    bot.clock.passes(HOUR)
    bot.fail_with(FAULTS["ok"], *[FAULTS["not_summoned"]] * 3)

    bot.lives(10 * MINUTE)
    bot.lives(20 * HOUR, beat=5 * MINUTE)
    assert (bot.answers(), bot.states()) == ([], ["refused"] * 3)
    bot.clock.passes(5 * HOUR)
    mention = bot.says(people[7], f"{BOT} hello")
    bot.lives(HOUR)

    assert bot.answered() == [mention]


def test_in_review_mode_a_reply_waits_for_approval(path: Path) -> None:
    bot = ReplyingBot(path, MAGPIE, review_mode=True)
    bot.begins()
    mention = bot.says(MAGPIE, f"{BOT} hello")
    bot.lives(HOUR)
    assert (bot.answers(), bot.states()) == ([], ["drafted"])

    bot.store.move(1, "approved", at=bot.clock.now())
    bot.lives(10 * MINUTE)

    assert bot.answered() == [mention]


def test_a_reply_approved_after_the_mention_became_stale_is_not_sent(path: Path) -> None:
    bot = ReplyingBot(path, MAGPIE, review_mode=True)
    bot.begins()
    bot.says(MAGPIE, f"{BOT} hello")
    bot.lives(7 * HOUR, beat=5 * MINUTE)
    bot.store.move(1, "approved", at=bot.clock.now())

    bot.lives(HOUR)

    assert (bot.answers(), bot.states()) == ([], ["expired"])


def test_old_rows_are_deleted_after_a_month_and_no_mention_is_answered_twice(bot: ReplyingBot) -> None:
    mention = bot.says(MAGPIE, f"{BOT} hello")
    bot.lives(10 * MINUTE)
    bot.clock.passes(31 * DAY)

    bot.says(ROOK, f"{BOT} hello")
    bot.lives(10 * MINUTE)

    assert mention not in bot.verdicts()
    assert bot.answered().count(mention) == 1


def test_a_stop_counts_while_a_reply_waits_for_x(bot: ReplyingBot) -> None:
    bot.says(MAGPIE, f"{BOT} hello")
    bot.fail_with(FAULTS["ok"], FAULTS["too_many_no_reset"])
    bot.lives(MINUTE)
    assert bot.states() == ["approved"]
    bot.says(MAGPIE, f"{BOT} no, stop")

    bot.lives(HOUR)

    assert (bot.answers(), bot.states()) == ([], ["expired"])


def test_a_stop_for_a_day_applies_to_approved_replies_too(path: Path) -> None:
    people = [person(number) for number in range(4)]
    bot = ReplyingBot(path, *people, review_mode=True)
    bot.begins()
    for user in people:
        bot.says(user, f"{BOT} hello")
    bot.lives(10 * MINUTE)
    bot.fail_with(*[FAULTS["not_summoned"]] * 3)
    for post in range(1, 5):
        bot.store.move(post, "approved", at=bot.clock.now())

    bot.lives(HOUR)

    assert (bot.answers(), bot.states()) == ([], ["refused"] * 3 + ["approved"])


def test_the_daily_limits_count_from_the_time_of_sending(path: Path) -> None:
    bot = ReplyingBot(path, MAGPIE, ROOK, review_mode=True, limits=replace(LIMITS, per_day=1))
    bot.begins()
    bot.says(MAGPIE, f"{BOT} hello")
    bot.lives(5 * HOUR, beat=5 * MINUTE)
    bot.store.move(1, "approved", at=bot.clock.now())
    bot.lives(20 * HOUR, beat=5 * MINUTE)
    second = bot.says(ROOK, f"{BOT} hello")

    bot.lives(10 * MINUTE)

    assert bot.verdicts()[second] == "too_many_today"


def test_a_forgotten_mention_is_not_answered_again(bot: ReplyingBot) -> None:
    mention = bot.says(MAGPIE, f"{BOT} hello")
    bot.lives(10 * MINUTE)
    mentions.forget(bot.store, "magpie")
    bot.store.keep_meta(polling.CURSOR, json.dumps({"since": "1"}))

    bot.lives(10 * MINUTE)

    assert (bot.answered(), bot.verdicts()) == ([mention], {})


def test_after_a_restore_older_mentions_are_not_answered_but_opt_outs_count(bot: ReplyingBot) -> None:
    first, waiting = bot.says(MAGPIE, f"{BOT} hello"), bot.says(ROOK, f"{BOT} hello")
    bot.clock.passes(5 * MINUTE)
    bot.beat()
    since, stop = bot.says(JAY, f"{BOT} hello"), bot.says(GROK, f"{BOT} stop")
    bot.clock.passes(MINUTE)

    polling.reset_after_restore(bot.store, bot.clock.now())
    bot.clock.passes(MINUTE)
    after = bot.says(JAY, f"{BOT} hello again")
    bot.lives(HOUR)

    assert bot.answered() == [first, after]
    assert bot.verdicts() == {
        first: "answered", waiting: "before_us", since: "before_us", stop: "opted_out", after: "answered"
    }  # fmt: skip


def test_the_reason_why_replies_wait_is_logged_once(path: Path) -> None:
    bot = ReplyingBot(path, MAGPIE, caps=Caps(20_000, 10**9))
    bot.begins()
    bot.says(MAGPIE, f"{BOT} hello")

    bot.lives(HOUR)

    assert bot.answers() == []
    assert bot.logged["replies.waiting"] == 1
