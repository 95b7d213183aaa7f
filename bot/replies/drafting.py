"""What to answer: drafts, the screen, and the best of those that it lets through. It knows no history and no X.

What the other said is hostile data. Unless the bot listens it does not come here at all; where it does, it chooses
among what the voice says by itself, and gives at most a single word that the voice's own person uses.
"""

from __future__ import annotations

import re
from itertools import zip_longest
from typing import TYPE_CHECKING

from bot.rounds import prompts
from bot.rounds.score import score
from bot.screen import echoes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bot.rounds.posting import DraftSettings
    from bot.screen.chain import Screen
    from bot.values import Draft, Reason, Slot
    from bot.voice.voice import Voice
    from training.profile.person import Person

    Refused = list[tuple[Draft, Reason]]


_LINKS_AND_NAMES = re.compile(r"https?://\S+|[@\uff20#\uff03$]\w+", re.IGNORECASE)
_WORD = re.compile(r"(?<![\w'\u2019-])[^\W\d_A-Z]{5,14}(?![\w'\u2019-])")  # written small: no name, no shouting
# Long enough to be taken for a subject, and none. English only: elsewhere a prompt may begin a little oddly.
_FILLERS = (
    "about above after again against almost along already although always among another anything around because been "
    "before behind being below between could doing during either enough every everyone everything first from going "
    "having itself maybe might never nobody nothing often other others please quite rather really right shall should "
    "since someone something sometimes still their theirs them themselves there these thing things think this those "
    "though through today together tomorrow under until using very wanna want what when where whether which while "
    "whose will with within without would wouldn yesterday your yours yourself thanks thank hello"
)
_EMPTY = frozenset(_FILLERS.split())


def choose(
    slot: Slot, voice: Voice, screen: Screen, draft_settings: DraftSettings, last: Sequence[str], *, told: str | None
) -> tuple[Draft | None, Refused]:
    """The best answer, and the drafts that may not go out. `told` None: nobody listens, so it is as with posts.

    A function of the slot, which is the mention's: an answer cut short begins again with the same drafts.
    """
    passed: list[Draft] = []
    refused: Refused = []
    heard = heard_in(told) if told else ""
    for prompt, seed in _tries(slot, voice.person, draft_settings, _subjects(heard, voice.person)):
        for draft in voice.draft(prompt, n=draft_settings.candidates, seed=seed):
            reason = screen.why_not(draft) or (echoes.why_not(draft.text, told) if told else None)
            if reason:
                refused.append((draft, reason))
            else:
                passed.append(draft)
        if passed and not heard:
            return max(passed, key=lambda draft: score(draft, voice.person, last).total), refused
    return (_aptest(passed, voice, heard) if passed else None), refused


def _aptest(passed: Sequence[Draft], voice: Voice, heard: str) -> Draft:
    """What was said makes it likelier; what is likely anyway ("I don't know.") answers nothing."""
    texts = [draft.text for draft in passed]
    after, anyway = voice.log_likelihoods(texts, given=heard), voice.log_likelihoods(texts)
    gains = [given - alone for given, alone in zip(after, anyway, strict=True)]
    return passed[max(range(len(passed)), key=gains.__getitem__)]


def heard_in(told: str) -> str:
    """What of it the voice is given to weigh: words, on one line, and not without end."""
    return " ".join(_LINKS_AND_NAMES.sub(" ", told).split())[:280]


def _subjects(heard: str, person: Person | None) -> list[str]:
    """The longest word that the person might have said too, to begin with."""
    words = dict.fromkeys(word for word in _WORD.findall(heard) if word not in _EMPTY)
    known = [word for word in words if person is None or not person.unknown_words(word)]
    return [max(known, key=len).capitalize()] if known else []


def _tries(
    slot: Slot, person: Person | None, draft_settings: DraftSettings, first: Sequence[str]
) -> Iterator[tuple[str, int]]:
    """The word that was heard, then as posts begin, but for the rotation: there the answers take no part."""
    usual = prompts.tries(
        slot, draft_settings.beginnings(person), draft_settings.shares, (), count=draft_settings.tries
    )
    for (prompt, seed), heard in zip_longest(usual, first[: draft_settings.tries]):
        yield heard or prompt, seed
