from __future__ import annotations

import pytest

from bot.screen import form
from bot.values import Reason


def name_of(reason: Reason | None) -> str | None:
    return reason.name if reason else None


@pytest.mark.parametrize("text", ["", " \n ", "\u3000"], ids=ascii)
def test_blank_text_is_empty(text: str) -> None:
    assert form.empty(text) == Reason("empty")


@pytest.mark.parametrize("text", ["!!!", "🐦🐦", "1️⃣", "...", "\u200b\u200b", "\u3164", "—"], ids=ascii)
def test_symbols_alone_are_refused(text: str) -> None:
    assert name_of(form.empty(text)) == "only_symbols"


@pytest.mark.parametrize("text", ["a", "7", "ok 🐦", "日", "¿qué?"])
def test_one_letter_or_digit_is_enough(text: str) -> None:
    assert form.empty(text) is None


@pytest.mark.parametrize(
    "character",
    [
        "\x00",
        "\x1b",
        "\t",
        "\r",
        "\x7f",
        "\x85",
        "\xad",
        "\u061c",
        "\u200b",
        "\u200e",
        "\u202e",
        "\u2028",
        "\u2060",
        "\u2066",
        "\u3164",
        chr(0xD800),
        "\ue000",
        "\ufeff",
        "\ufffd",
        "\uffff",
        "\u0378",
        "\U000e0041",
        "\U000e0101",
        "\U0010ffff",
    ],
    ids=ascii,
)
def test_an_invisible_character_is_refused_with_its_position(character: str) -> None:
    reason = form.control_character(f"good{character}morning")

    assert reason is not None
    assert reason.name == "control_character"
    assert reason.detail.startswith(f"U+{ord(character):04X} ")
    assert reason.detail.endswith(" at 4")


def test_a_joiner_between_latin_letters_only_hides_a_word() -> None:
    assert form.control_character("cru\u200dmbs") is not None


@pytest.mark.parametrize(
    "text",
    [
        "plain\nand simple",
        "naïve café, ça va",
        "e\u0301",
        "\u0645\u06cc\u200c\u062e\u0648",
        "क\u094d\u200dष",
        "👩🏽‍🚀 and 🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
        "❤️ 1️⃣",
        "\U0001fa77 is a heart younger than some Pythons",
    ],
    ids=ascii,
)
def test_letters_of_any_script_and_emoji_are_visible(text: str) -> None:
    assert form.control_character(text) is None


def test_a_draft_cut_off_at_the_token_limit_is_unfinished() -> None:
    assert form.unfinished("I was about to", finished=False) == Reason("unfinished", "cut off at the token limit")


@pytest.mark.parametrize("end", [",", ";", ":", " (", " &", ":\n"], ids=ascii)
def test_a_text_that_ends_within_a_sentence_is_unfinished(end: str) -> None:
    assert form.unfinished(f"crumbs{end}") == Reason("unfinished", f"ends with {end.strip()}")


@pytest.mark.parametrize(
    "text",
    ["crumbs", "crumbs.", "crumbs…", "crumbs?!", "crumbs :)", "no crumbs :(", "=-(", "crumbs (old)", "crumbs 🐦", ""],
)
def test_a_text_may_end_without_a_full_stop(text: str) -> None:
    assert form.unfinished(text) is None


@pytest.mark.parametrize(
    ("text", "loop"),
    [
        ("it is very very Very very late", "very very very very"),
        ("no, no, no, no", "no no no no"),
        ("I want it. I want it. I want it.", "i want it, 3 times"),
        ("on the roof by the bus on the roof by day on the roof", "on the roof, 3 times"),
    ],
)
def test_a_loop_is_a_repetition(text: str, loop: str) -> None:
    assert form.repetition(text) == Reason("repetition", loop)


@pytest.mark.parametrize(
    "text",
    [
        "no no no",
        "I want it. I want it.",
        "https://t.co/a https://t.co/b https://t.co/c",
        "the train, the bus, the tram, the boat",
        "",
    ],
)
def test_a_little_repetition_is_not_a_loop(text: str) -> None:
    assert form.repetition(text) is None
