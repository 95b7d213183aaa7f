"""One form for texts that a reader would call the same: the history keeps it in a column, and compares it."""

from __future__ import annotations

import unicodedata


def normalise(text: str) -> str:
    """Without differences in case, width, white space, and the punctuation and emoji at the end."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    spaced = " ".join(folded.split())
    return _without_end(spaced) or spaced  # a text of emoji alone is kept whole


def _without_end(text: str) -> str:
    """Without the punctuation and emoji that it ends with."""
    end = len(text)
    while end and unicodedata.category(text[end - 1])[0] not in "LN":
        end -= 1
    while end < len(text) and unicodedata.category(text[end])[0] == "M":  # the accents of the last letter are its own
        end += 1
    return text[:end]
