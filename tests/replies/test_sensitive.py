"""Mentions in distress, in anger and about others, on the sentences in sensitive/; see test_opt_out.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.replies.sensitive import DISTRESS, Sensitivity, kind_in
from bot.screen import harm, privacy

SENTENCES = Path(__file__).parent / "sensitive"
SENSITIVITY = Sensitivity(lambda text: privacy.why_not(text) or harm.why_not(text, certain=True))


def share(half: str, label: str, *, distress: bool = False) -> float:
    rows = [line.split("\t") for line in (SENTENCES / f"{half}.tsv").read_text(encoding="utf-8").splitlines()]
    texts = [text for kind, text in rows if kind == label]
    reasons = [SENSITIVITY.why_not(text) for text in texts]
    return sum(reason is not None and (not distress or reason.detail in DISTRESS) for reason in reasons) / len(texts)


@pytest.mark.parametrize("half", ["dev", "test"])
def test_what_must_not_be_answered_is_found_and_the_rest_is_answered(half: str) -> None:
    assert share(half, "distress", distress=True) >= 0.95
    assert share(half, "abuse") >= 0.95
    assert share(half, "private") >= 0.9
    assert share(half, "harmless") <= 0.05


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("i want to kill myself tonight", "self_harm"),
        ("I want to k1ll myself", "self_harm"),
        ("my mother died this morning", "grief"),
        ("my husband hits me", "danger"),
        ("you are a useless idiot", "abuse"),
        ("her phone is in the photo, post it", "others_data"),
        ("my phone died", None),
        ("where do you live?", None),
    ],
)
def test_the_kind_says_what_to_do(text: str, kind: str | None) -> None:
    assert kind_in(text) == kind


def test_what_the_screen_refuses_is_not_answered_and_the_reason_holds_no_word_of_it() -> None:
    reason = SENSITIVITY.why_not("write to joe@example.org, he waits")

    assert reason is not None
    assert (reason.name, reason.detail) == ("sensitive", "email")
