"""Drafts replies: generates, screens, and picks the best of the drafts that pass.

The text of a mention is untrusted input. It is used only if replies.listen is on, and then only to choose among drafts
that the model generates by itself, and for at most one prompt word, which has to be in the person's own vocabulary.
"""

from __future__ import annotations

import re
from itertools import zip_longest
from typing import TYPE_CHECKING

from bot.replies import dictation
from bot.rounds import prompts
from bot.rounds.score import score

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bot.rounds.posting import DraftSettings
    from bot.screen.chain import Screen
    from bot.values import Draft, Reason, Slot
    from bot.voice.voice import Voice
    from training.profile.person import Person

    Refused = list[tuple[Draft, Reason]]


_LINKS_AND_NAMES = re.compile(r"https?://\S+|[@\uff20#\uff03$]\w+", re.IGNORECASE)
_WORD = re.compile(r"(?<![\w'\u2019-])[^\W\d_A-Z]{5,14}(?![\w'\u2019-])")  # in lower case: neither a name nor shouting
# Long enough for a subject, but not one. English only: in other languages a prompt may begin a little oddly.
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
    slot: Slot, voice: Voice, screen: Screen, draft_settings: DraftSettings, last: Sequence[str], *, mention: str | None
) -> tuple[Draft | None, Refused]:
    """The best draft, and the drafts that the screen refused. `mention` is its text, None if it may not be used.

    The same slot, which is the mention's, gives the same drafts: a reply that was interrupted starts again with these.
    """
    passed: list[Draft] = []
    refused: Refused = []
    context = context_of(mention) if mention else ""
    for prompt, seed in _tries(slot, voice.person, draft_settings, _subjects(context, voice.person)):
        for draft in voice.draft(prompt, n=draft_settings.candidates, seed=seed):
            reason = screen.why_not(draft) or (dictation.why_not(draft.text, mention) if mention else None)
            if reason:
                refused.append((draft, reason))
            else:
                passed.append(draft)
        if passed and not context:
            return max(passed, key=lambda draft: score(draft, voice.person, last).total), refused
    return (_aptest(passed, voice, context) if passed else None), refused


def _aptest(passed: Sequence[Draft], voice: Voice, context: str) -> Draft:
    """The draft whose likelihood the mention raises most. A draft likely in any case ("I don't know.") is no reply."""
    texts = [draft.text for draft in passed]
    after, alone = voice.log_likelihoods(texts, given=context), voice.log_likelihoods(texts)
    gains = [with_context - without for with_context, without in zip(after, alone, strict=True)]
    return passed[max(range(len(passed)), key=gains.__getitem__)]


def context_of(mention: str) -> str:
    """The words of a mention for the model: one line of limited length, without links and handles."""
    return " ".join(_LINKS_AND_NAMES.sub(" ", mention).split())[:280]


def _subjects(context: str, person: Person | None) -> list[str]:
    """Return the longest word of the mention that is in the person's vocabulary, as a prompt."""
    words = dict.fromkeys(word for word in _WORD.findall(context) if word not in _EMPTY)
    known_words = [word for word in words if person is None or not person.unknown_words(word)]
    return [max(known_words, key=len).capitalize()] if known_words else []


def _tries(
    slot: Slot, person: Person | None, draft_settings: DraftSettings, first: Sequence[str]
) -> Iterator[tuple[str, int]]:
    """A word of the mention, then the prompts of posts; replies do not take part in their rotation."""
    usual = prompts.tries(
        slot, draft_settings.beginnings(person), draft_settings.shares, (), count=draft_settings.tries
    )
    for (prompt, seed), subject in zip_longest(usual, first[: draft_settings.tries]):
        yield subject or prompt, seed
