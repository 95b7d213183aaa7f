"""Whether it is a text at all: something said, in characters that show, ended, and not stuck in a loop.

Each check is named as its reason is. None knows a language: what they look for is the same in all of them.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

from bot.text.length import EMOJI
from bot.values import Reason

_SAME_WORD = 4  # "no no no" is how people speak, a fourth is how a model gets stuck
_SAME_THREE = 3  # the same three words three times

_WORD = re.compile(r"\w(?:\S*\w)?")  # a link is one word, not three that come again in the next link
_BROKEN_OFF = re.compile(r"[,;:(\[{&]\s*$")

# Letters and signs, says Unicode, and yet nothing shows: Hangul fillers, Khmer inherent vowels, the empty Braille cell.
_BLANK = frozenset("\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
# U+FFFD is what is left of broken bytes: byte-level models make it. The rest are more than any font needs.
_NEVER = frozenset("\ufffd") | _BLANK | {chr(code) for code in range(0xE0100, 0xE01F0)}
_HIDDEN = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
_JOINERS = "\u200c\u200d"
_NEEDS_JOINERS = 0x0590  # scripts from Hebrew on write with joiners; between Latin letters they only hide a word


def empty(text: str) -> Reason | None:
    """Nothing said; `only_symbols` where there is something to see: emoji, punctuation."""
    if any(unicodedata.category(character)[0] in "LN" for character in EMOJI.sub("", text) if character not in _BLANK):
        return None
    return Reason("only_symbols", text.strip()) if text.strip() else Reason("empty")


def control_character(text: str) -> Reason | None:
    """Control, direction, zero-width, private, unassigned: characters that hide, reorder, or show as a box."""
    if text.isascii() and text.replace("\n", "").isprintable():
        return None
    bare = EMOJI.sub(lambda emoji: "." * len(emoji[0]), text)  # emoji are joined by right; places stay as they are
    for place, character in enumerate(bare):
        if _shows(character, before=bare[place - 1] if place else ""):
            continue
        name = unicodedata.name(character, unicodedata.category(character))
        return Reason("control_character", f"U+{ord(character):04X} {name} at {place}")
    return None


def unfinished(text: str, *, finished: bool = True) -> Reason | None:
    """`finished` is the voice's word on it; an open bracket or a comma at the end tells too."""
    if not finished:
        return Reason("unfinished", "cut off at the token limit")
    end = _BROKEN_OFF.search(text)
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


def _shows(character: str, *, before: str) -> bool:
    if character == "\n":
        return True
    if character in _JOINERS:
        return before != "" and ord(before) >= _NEEDS_JOINERS and unicodedata.category(before)[0] in "LM"
    return character not in _NEVER and unicodedata.category(character) not in _HIDDEN
