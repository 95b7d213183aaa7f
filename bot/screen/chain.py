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
    from collections.abc import Callable, Iterator, Sequence

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


def why_sensitive(text: str) -> Reason | None:
    """Why a text of a stranger, such as a mention, must not be answered: harm or private data in it, not swearing."""
    return harm.why_not(text, vulgar=True) or privacy.why_not(text)


def no_match(_: str) -> str:
    """For a history without posts and a voice without a person."""
    return ""


def build(
    *,
    was_posted: Callable[[str], bool],
    copy_of: Callable[[str], str],
    near_duplicate_of: Callable[[str], str] = no_match,
    earlier_refusal: Callable[[str], str] = no_match,
    foreign_language: Callable[[str], str] = no_match,
    classify: Callable[[str], str] = no_match,
    lists: Lists = NO_LISTS,
    allow_links: bool = False,
    allow_vulgar: bool = False,
    toxicity: bool = True,
    languages: Callable[[], Sequence[str]] = tuple,
    max_hashtags: int = 2,
) -> Screen:
    """The screen of a bot.

    `was_posted` asks the history for a normalised text. The other callables take the text as it is and return the
    detail of a reason, or an empty text: `near_duplicate_of` and `earlier_refusal` are the history's, `copy_of` (a
    training tweet) and `foreign_language` the voice's, and `classify` is the operator's own classifier. `languages` are
    those that the person writes.
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
        "harm": lambda draft: harm.why_not(
            draft.text, vulgar=allow_vulgar, allowed=lists.allowed, toxic=toxicity, languages=languages()
        ),
        "privacy": lambda draft: privacy.why_not(draft.text),
        "repeats": lambda draft: Reason("said_before") if was_posted(normalise(draft.text)) else None,
        "refused": lambda draft: _reason("refused_before", earlier_refusal(draft.text)),
        "copies": lambda draft: _reason("copied", copy_of(draft.text)),
        "language": lambda draft: _reason("language", foreign_language(draft.text)),
        "near": lambda draft: _reason("said_nearly", near_duplicate_of(draft.text)),
        "classifier": lambda draft: _reason("classifier", classify(draft.text)),
    }
    return Screen(tuple(checks.items()))


def _reason(name: str, detail: str) -> Reason | None:
    return Reason(name, detail) if detail else None
