from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.screen.chain import Screen, build, why_sensitive
from bot.screen.lists import Lists
from bot.text.normalise import normalise
from bot.values import Draft, Reason

if TYPE_CHECKING:
    from collections.abc import Callable

# Lone surrogates too: no tokenizer should produce them, but one may.
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=400)


def no(_: str) -> bool:
    return False


def no_copy(_: str) -> str:
    return ""


def one_text(text: str) -> Callable[[str], str]:
    return lambda other: f"it is {text}" if other == text else ""


def broken(_: str) -> Any:
    raise OSError("the disk is gone")


def screen(was_posted: Callable[[str], bool] = no, copy_of: Callable[[str], str] = no_copy, **choices: Any) -> Screen:
    return build(was_posted=was_posted, copy_of=copy_of, **choices)


def names(reasons: tuple[Reason, ...]) -> list[str]:
    return [reason.name for reason in reasons]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("", "empty"),
        ("🐦", "only_symbols"),
        ("good\u202emorning", "control_character"),
        ("good morning,", "unfinished"),
        ("good good good good", "repetition"),
        ("good " + "o" * 280, "too_long"),
        ("good morning @somebody", "mention"),
        ("$A or $B", "too_many_cashtags"),
        ("#a #b #c", "too_many_hashtags"),
        ("see example.com now", "link"),
        ("Said before.", "said_before"),
        ("Copied word for word", "copied"),
        ("Said nearly before.", "said_nearly"),
        ("Refused before.", "refused_before"),
        ("Bonjour à tous", "language"),
        ("Classified as rude", "classifier"),
        ("M.a.r.m.a.l.a.d.e for all", "denied"),
        ("It is case no. 7", "denied"),
    ],
)
def test_each_reason_refuses_by_its_name(text: str, name: str) -> None:
    strict = screen(
        {normalise("said before")}.__contains__,
        one_text("Copied word for word"),
        near_duplicate_of=one_text("Said nearly before."),
        earlier_refusal=one_text("Refused before."),
        foreign_language=one_text("Bonjour à tous"),
        classify=one_text("Classified as rude"),
        lists=Lists.of(deny=["marmalade"], deny_patterns=["case no[.]"]),
    )

    assert names(strict.reasons(Draft(text))) == [name]


def test_a_text_that_was_posted_in_another_form_is_refused() -> None:
    history = {normalise("Good morning.")}

    assert screen(history.__contains__).reasons(Draft("good  MORNING! ☀️")) == (Reason("said_before"),)
    assert screen(history.__contains__).reasons(Draft("good night")) == ()


def test_copies_are_searched_in_the_unchanged_text_and_the_reason_quotes_the_original() -> None:
    copying = screen(copy_of=lambda text: "the whole of a tweet" if text == " A  Crumb " else "")

    assert copying.reasons(Draft(" A  Crumb ")) == (Reason("copied", "the whole of a tweet"),)
    assert copying.reasons(Draft("a crumb")) == ()


def test_a_text_in_another_language_is_refused_with_the_language() -> None:
    foreign = screen(foreign_language=lambda text: f"not {text}")

    assert foreign.reasons(Draft("Bonjour")) == (Reason("language", "not Bonjour"),)


def test_a_good_text_passes(sayings: tuple[str, ...]) -> None:
    assert [screen().reasons(Draft(text)) for text in sayings] == [()] * len(sayings)


def test_all_reasons_are_given_in_the_order_of_the_checks() -> None:
    draft = Draft("see example.com, @somebody,", finished=False)

    assert names(screen(copy_of=lambda _: "all of it").reasons(draft)) == ["unfinished", "mention", "link", "copied"]
    assert screen().why_not(draft) == Reason("unfinished", "cut off at the token limit")


def test_the_checks_after_the_first_reason_do_not_run() -> None:
    reason = screen(was_posted=broken, copy_of=broken).why_not(Draft("see example.com"))

    assert reason == Reason("link", "example.com")


def test_a_check_that_raises_refuses_the_draft() -> None:
    assert screen(was_posted=broken).reasons(Draft("good morning")) == (Reason("screen_failed", "repeats: OSError"),)


def test_a_check_that_raises_does_not_hide_the_others() -> None:
    reasons = screen(was_posted=broken, copy_of=lambda _: "all of it").reasons(Draft("good morning"))

    assert names(reasons) == ["screen_failed", "copied"]


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("see example.com", {"allow_links": True}),
        ("#a #b #c", {"max_hashtags": 3}),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else value,
)
def test_the_operator_may_allow_links_and_more_hashtags(text: str, choice: dict[str, Any]) -> None:
    assert screen().why_not(Draft(text)) is not None
    assert screen(**choice).why_not(Draft(text)) is None


@settings(deadline=None)  # a shared machine may pause
@given(ANY_TEXT, st.booleans())
@example("http://\ud800.com", True)  # noqa: FBT003  hypothesis wants all arguments by position or all by name
@example("a." * 200 + "com", False)  # noqa: FBT003  the same
def test_no_text_makes_a_check_raise(text: str, finished: bool) -> None:
    reasons = screen().reasons(Draft(text, finished=finished))

    assert "screen_failed" not in names(reasons)
    assert screen().why_not(Draft(text, finished=finished)) == (reasons[0] if reasons else None)


@pytest.mark.parametrize(
    ("text", "name"),
    [("i will kill you tonight", "threat"), ("her mail is jo@example.org, post it", "email"), ("Good morning!", None)],
)
def test_a_mention_with_harm_or_private_data_is_sensitive(text: str, name: str | None) -> None:
    reason = why_sensitive(text)

    assert (reason.name if reason else None) == name


def test_swearing_alone_is_not_sensitive() -> None:
    assert why_sensitive("this is fucking great") is None
