"""Which mentions are visible, and which are opt-outs: the rules without a history."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from bot.errors import TryLater
from bot.replies.eligibility import BotAccount, Eligibility, bystanders
from bot.replies.opt_out import OptOut
from bot.values import Call, Mention, Wording
from bot.x.payloads import mentions

US = BotAccount("15", "stationmynah")
RULES = Eligibility(OptOut(), frozenset({"grok"}))
ROOT = Path(__file__).parents[2]


def mention(text: str, *, own: int | None = 0, calls: bool = True, is_reply: bool = False) -> Mention:
    users = {"stationmynah": "15", "magpie": "7", "rook": "8", "jay": ""}
    parsed = [
        Call(match.start(), users.get(match[1].casefold(), ""), match[1])
        for match in re.finditer(r"@(\w+)", text)
        if match[1].casefold() in users
    ]
    wording = Wording(text, tuple(parsed) if calls else (), own)
    return Mention("100", "7", "magpie", text, (wording,), "100", is_reply, is_repost=False, first="100")


def verdict(parsed: Mention) -> str | None:
    reason = RULES.why_not(parsed, US)
    return reason.name if reason else None


@pytest.mark.parametrize(
    ("parsed", "expected"),
    [
        (mention("@stationmynah hello"), None),
        (mention("hello @StationMynah"), None),
        (mention("@magpie @stationmynah hello", own=22, is_reply=True), "not_called"),
        (mention("@magpie @stationmynah hello @stationmynah", own=22, is_reply=True), None),
        (mention("@rook hello @stationmynah", own=6, is_reply=True), None),
        # without a range: the handles that a reply begins with are X's
        (mention("@stationmynah hello", own=None), None),
        (mention("@stationmynah hello", own=None, is_reply=True), "not_called"),
        (mention("@rook @stationmynah", own=None, is_reply=True), "not_called"),
        (mention("@rook well, @stationmynah", own=None, is_reply=True), None),
        # without entities: the text itself
        (mention("hello @STATIONMYNAH!", calls=False), None),
        (mention("hello @stationmynahbot", calls=False), "not_called"),
        (mention("hello x@stationmynah", calls=False), "not_called"),
        (mention("https://x.com/@stationmynah", calls=False), "not_called"),
        (mention("@stationmynah and @rook", calls=False), "crowd"),
        (mention("@stationmynah and @jay"), "crowd"),
        (mention("nobody at all"), "not_called"),
        (mention(""), "not_called"),
        (replace(mention("@stationmynah hi"), author=""), "unreadable"),
        (replace(mention("@stationmynah hi"), author="15"), "own"),
        (replace(mention("@stationmynah hi"), handle="Grok"), "known_bot"),
        (replace(mention("@stationmynah stop"), is_repost=True), "repost"),
        (replace(mention("@stationmynah stop"), handle="grok"), "opted_out"),
        (mention("@magpie stop", own=8, is_reply=True), "opted_out"),
    ],
)
def test_a_call_is_one_that_can_be_seen(parsed: Mention, expected: str | None) -> None:
    assert verdict(parsed) == expected


def test_a_long_post_calls_where_its_whole_text_does() -> None:
    short = Wording("and so on…", (), 0)
    whole = Wording("and so on @stationmynah", (Call(10, "15", "stationmynah"),))

    assert verdict(replace(mention(""), wordings=(short, whole))) is None


def test_a_handle_that_now_belongs_to_another_account_is_not_us() -> None:
    wording = Wording("@stationmynah hi", (Call(0, "99", "stationmynah"),), 0)

    assert verdict(replace(mention(""), wordings=(wording,))) == "not_called"


def test_bystanders_are_all_but_the_author_and_us() -> None:
    assert bystanders(mention("@rook @magpie @stationmynah @rook"), US) == ("8",)


@pytest.mark.parametrize(
    "text",
    [
        "stop", "STOP.", "Stop!!!", "stooooop", "s t o p", "s.t.o.p", "\uff33\uff34\uff2f\uff30", "st\u00f6p", "st0p",
        "\u0455top", "please stop it",
        "unsubscribe", "opt-out", "Opt out, please", "leave me alone", "don't reply to me", "don\u2019t reply",
        "dont reply", "dont tag me", "don't respond", "do not respond to me", "dont message me", "leave me be",
        "do not @ me", "fuck off", "quit it", "remove me", "no more replies",
        "go away", "Hör auf damit", "HÖR AUF", "Lass mich in Ruhe!", "arrêtez", "arretez", "laisse moi tranquille",
        "déjame en paz", "me deixe em paz", "smettila", "hou op", "sluta", "przestań", "стоп",
        "\u041d\u0435 отвечай мне",
        "توقف", "תפסיק", "रुको", "berhenti dong", "dừng lại", "หยุดนะ", "もうやめて", "别回复我", "그만해",
        "@stationmynah\nstop", "stop https://example.org",
    ],
)  # fmt: skip
def test_who_wants_to_be_left_alone_is_understood(text: str) -> None:
    assert OptOut().phrase_in(text)


@pytest.mark.parametrize(
    "text",
    [
        "hello",
        "",
        "nonstop",
        "stopwatch",
        "I was stopped",
        "@stop hello",
        "https://stop.example/stop",
        "parable",
        "estop",
    ],
)
def test_who_says_something_else_is_not_taken_to_say_stop(text: str) -> None:
    assert OptOut().phrase_in(text) is None


def test_an_operator_may_add_words() -> None:
    assert OptOut(["Häivy täältä", "滚"]).phrase_in("no häivy taalta!") == "Häivy täältä"
    assert OptOut(["滚"]).phrase_in("请滚开") == "滚"
    assert OptOut(["ឈប់"]).phrase_in("សូមឈប់ទៅ") == "ឈប់"  # Khmer too knows no spaces


def test_a_page_without_ids_is_no_page() -> None:
    for body in ({"data": {}}, {"data": [{"id": "x"}]}, {"data": [{"text": "hi"}]}, {"data": ["hi"]}):
        with pytest.raises(TryLater):
            mentions(body)


@pytest.mark.parametrize("junk", [None, 7, [], {}, "x", [None], [{"start": "a"}]])
def test_whatever_stands_in_a_field_is_read_or_passed_over(junk: object) -> None:
    post = {"id": "1", "text": junk, "author_id": junk, "entities": {"mentions": junk}, "display_text_range": junk,
            "note_post": junk, "conversation_id": junk, "edit_history_post_ids": junk,
            "referenced_posts": junk}  # fmt: skip

    (parsed,) = mentions({"data": [post], "includes": {"users": junk}, "meta": junk}).items
    assert mentions({"data": [post], "includes": {"users": [{"id": junk, "username": junk}]}}).items == (parsed,)

    assert verdict(parsed) == "unreadable"


def test_every_verdict_is_explained_and_no_other() -> None:
    files = [
        *(ROOT / "bot" / "replies").glob("*.py"),
        *(ROOT / "bot" / "history" / f"{name}.py" for name in ("mentions", "blocks")),
    ]
    sources = "\n".join(path.read_text(encoding="utf-8") for path in files)
    verdicts = set(re.findall(r'(?:Reason\(|decide\(store, [\w.\["\]]+, )"(\w+)"', sources))
    table = (ROOT / "docs" / "replies.md").read_text(encoding="utf-8")

    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == verdicts
