"""Is this a tweet that the model was trained on? The model folder knows, and compares in its own way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.tweets import Reason

if TYPE_CHECKING:
    from collections.abc import Callable


def why_not(text: str, copied: Callable[[str], bool]) -> Reason | None:
    """`copied` takes the text as it is."""
    return Reason("copied") if copied(text) else None
