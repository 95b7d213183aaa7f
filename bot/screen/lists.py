"""What the operator wants kept in, and what the word lists of harm.py must let through. It reads no files."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from bot.screen import disguises
from bot.screen.phrases import Phrases
from bot.text import patterns
from bot.text.scripts import UNSPACED
from bot.values import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_NONE = Phrases.of(())
# What is no part of a word: "#giveaway" keeps "giveaway" in as well, "go home!" "go home", and '"rain"' "rain".
_BEFORE, _BEHIND = "#@\"'\u2018\u201c(\u00a1\u00bf", ".,;:!?\"'\u2019\u201d)"
_BETWEEN = re.compile(r"(?<=[^\W_])[-_\u2010'\u2019](?=[^\W_])")  # "T-shirt" keeps "T shirt" in, "don't" "dont"
_LETTER = rf"(?:(?!{UNSPACED})\w)"  # of a longer word, if it stands beside one
_BEGINS, _ENDS = rf"(?:(?<!{_LETTER})|(?={UNSPACED}))", rf"(?:(?!{_LETTER})|(?<={UNSPACED}))"


@dataclass(frozen=True, slots=True)
class Lists:
    """`deny` are words through all disguises; `written` are those with signs, where the letters alone say less: "c++".

    `allowed` finds what is let through as it stands, and only where a word list is against it.
    """

    deny: Phrases = _NONE
    written: re.Pattern[str] | None = None
    patterns: Mapping[str, Callable[[str], bool]] = field(default_factory=dict)
    allowed: re.Pattern[str] | None = None

    @classmethod
    def of(cls, deny: Iterable[str] = (), deny_patterns: Iterable[str] = (), allow: Iterable[str] = ()) -> Self:
        denied = list(deny)
        plain = [phrase for phrase in denied if not _has_signs(phrase)]
        written = [disguises.bare(phrase) for phrase in denied if _has_signs(phrase)]
        compiled = {pattern: patterns.compiled(pattern) for pattern in deny_patterns}
        allowed = _process_group(unicodedata.normalize("NFKC", phrase) for phrase in allow)
        return cls(Phrases.of(plain), _process_group(written), compiled, allowed)

    def why_not(self, text: str) -> Reason | None:
        if (self.deny.entries or self.deny.unspaced) and (found := self.deny.first_in(disguises.views(text))):
            return Reason("denied", found)
        if self.written and (sign := self.written.search(disguises.bare(text))):
            return Reason("denied", sign[0])
        shown = unicodedata.normalize("NFKC", text)
        return next((Reason("denied", pattern) for pattern, stands in self.patterns.items() if stands(shown)), None)


def _has_signs(phrase: str) -> bool:
    """Whether its letters and digits alone are something else."""
    pieces = unicodedata.normalize("NFKC", phrase).split()
    words = "".join(piece.lstrip(_BEFORE).rstrip(_BEHIND) for piece in pieces)
    return any(unicodedata.category(character)[0] in "PS" for character in _BETWEEN.sub("", words or phrase))


def _process_group(phrases: Iterable[str]) -> re.Pattern[str] | None:
    """Each phrase as a whole, in small letters or capitals; the longest first."""
    plain = {" ".join(phrase.split()) for phrase in phrases} - {""}
    if not plain:
        return None
    longest_first = sorted(plain, key=lambda phrase: (-len(phrase), phrase))
    return re.compile("|".join(map(_whole, longest_first)), re.IGNORECASE)


def _whole(phrase: str) -> str:
    """Not within a longer word, which a picture never is."""
    begins = "" if unicodedata.category(phrase[0]) == "So" else _BEGINS
    ends = "" if unicodedata.category(phrase[-1]) == "So" else _ENDS
    return begins + re.escape(phrase).replace(r"\ ", r"\s+") + ends
