from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from bot.screen import entities
from bot.values import Reason

CASES = Path(__file__).parents[2] / ".." / "shared" / "data" / "twitter-text" / "validate.yml"


def test_a_link_is_refused_by_name() -> None:
    assert entities.link("both example.com and http://example.org/x") == Reason(
        "link", "example.com, http://example.org/x"
    )


@pytest.mark.parametrize("text", ["7.42", "e.g. this", "wait...what", "no.Yes", "somebody@example.com"])
def test_a_full_stop_does_not_make_a_link(text: str) -> None:
    assert entities.link(text) is None


@pytest.mark.parametrize(
    ("text", "handle"),
    [
        ("@somebody hello", "@somebody"),
        ("hello .@somebody", "@somebody"),
        ("(@some_body)", "@some_body"),
        ("RT@somebody: hello", "@somebody"),
        ("rt:@somebody", "@somebody"),
        ("meet me @5pm", "@5pm"),
        ("日本@somebody", "@somebody"),
        ("\uff20somebody", "\uff20somebody"),
        ("@one and @two", "@one, @two"),
    ],
)
def test_a_mention_is_refused_by_name(text: str, handle: str) -> None:
    assert entities.mention(text) == Reason("mention", handle)


@pytest.mark.parametrize("text", ["somebody@example.com", "f@ther", "@ five", "@", "@日本"])
def test_an_at_sign_does_not_make_a_mention(text: str) -> None:
    assert entities.mention(text) is None


@pytest.mark.parametrize("text", ["$A and $BC", "$a $b", "$BRK.A $x", "$TEST. $TEST_"])
def test_a_second_cashtag_is_refused(text: str) -> None:
    reason = entities.too_many_cashtags(text)

    assert reason is not None
    assert reason.name == "too_many_cashtags"


@pytest.mark.parametrize("text", ["$ONE", "$5 and $6", "a$b c$d", "$toolong $waytoolong", "$A1 $B2"])
def test_one_cashtag_and_sums_of_money_pass(text: str) -> None:
    assert entities.too_many_cashtags(text) is None


@pytest.mark.parametrize("text", ["#a #b #c", "#a#b #c", "#日本 \uff03b #1st", "(#a) ##b #c_"])
def test_more_hashtags_than_the_limit_are_refused(text: str) -> None:
    count = text.count("#") + text.count("\uff03") - text.count("##") - text.count("a#b")

    assert entities.too_many_hashtags(text, most=count) is None
    assert entities.too_many_hashtags(text, most=count - 1) == Reason(
        "too_many_hashtags", f"{count}, at most {count - 1}"
    )


@pytest.mark.parametrize("text", ["#1", "a#b", "&#x", "#", "# a", "#️⃣a", "#_"], ids=ascii)
def test_a_number_sign_does_not_make_a_hashtag(text: str) -> None:
    assert entities.too_many_hashtags(text, most=0) is None


@pytest.mark.skipif(not CASES.exists(), reason="twitter-text's conformance cases are not on this machine")
def test_the_hashtags_of_the_conformance_cases_are_counted() -> None:
    cases = yaml.load(CASES.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)["tests"]["hashtags"]

    actual = {case["text"]: entities.too_many_hashtags(case["text"], most=0) is not None for case in cases}

    assert actual == {case["text"]: case["expected"] for case in cases}
