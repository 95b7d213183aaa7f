"""All checks in a row, from cheap to dear. A check that breaks refuses: what nobody could look at stays in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.screen import copies, entities, form, harm, privacy, repeats
from bot.screen.lists import Lists
from bot.text import length
from bot.values import Draft, Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Check = Callable[[Draft], Reason | None]


NO_LISTS = Lists()


@dataclass(frozen=True, slots=True)
class Screen:
    checks: tuple[tuple[str, Check], ...]  # each with a name, for the day when it breaks

    def why_not(self, draft: Draft) -> Reason | None:
        """The first reason against it; what is dearer is not asked any more."""
        return next(self._reasons(draft), None)

    def reasons(self, draft: Draft) -> tuple[Reason, ...]:
        return tuple(self._reasons(draft))

    def _reasons(self, draft: Draft) -> Iterator[Reason]:
        for name, check in self.checks:
            try:
                reason = check(draft)
            except Exception as error:  # noqa: BLE001  whatever went wrong, the text was not looked at
                reason = Reason("screen_failed", f"{name}: {type(error).__name__}")
            if reason:
                yield reason


def nothing(_: str) -> str:
    """What a history without posts and a voice without a person would say."""
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

    `said`, `near` and `refused` are the history's, see repeats.py; `copied` and `foreign` the voice's, see copies.py;
    `classified` is what a classifier of the operator's own says.
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
        "repeats": lambda draft: repeats.why_not(draft.text, said),
        "refused": lambda draft: repeats.refused(draft.text, refused),
        "copies": lambda draft: copies.why_not(draft.text, copied),
        "language": lambda draft: copies.foreign(draft.text, foreign),
        "near": lambda draft: repeats.nearly(draft.text, near),
        "classifier": lambda draft: _classified(draft.text, classified),
    }
    return Screen(tuple(checks.items()))


def _classified(text: str, classified: Callable[[str], str]) -> Reason | None:
    detail = classified(text)
    return Reason("classifier", detail) if detail else None
