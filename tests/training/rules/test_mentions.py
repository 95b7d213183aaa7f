from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.screen import entities
from training.rules import huggingtweets, mynah
from training.rules.mentions import name_of, without_mentions
from training.sources.tweets import Tweet


@pytest.mark.parametrize(
    ("handle", "name"),
    [
        ("JackDaw", "Jack Daw"),
        ("realJackDaw", "Jack Daw"),
        ("SenJackMcDaw", "Sen Jack McDaw"),
        ("jack_daw", "Jack Daw"),
        ("JackDaw1987", "Jack Daw"),
        ("_JackDaw_", "Jack Daw"),
        ("UBirdsLaw", "U Birds Law"),
        ("NestNews", "Nest News"),
        ("BTONews", "BTO News"),
        ("BTOgov", "BTO gov"),
        ("NestRadio4", "Nest Radio 4"),
        ("2BTO873", "2BTO"),
        ("RSPB", "RSPB"),
        ("Starlings", "Starlings"),
        ("rook", "rook"),
        ("youtube", "YouTube"),
    ],
)
def test_a_handle_that_is_written_like_a_name_becomes_the_name(handle: str, name: str) -> None:
    assert name_of(handle) == name


@pytest.mark.parametrize(
    "handle", ["magpiedaily", "nightjar92", "jackfromthenest", "jackdawthebirdMP", "12345678", "__"]
)
def test_no_other_handle_becomes_a_name(handle: str) -> None:
    assert name_of(handle) == ""


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("Thanks to @JackDaw for the wire", "Thanks to Jack Daw for the wire"),
        ("@JackDaw's wire, @RSPB and @rook", "Jack Daw's wire, RSPB and rook"),
        ("I like .@JackDaw a lot", "I like Jack Daw a lot"),
        ("Jack Daw (@nightjar92) took it", "Jack Daw took it"),
        ("All of the crumbs (via @nightjar92)", "All of the crumbs"),
        ("All of the crumbs via @nightjar92", "All of the crumbs"),
        ("All of the crumbs - @nightjar92", "All of the crumbs"),
        ("All of the crumbs. @nightjar92 @rook", "All of the crumbs."),
        ("All of the crumbs @nightjar92 @rook", "All of the crumbs"),
        ("Thank you @nightjar92!", "Thank you!"),
        ("So true, @nightjar92", "So true"),
        ("A song by @nightjar92", "A song"),
        ("crumbs@nest.example is my address", "crumbs@nest.example is my address"),
        ("crumbs @ the nest", "crumbs @ the nest"),
    ],
)
def test_a_text_loses_its_handles(text: str, spoken: str) -> None:
    assert without_mentions(text) == spoken


@pytest.mark.parametrize(
    "text", ["I like @nightjar92 a lot", "I do like @nightjar92", "so says @nightjar92, and he knows"]
)
def test_a_text_that_needs_a_handle_without_a_name_is_dropped(text: str) -> None:
    tweet = Tweet("1", "magpie", text)

    assert without_mentions(text) is None
    assert mynah.judge(tweet, newlines=False, replies=True).rule == "mention"


def test_a_name_is_not_said_twice() -> None:
    tweet = Tweet("1", "magpie", "My friend Jack Daw @MrJackDaw is here")

    assert mynah.judge(tweet, newlines=False, replies=True).text == "My friend Jack Daw is here"


def test_the_published_rules_keep_handles() -> None:
    assert huggingtweets.judge(Tweet("1", "magpie", "I like @JackDaw a lot")).text == "I like @JackDaw a lot"


PIECES = [
    "@rook",
    "@nightjar92",
    ".@JackDaw",
    "rt@wren",
    "\uff20jay",
    "(@wren)",
    "via",
    ",",
    "caw",
    "é@rook",
    "a+@b",
    "@",
]


@given(st.one_of(st.text(max_size=40), st.lists(st.sampled_from(PIECES), max_size=12).map(" ".join)))
def test_no_kept_text_has_a_mention_that_the_screen_would_refuse(text: str) -> None:
    verdict = mynah.judge(Tweet("1", "magpie", text), newlines=False, replies=True)

    assert verdict.rule or entities.mention(verdict.text) is None
