"""All checks of a draft in a row, from cheap to expensive. A check that fails itself refuses the draft."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.screen import entities, form, harm, privacy
from bot.screen.lists import Lists
from bot.text import length
from bot.text.normalise import normalise
from bot.values import Draft, Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Check = Callable[[Draft], Reason | None]


NO_LISTS = Lists()


@dataclass(frozen=True, slots=True)
class Screen:
    checks: tuple[tuple[str, Check], ...]  # (name, check); the name is reported when the check raises

    def why_not(self, draft: Draft) -> Reason | None:
        """The first reason to refuse the draft; the checks after it do not run."""
        return next(self._reasons(draft), None)

    def reasons(self, draft: Draft) -> tuple[Reason, ...]:
        return tuple(self._reasons(draft))

    def _reasons(self, draft: Draft) -> Iterator[Reason]:
        for name, check in self.checks:
            try:
                reason = check(draft)
            except Exception as error:  # noqa: BLE001  whatever went wrong, the text was not checked
                reason = Reason("screen_failed", f"{name}: {type(error).__name__}")
            if reason:
                yield reason


def nothing(_: str) -> str:
    """Never a reason: for a history without posts and a voice without a person."""
    return ""


def build(
    *,
    said: Callable[[str], bool],
    copied: Callable[[str], str],
    near: Callable[[str], str] = nothing,
    refused: Callable[[str], str] = nothing,
    foreign: Callable[[str], str] = nothing,
    classified: Callable[[str], str] = nothing,
    lists: Lists = NO_LISTS,
    allow_links: bool = False,
    allow_vulgar: bool = False,
    max_hashtags: int = 2,
) -> Screen:
    """The screen of a bot.

    `said` asks the history whether it has a normalised text. The other callables take the text as it is and return the
    detail of a reason, empty if there is none: `near` and `refused` ask the history for near-duplicates and for earlier
    refusals, `copied` and `foreign` ask the voice for copied training tweets and for another language, and `classified`
    asks the operator's own classifier.
    """
    checks: dict[str, Check] = {
        "empty": lambda draft: form.empty(draft.text),
        "unfinished": lambda draft: form.unfinished(draft.text, finished=draft.finished),
        "control_character": lambda draft: form.control_character(draft.text),
        "repetition": lambda draft: form.repetition(draft.text),
        "length": lambda draft: length.why_not(draft.text),
        "mention": lambda draft: entities.mention(draft.text),
        "cashtags": lambda draft: entities.too_many_cashtags(draft.text),
        "hashtags": lambda draft: entities.too_many_hashtags(draft.text, most=max_hashtags),
        "link": lambda draft: None if allow_links else entities.link(draft.text),
        "lists": lambda draft: lists.why_not(draft.text),
        "harm": lambda draft: harm.why_not(draft.text, vulgar=allow_vulgar, allowed=lists.allowed),
        "privacy": lambda draft: privacy.why_not(draft.text),
        "repeats": lambda draft: Reason("said_before") if said(normalise(draft.text)) else None,
        "refused": lambda draft: _reason("refused_before", refused(draft.text)),
        "copies": lambda draft: _reason("copied", copied(draft.text)),
        "language": lambda draft: _reason("language", foreign(draft.text)),
        "near": lambda draft: _reason("said_nearly", near(draft.text)),
        "classifier": lambda draft: _reason("classifier", classified(draft.text)),
    }
    return Screen(tuple(checks.items()))


def _reason(name: str, detail: str) -> Reason | None:
    return Reason(name, detail) if detail else None
