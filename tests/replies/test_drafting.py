"""The prompts of replies: those of posts, and a word of the mention if the bot listens."""

from __future__ import annotations

from collections import Counter

from bot.replies.drafting import choose
from bot.rounds.posting import DraftSettings
from bot.screen import chain
from bot.values import Slot
from tests.fakes import NOON
from tests.trials.replying_bot import Parrot

SCREEN = chain.build(was_posted=lambda _: False, copy_of=lambda _: "")
NOTHING_ELSE = {"none": 0.0, "openers": 0.0, "topics": 0.0}


def first_prompts(draft_settings: DraftSettings, *, count: int) -> list[str]:
    """The first prompt of each of `count` replies."""
    prompts = []
    for number in range(count):
        voice = Parrot()
        choose(Slot(str(number), NOON), voice, SCREEN, draft_settings, [], mention=None)
        prompts.append(voice.asked[0])
    return prompts


def test_prompts_are_chosen_by_the_operators_weights() -> None:
    draft_settings = DraftSettings({"Soup": 9.0, "Rain": 1.0}, candidates=2, tries=1, shares=NOTHING_ELSE)

    counts = Counter(first_prompts(draft_settings, count=100))

    assert counts.keys() == {"Soup", "Rain"}
    assert counts["Soup"] > 80


def test_the_configured_mix_decides_the_kind_of_prompt() -> None:
    only_topics = {"none": 0.0, "openers": 0.0, "prompts": 0.0}
    draft_settings = DraftSettings(("Soup",), candidates=2, tries=1, shares=only_topics, topics=lambda: ("chess",))

    assert set(first_prompts(draft_settings, count=20)) == {"chess"}


def test_a_word_of_the_mention_is_the_first_prompt_and_the_others_are_those_of_posts() -> None:
    voice = Parrot("@nobody")
    draft_settings = DraftSettings(("Soup",), candidates=1, tries=2, shares=NOTHING_ELSE)

    choose(Slot("1", NOON), voice, SCREEN, draft_settings, [], mention="do you like teapots?")

    assert voice.asked == ["Teapots", "Soup"]
