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
    calls_ = [
        Call(match.start(), users.get(match[1].casefold(), ""), match[1])
        for match in re.finditer(r"@(\w+)", text)
        if match[1].casefold() in users
    ]
    wording = Wording(text, tuple(calls_) if calls else (), own)
    return Mention("100", "7", "magpie", text, (wording,), "100", is_reply, is_repost=False, first="100")


def verdict(mention_: Mention) -> str | None:
    reason = RULES.why_not(mention_, US)
    return reason.name if reason else None


@pytest.mark.parametrize(
    ("mention_", "expected"),
    [
        (mention("@stationmynah hello"), None),
        (mention("hello @StationMynah"), None),
        (mention("@magpie @stationmynah hello", own=22, is_reply=True), "not_called"),
        (mention("@magpie @stationmynah hello @stationmynah", own=22, is_reply=True), None),
        (mention("@rook hello @stationmynah", own=6, is_reply=True), None),
        # without a range: leading handles of a reply were added by X
        (mention("@stationmynah hello", own=None), None),
        (mention("@stationmynah hello", own=None, is_reply=True), "not_called"),
        (mention("@rook @stationmynah", own=None, is_reply=True), "not_called"),
        (mention("@rook well, @stationmynah", own=None, is_reply=True), None),
        # without entities: handles are read from the text
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
def test_only_a_visible_mention_is_eligible(mention_: Mention, expected: str | None) -> None:
    assert verdict(mention_) == expected


def test_a_long_post_counts_with_its_full_text() -> None:
    short = Wording("and so on…", (), 0)
    whole = Wording("and so on @stationmynah", (Call(10, "15", "stationmynah"),))

    assert verdict(replace(mention(""), wordings=(short, whole))) is None


def test_a_handle_of_another_account_is_not_the_bot() -> None:
    wording = Wording("@stationmynah hi", (Call(0, "99", "stationmynah"),), 0)

    assert verdict(replace(mention(""), wordings=(wording,))) == "not_called"


def test_bystanders_are_all_except_the_author_and_the_bot() -> None:
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
def test_an_opt_out_phrase_is_recognised(text: str) -> None:
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
def test_other_texts_are_not_opt_outs(text: str) -> None:
    assert OptOut().phrase_in(text) is None


def test_an_operator_may_add_words() -> None:
    assert OptOut(["Häivy täältä", "滚"]).phrase_in("no häivy taalta!") == "Häivy täältä"
    assert OptOut(["滚"]).phrase_in("请滚开") == "滚"
    assert OptOut(["ឈប់"]).phrase_in("សូមឈប់ទៅ") == "ឈប់"  # Khmer has no spaces either


def test_a_page_without_ids_is_invalid() -> None:
    for body in ({"data": {}}, {"data": [{"id": "x"}]}, {"data": [{"text": "hi"}]}, {"data": ["hi"]}):
        with pytest.raises(TryLater):
            mentions(body)


@pytest.mark.parametrize("junk", [None, 7, [], {}, "x", [None], [{"start": "a"}]])
def test_any_field_value_is_read_or_ignored(junk: object) -> None:
    post = {"id": "1", "text": junk, "author_id": junk, "entities": {"mentions": junk}, "display_text_range": junk,
            "note_post": junk, "conversation_id": junk, "edit_history_post_ids": junk,
            "referenced_posts": junk}  # fmt: skip

    (mention_,) = mentions({"data": [post], "includes": {"users": junk}, "meta": junk}).items
    assert mentions({"data": [post], "includes": {"users": [{"id": junk, "username": junk}]}}).items == (mention_,)

    assert verdict(mention_) == "unreadable"


def test_the_documents_explain_exactly_the_verdicts() -> None:
    files = [
        *(path for path in (ROOT / "bot" / "replies").glob("*.py") if path.stem != "dictation"),  # judges drafts
        *(ROOT / "bot" / "history" / f"{name}.py" for name in ("mentions", "blocks", "threads")),
    ]
    sources = "\n".join(path.read_text(encoding="utf-8") for path in files)
    verdicts = set(re.findall(r'(?:Reason\(|decide\(store, [\w.\["\]]+, )"(\w+)"', sources))
    table = (ROOT / "docs" / "replies.md").read_text(encoding="utf-8")

    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == verdicts
