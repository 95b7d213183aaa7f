"""Refuses a reply that repeats the mention it answers: whoever mentions the bot must not choose its words.

Words are compared without their disguises.
"""

from __future__ import annotations

import re

from bot.screen.disguises import bare
from bot.text.autolink import links
from bot.values import Reason

WORDS = 4  # in a row
CHARACTERS = 20  # in a row, for scripts without spaces
CODE = 3  # characters, at least one a digit; two digits may be the end of a year
_WORD = re.compile(r"[^\W_]+")
_NAME = re.compile(r"[@\uff20#\uff03$](\w+)")
_LINK = re.compile(r"https?://\S+", re.IGNORECASE)


def why_not(text: str, mention: str) -> Reason | None:
    ours, theirs = _WORD.findall(bare(text)), _WORD.findall(bare(mention))
    if shared := _runs(ours, WORDS) & _runs(theirs, WORDS):
        return Reason("echo", " ".join(min(shared)))
    if shared_letters := _runs(_folded(text), CHARACTERS) & _runs(_folded(mention), CHARACTERS):
        return Reason("echo", "".join(min(shared_letters)))
    names = {name for name in map(bare, _NAME.findall(mention)) if name}
    if shared_words := set(ours) & (names | {word for word in theirs if _is_code(word)}):
        return Reason("echo", min(shared_words))
    folded = text.casefold()
    return next((Reason("echo", link) for link in sorted(_links(mention)) if link in folded), None)


def _runs(parts: str | list[str], length: int) -> set[tuple[str, ...]]:
    return {tuple(parts[start : start + length]) for start in range(len(parts) - length + 1)}


def _folded(text: str) -> str:
    return " ".join(bare(text).split())


def _is_code(word: str) -> bool:
    return len(word) >= CODE and any(letter.isdigit() for letter in word)


def _links(text: str) -> set[str]:
    all_links = [text[start:end] for start, end in links(text)] + _LINK.findall(text)
    return {link.casefold().removeprefix("http://").removeprefix("https://").rstrip("/") for link in all_links}
