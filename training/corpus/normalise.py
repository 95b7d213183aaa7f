"""When two texts are one: up to case, width, spaces and the punctuation around them. It knows only texts."""

from __future__ import annotations

import unicodedata


def normalise(text: str) -> str:
    """The same for texts that a reader would call the same."""
    # case folding can undo NFKC ("ϓ" folds to a form that composes again), so compose once more
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    spaced = " ".join(folded.split())
    start, end = 0, len(spaced)
    while start < end and _is_trimming(spaced[start]):
        start += 1
    while end > start and _is_trimming(spaced[end - 1]):
        end -= 1
    return spaced[start:end] or spaced  # "?!" stays itself, else all tweets of punctuation were one


def _is_trimming(character: str) -> bool:
    return unicodedata.category(character)[0] in "PZC"
