"""What the operator wants kept in, and what the word lists of harm.py must let through. It reads no files."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from bot import patterns
from bot.screen import disguises
from bot.screen.phrases import Phrases
from bot.tweets import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_NONE = Phrases.of(())


@dataclass(frozen=True, slots=True)
class Lists:
    """`allowed` finds what is let through as it stands, and only where a word list is against it."""

    deny: Phrases = _NONE
    patterns: Mapping[str, Callable[[str], bool]] = field(default_factory=dict)
    allowed: re.Pattern[str] | None = None

    @classmethod
    def of(cls, deny: Iterable[str] = (), deny_patterns: Iterable[str] = (), allow: Iterable[str] = ()) -> Self:
        compiled = {pattern: patterns.compiled(pattern) for pattern in deny_patterns}
        return cls(Phrases.of(deny), compiled, _together(allow))

    def why_not(self, text: str) -> Reason | None:
        if (self.deny.entries or self.deny.unspaced) and (found := self.deny.first_in(disguises.views(text))):
            return Reason("denied", found)
        shown = unicodedata.normalize("NFKC", text)
        return next((Reason("denied", pattern) for pattern, stands in self.patterns.items() if stands(shown)), None)


def _together(phrases: Iterable[str]) -> re.Pattern[str] | None:
    """Each phrase as a whole, in small letters or capitals; the longest first."""
    plain = {" ".join(unicodedata.normalize("NFKC", phrase).split()) for phrase in phrases} - {""}
    if not plain:
        return None
    longest_first = sorted(plain, key=lambda phrase: (-len(phrase), phrase))
    either = "|".join(re.escape(phrase).replace(r"\ ", r"\s+") for phrase in longest_first)
    return re.compile(rf"(?<!\w)(?:{either})(?!\w)", re.IGNORECASE)
