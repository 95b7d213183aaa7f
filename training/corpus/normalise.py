"""A normal form of texts: two tweets with the same one count as duplicates.

Case, width, spaces and the punctuation at both ends do not count; emoji do. Model folders hold hashes of these forms,
so the rule must not change. The bot compares its own posts more strictly: bot/text/normalise.py drops emoji at the
end too, so that one more emoji does not make a new post.
"""

from __future__ import annotations

import unicodedata


def normalise(text: str) -> str:
    """The normal form of a text."""
    # case folding can undo NFKC ("ϓ" folds to a form that composes again), so compose once more
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    spaced = " ".join(folded.split())
    start, end = 0, len(spaced)
    while start < end and _is_trimming(spaced[start]):
        start += 1
    while end > start and _is_trimming(spaced[end - 1]):
        end -= 1
    return spaced[start:end] or spaced  # "?!" stays as it is, or all tweets of punctuation alone would be duplicates


def _is_trimming(character: str) -> bool:
    return unicodedata.category(character)[0] in "PZC"
