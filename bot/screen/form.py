"""Checks the form of a text: not empty, only visible characters, finished, not stuck in a loop.

Each function is named after its reason. They work the same in every language.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

from bot.text.length import EMOJI
from bot.values import Reason

_SAME_WORD = 4  # times in a row: people write "no no no", but a fourth "no" comes from a model stuck in a loop
_SAME_THREE = 3  # times that the same three words occur

_WORD = re.compile(r"\w(?:\S*\w)?")  # a link is one word, not three that the next link repeats
_OPEN_END = re.compile(r"(?:[,;:&]|(?<![:;=])(?<![:;=][-'^o])[(\[{])\s*$")  # the bracket of ":(" opens nothing

# Letters and signs by their category, yet invisible: Hangul fillers, Khmer inherent vowels, the empty Braille cell.
_BLANK = frozenset("\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
# U+FFFD replaces broken bytes, which byte-level models produce. The others are variation selectors that no font needs.
_NEVER = frozenset("\ufffd") | _BLANK | {chr(code) for code in range(0xE0100, 0xE01F0)}
_HIDDEN = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
_JOINERS = "\u200c\u200d"
_NEEDS_JOINERS = 0x0590  # scripts from Hebrew on need joiners; between Latin letters they only hide a word


def empty(text: str) -> Reason | None:
    """No letter and no digit: `only_symbols` for emoji and punctuation, else `empty`."""
    if any(unicodedata.category(character)[0] in "LN" for character in EMOJI.sub("", text) if character not in _BLANK):
        return None
    return Reason("only_symbols", text.strip()) if text.strip() else Reason("empty")


def control_character(text: str) -> Reason | None:
    """Control, direction, zero-width, private and unassigned characters: they hide, reorder, or show as a box."""
    if text.isascii() and text.replace("\n", "").isprintable():
        return None
    bare = EMOJI.sub(lambda emoji: "." * len(emoji[0]), text)  # joiners belong in emoji; positions stay the same
    for position, character in enumerate(bare):
        if _is_visible(character, before=bare[position - 1] if position else ""):
            continue
        name = unicodedata.name(character, unicodedata.category(character))
        return Reason("control_character", f"U+{ord(character):04X} {name} at {position}")
    return None


def unfinished(text: str, *, finished: bool = True) -> Reason | None:
    """`finished` comes from the voice; an open bracket or a comma at the end means unfinished too."""
    if not finished:
        return Reason("unfinished", "cut off at the token limit")
    end = _OPEN_END.search(text)
    return Reason("unfinished", f"ends with {end[0].strip()}") if end else None


def repetition(text: str) -> Reason | None:
    words = _WORD.findall(text.casefold())
    rows = zip(*(words[start:] for start in range(_SAME_WORD)), strict=False)
    for row in rows:
        if len(set(row)) == 1:
            return Reason("repetition", " ".join(row))
    threes = Counter(zip(words, words[1:], words[2:], strict=False)).most_common(1)
    if threes and threes[0][1] >= _SAME_THREE:
        return Reason("repetition", f"{' '.join(threes[0][0])}, {threes[0][1]} times")
    return None


def _is_visible(character: str, *, before: str) -> bool:
    if character == "\n":
        return True
    if character in _JOINERS:
        return before != "" and ord(before) >= _NEEDS_JOINERS and unicodedata.category(before)[0] in "LM"
    return character not in _NEVER and unicodedata.category(character) not in _HIDDEN
