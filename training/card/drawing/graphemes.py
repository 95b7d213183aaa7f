"""What a reader sees as one character, and where a line may end."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

import regex

if TYPE_CHECKING:
    from collections.abc import Iterator

_CLUSTER = regex.compile(r" |\X")  # a space stays alone, so that a line can end there
_INVISIBLE = regex.compile(r"\p{Default_Ignorable_Code_Point}")
_TOO_MANY_MARKS = regex.compile(r"(?<=(?:\p{M}\P{M}*){4})\p{M}")  # Thai needs three; more would climb out of the line
_EMOJI = regex.compile(r"(?!.*\ufe0e)(?:[\p{Emoji_Presentation}\U0001F000-\U0001FFFF]|.+\ufe0f)")
_SMALL_KANA = frozenset("ぁぃぅぇぉっゃゅょァィゥェォッャュョ")  # they begin no line


def paragraphs(text: str) -> list[str]:
    """Its lines, without the empty ones; composed, so that fonts with ready-made accents can show them."""
    lines = (" ".join(line.split()) for line in unicodedata.normalize("NFC", text).splitlines())
    return [line for line in lines if line] or [""]


def split(line: str) -> Iterator[str]:
    """Letters with their marks, emoji with what is joined to them; clusters with nothing to see are left out."""
    for cluster in map(str, _CLUSTER.findall(line)):
        if visible(cluster):
            bare = unicodedata.category(cluster[0])[0] == "M"
            yield _TOO_MANY_MARKS.sub("", "\u25cc" + cluster if bare else cluster)  # a dotted circle carries the mark


def visible(cluster: str) -> str:
    """The cluster without joiners, variation selectors and direction marks."""
    return str(_INVISIBLE.sub("", cluster))


def is_emoji(cluster: str) -> bool:
    return _EMOJI.match(cluster) is not None


def is_leftwards(text: str) -> bool:
    """Whether its first letter is of a script that runs from right to left."""
    return next((kind != "L" for kind in map(unicodedata.bidirectional, text) if kind in {"L", "R", "AL"}), False)


def may_break(before: str, after: str) -> bool:
    """Whether a line may end between two clusters."""
    if " " in {before, after}:
        return True
    wide = any(unicodedata.east_asian_width(side[0]) in {"W", "F"} for side in (before, after))
    if not wide or unicodedata.category(before[0]) in {"Ps", "Pi"}:
        return False
    return unicodedata.category(after[0]) not in {"Pe", "Pf", "Po", "Lm"} and after[0] not in _SMALL_KANA
