"""Is it of the tweets that the model was trained on, and in their language? The model folder knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.values import Reason

if TYPE_CHECKING:
    from collections.abc import Callable


def why_not(text: str, copied: Callable[[str], str]) -> Reason | None:
    """`copied` takes the text as it is, and says what of it is a tweet's."""
    detail = copied(text)
    return Reason("copied", detail) if detail else None


def foreign(text: str, why_foreign: Callable[[str], str]) -> Reason | None:
    detail = why_foreign(text)
    return Reason("language", detail) if detail else None
