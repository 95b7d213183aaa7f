from __future__ import annotations

import pytest

from bot.screen import harm
from bot.screen.lists import Lists
from bot.text import patterns
from bot.values import Reason
from tests.screen.test_harm import DISGUISES, LISTED

WORD = LISTED[-1]


@pytest.mark.parametrize("disguise", DISGUISES)
def test_a_denied_word_is_found_in_disguise(disguise: str) -> None:
    lists = Lists.of(deny=["marmalade"])

    reason = lists.why_not(f"what a {DISGUISES[disguise]('marmalade')} it was")

    assert reason is not None
    assert reason.name == "denied"


@pytest.mark.parametrize(
    ("phrase", "text", "is_found"),
    [
        ("Project Goose", "I love PROJECT  goose!", True),
        ("Project Goose", "project of the goose", False),
        ("#giveaway", "one more #Giveaway for you", True),
        ("goose", "mongoose", False),
        ("проект", "Наш проект готов", True),
        ("秘密", "これは秘密です", True),
        ("ความลับ", "นี่คือความลับนะ", True),
        ("", "anything", False),
    ],
)
def test_only_a_whole_phrase_is_matched(phrase: str, text: str, *, is_found: bool) -> None:
    assert (Lists.of(deny=[phrase]).why_not(text) is not None) is is_found


@pytest.mark.parametrize(
    ("phrase", "text", "is_found"),
    [
        ("c++", "I write C++, and you?", True),
        ("c++", "\uff23\uff0b\uff0b for ever", True),  # wide
        ("c++", "vitamin C for all", False),
        ("c++", "c and a plus", False),
        ("c#", "a song in C#", True),
        ("c#", "a song in c", False),
        (".net", "all in .NET now", True),
        (".net", "a net full of fish", False),
        (".net", "asp.net", False),
        ("a.i.", "the A.I. said so", True),
        ("a.i.", "a i", False),
        ("a.i.", "An apple. I ate it.", False),
        ("at & t", "AT  & T rang", True),
        ("10%", "10% off", True),
        ("10%", "10 of us", False),
        ("\u300c秘密\u300d", "これは\u300c秘密\u300dです", True),
        ("秘密!", "これは秘密!です", True),
        ("T-shirt", "one t shirt", True),
        ("don\u2019t", "DON'T go", True),
        ("john_smith", "one John Smith", True),
        ("go home!", "g0 h0me", True),
        ("not now, please.", "Not now please", True),
        ("\u201crain\u201d", "no rain", True),
        ("(?)", "rain (?)", True),  # only signs
        ("🍆", "eat🍆now", True),
        ("re\u0301sume\u0301", "my resume", True),  # an accent is not a sign
        ("हिन्दी", "यह हिन्दी है", True),
    ],
)
def test_a_word_with_signs_is_matched_literally(phrase: str, text: str, *, is_found: bool) -> None:
    assert (Lists.of(deny=[phrase]).why_not(text) is not None) is is_found


def test_one_list_may_have_words_with_and_without_signs() -> None:
    lists = Lists.of(deny=["c++", "marmalade", "c#"])

    assert lists.why_not("m4rmal@de") == Reason("denied", "marmalade")
    assert lists.why_not("C# or C++") == Reason("denied", "c#")
    assert lists.why_not("C or C minor") is None


def test_a_pattern_is_searched_anywhere_and_is_the_detail_of_the_reason() -> None:
    lists = Lists.of(deny_patterns=[r"(?i)\bcase no\. \d+"])

    assert lists.why_not("see CASE No. 12 of today") == Reason("denied", r"(?i)\bcase no\. \d+")
    assert lists.why_not("see CASE No. \uff11\uff12") is not None  # wide digits
    assert lists.why_not("in that case no. Never") is None


@pytest.mark.parametrize(
    "pattern", ["(a+)+$", "(a|aa)+$", "(.*a){12}b", "(?:a?){60}a{60}b", r"(\w*\s*)*!", ".*.*.*.*.*=x"]
)
def test_a_pattern_that_backtracks_too_long_is_stopped(pattern: str) -> None:
    assert patterns.matcher(pattern)("a" * 5_000 + "\n?") is False


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("(?=a)b", "look-around"),
        (r"(a)\1", "backreferences"),
        ("[", "unclosed"),
        ("(a{0,1000}){0,1000}", "size limit"),
        ("", "every text"),
    ],
)
def test_a_pattern_that_cannot_be_used_is_refused_when_it_is_read(pattern: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        patterns.matcher(pattern)


def test_a_text_that_cannot_be_matched_raises_instead_of_passing() -> None:
    with pytest.raises(ValueError, match="unicode"):
        Lists.of(deny_patterns=["a"]).why_not("\ud800")


def test_an_allowed_phrase_passes_the_word_lists_exactly_as_written() -> None:
    allowed = Lists.of(allow=[f"{WORD} robin"]).allowed

    assert harm.why_not(f"A {WORD.upper()}  Robin sang.", allowed=allowed) is None
    assert harm.why_not(f"A {WORD} sang to the robin.", allowed=allowed) is not None
    assert harm.why_not(f"A {WORD} robin and a {WORD}.", allowed=allowed) is not None
    assert harm.why_not(f"A {WORD}-robinet.", allowed=allowed) is not None


@pytest.mark.parametrize("text", ["I will kill you tomorrow", "this tea cures cancer"])
def test_a_harmful_sentence_cannot_be_allowed(text: str) -> None:
    assert harm.why_not(text, allowed=Lists.of(allow=[text]).allowed) is not None


def test_a_phrase_cannot_be_allowed_and_denied_at_once() -> None:
    assert Lists.of(deny=["goose"], allow=["goose"]).why_not("A goose.") == Reason("denied", "goose")
