"""The form of a text that the history compares, and keeps in a column of its own."""

from __future__ import annotations

import unicodedata


def normalised(text: str) -> str:
    """The same for texts that a reader would call the same: case, width, spaces and what stands at the end aside."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    spaced = " ".join(folded.split())
    return _without_end(spaced) or spaced  # a text of emoji alone is its own end


def _without_end(text: str) -> str:
    """Without the punctuation and emoji that it ends with."""
    end = len(text)
    while end and unicodedata.category(text[end - 1])[0] not in "LN":
        end -= 1
    while end < len(text) and unicodedata.category(text[end])[0] == "M":  # the accents of the last letter are its own
        end += 1
    return text[:end]
