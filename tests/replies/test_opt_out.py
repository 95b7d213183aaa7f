"""Wishes to be left alone, on the sentences in wishes/: dev.tsv was seen while the patterns were written."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from bot.replies.opt_out import OptOut

WISHES = Path(__file__).parent / "wishes"
OPT_OUT = OptOut()


def verdict(text: str) -> str:
    wish = OPT_OUT.wish_in(text)
    return "none" if wish is None else "clear" if wish.is_clear else "doubtful"


@pytest.mark.parametrize("half", ["dev", "test"])
def test_clear_wishes_are_found_and_harmless_sentences_block_nobody(half: str) -> None:
    rows = [line.split("\t") for line in (WISHES / f"{half}.tsv").read_text(encoding="utf-8").splitlines()]

    counts = Counter((label, verdict(text)) for label, _, text in rows)

    totals = Counter(label for label, _, _ in rows)
    assert counts["clear", "clear"] >= 0.95 * totals["clear"]
    assert counts["harmless", "clear"] < 0.01 * totals["harmless"]
    assert counts["harmless", "doubtful"] < 0.05 * totals["harmless"]


def test_the_two_halves_share_no_sentence_and_have_more_than_300_of_each_kind() -> None:
    rows = [tuple(line.split("\t")) for file in WISHES.glob("*.tsv") for line in file.read_text().splitlines()]

    assert len({text for _, _, text in rows}) == len(rows)
    counts = Counter(label for label, _, _ in rows)
    assert min(counts["clear"], counts["harmless"]) >= 300


@pytest.mark.parametrize(
    "text",
    [
        "block me", "untag me", "leave me alone", "do not contact me", "never talk to me again", "f*ck off",
        "fous-moi la paix", "déjame en paz", "отвали", "うるさい", "🛑", "✋", "🖐🏽", "@stationmynah 🛑",
        "#LeaveMeAlone", "don't @ me", "St0p!",
        "why won't you leave me alone?", "if you don't stop I'll report you", "Stop. This isn't funny any more.",
    ],
)  # fmt: skip
def test_a_clear_wish_blocks(text: str) -> None:
    assert verdict(text) == "clear"


@pytest.mark.parametrize(
    "text",
    [
        "What is your favourite bus stop?", "don't ever stop", "a pare of shoes", "停止線の前で",
        "you never reply to me", "why don't you answer me?", "please don't leave me alone", "ya no me respondes",
        "tu ne me réponds pas",
        "du antwortest mir nicht", "non mi rispondi", "você não me responde", "I don't want this to stop",
        "👋", "hello 🙏",
    ],
)  # fmt: skip
def test_what_only_looks_like_a_wish_does_nothing(text: str) -> None:
    assert verdict(text) == "none"


@pytest.mark.parametrize(
    "text", ["omg stop 😂", 'she sings "leave me alone" all day long', "somebody should make it stop"]
)
def test_a_joke_a_quotation_and_a_vague_wish_are_doubtful(text: str) -> None:
    assert verdict(text) == "doubtful"


def test_a_very_long_text_is_searched_at_both_ends() -> None:
    rain = "It rains. " * 2_000

    assert verdict(f"Stop. {rain}") == verdict(f"{rain} Leave me alone!") == "clear"
