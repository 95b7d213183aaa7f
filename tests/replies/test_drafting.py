"""The prompts of replies: those of posts, and a word of the mention where the bot listens."""

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


def begun(draft_settings: DraftSettings, *, count: int) -> list[str]:
    """The first prompts of the answers to so many mentions."""
    first = []
    for number in range(count):
        voice = Parrot()
        choose(Slot(str(number), NOON), voice, SCREEN, draft_settings, [], mention=None)
        first.append(voice.asked[0])
    return first


def test_prompts_are_chosen_by_the_operators_weights() -> None:
    draft_settings = DraftSettings({"Soup": 9.0, "Rain": 1.0}, candidates=2, tries=1, shares=NOTHING_ELSE)

    chosen = Counter(begun(draft_settings, count=100))

    assert chosen.keys() == {"Soup", "Rain"}
    assert chosen["Soup"] > 80


def test_the_operators_mix_says_which_kind_it_is() -> None:
    only_topics = {"none": 0.0, "openers": 0.0, "prompts": 0.0}
    draft_settings = DraftSettings(("Soup",), candidates=2, tries=1, shares=only_topics, topics=lambda: ("chess",))

    assert set(begun(draft_settings, count=20)) == {"chess"}


def test_a_word_that_was_heard_comes_first_and_then_it_is_as_with_posts() -> None:
    voice = Parrot("@nobody")
    draft_settings = DraftSettings(("Soup",), candidates=1, tries=2, shares=NOTHING_ELSE)

    choose(Slot("1", NOON), voice, SCREEN, draft_settings, [], mention="do you like teapots?")

    assert voice.asked == ["Teapots", "Soup"]
