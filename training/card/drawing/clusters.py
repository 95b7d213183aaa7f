"""Text as a reader sees it: what is one character, what is a picture, what is invisible, where a line may break.

A sober part of Unicode's segmentation, from what Python's unicodedata knows. It knows no fonts.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_JOINER = "\u200d"
_AS_PICTURE, _AS_LETTER = "\ufe0f", "\ufe0e"
_MARKS = 4  # on one letter; Vietnamese and Thai need three, more would climb out of the line
_FLAGS = range(0x1F1E6, 0x1F200)
_SKINS = range(0x1F3FB, 0x1F400)
_TAGS = range(0xE0020, 0xE0080)
# Pictures below U+1F000: in colour unless a text asks for letters.
_PICTURES = frozenset(
    "⌚⌛⏩⏪⏫⏬⏰⏳◽◾☔☕♈♉♊♋♌♍♎♏♐♑♒♓♿⚓⚡⚪⚫⚽⚾⛄⛅⛎⛔⛪⛲⛳⛵⛺⛽✅✊✋✨❌❎❓❔❕❗\u2795\u2796➗➰➿⬛⬜⭐⭕"
)
_SMALL_KANA = frozenset("ぁぃぅぇぉっゃゅょァィゥェォッャュョ")  # they begin no line


def paragraphs(text: str) -> list[str]:
    """Its lines, those with something in them; composed, so that fonts with ready-made accents can show them."""
    lines = (" ".join(line.split()) for line in unicodedata.normalize("NFC", text).splitlines())
    return [line for line in lines if line] or [""]


def split(line: str) -> Iterator[str]:
    """Letters with their marks, pictures with what is joined to them; what stays invisible alone is left out."""
    cluster = ""
    for character in line:
        if cluster and _belongs(cluster, character):
            if sum(map(_is_mark, cluster)) < _MARKS or not _is_mark(character):
                cluster += character
            continue
        if cluster and visible(cluster):
            yield cluster
        cluster = "\u25cc" + character if _is_mark(character) else character  # Unicode's sign for a missing letter
    if cluster and visible(cluster):
        yield cluster


def visible(cluster: str) -> str:
    """Without the signs that only steer how others look."""
    return "".join(character for character in cluster if not _is_invisible(character))


def is_picture(cluster: str) -> bool:
    if _AS_LETTER in cluster:
        return False
    return cluster[0] in _PICTURES or _AS_PICTURE in cluster or 0x1F000 <= ord(cluster[0]) < 0x20000


def may_break(before: str, after: str) -> bool:
    """Whether a line may end between two clusters."""
    if " " in {before, after}:
        return True
    wide = any(unicodedata.east_asian_width(side[0]) in {"W", "F"} for side in (before, after))
    if not wide or unicodedata.category(before[0]) in {"Ps", "Pi"}:
        return False
    return unicodedata.category(after[0]) not in {"Pe", "Pf", "Po", "Lm"} and after[0] not in _SMALL_KANA


def _belongs(cluster: str, character: str) -> bool:
    code = ord(character)
    if cluster == " ":
        return False
    if _is_mark(character) or character in {_JOINER, "\u200c"} or code in _SKINS or code in _TAGS:
        return True
    if cluster[-1] == _JOINER:
        return is_picture(character) or unicodedata.category(character) == "So"
    return code in _FLAGS and len(cluster) == 1 and ord(cluster) in _FLAGS


def _is_mark(character: str) -> bool:
    return unicodedata.category(character)[0] == "M"


def _is_invisible(character: str) -> bool:
    code = ord(character)
    return unicodedata.category(character) == "Cf" or 0xFE00 <= code <= 0xFE0F or 0xE0100 <= code <= 0xE01EF
