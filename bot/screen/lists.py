"""The operator's deny and allow lists: what must not be posted, and what the word lists of harm.py must let pass."""

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
# Signs around a word, not part of it: "#giveaway" also denies "giveaway", "go home!" "go home", and '"rain"' "rain".
_BEFORE, _AFTER = "#@\"'\u2018\u201c(\u00a1\u00bf", ".,;:!?\"'\u2019\u201d)"
_BETWEEN = re.compile(r"(?<=[^\W_])[-_\u2010'\u2019](?=[^\W_])")  # "T-shirt" denies "T shirt", "don't" "dont"
_LETTER = rf"(?:(?!{UNSPACED})\w)"  # next to a match, it makes the match part of a longer word
_BEGINS, _ENDS = rf"(?:(?<!{_LETTER})|(?={UNSPACED}))", rf"(?:(?!{_LETTER})|(?<={UNSPACED}))"


@dataclass(frozen=True, slots=True)
class Lists:
    """`deny` finds words in all disguises; `written` finds those with signs, such as "c++", as they are written.

    `allowed` finds phrases that pass as they are written, and overrules only the word lists of harm.py.
    """

    deny: Phrases = _NONE
    written: re.Pattern[str] | None = None
    patterns: Mapping[str, Callable[[str], bool]] = field(default_factory=dict)
    allowed: re.Pattern[str] | None = None

    @classmethod
    def of(cls, deny: Iterable[str] = (), deny_patterns: Iterable[str] = (), allow: Iterable[str] = ()) -> Self:
        phrases = list(deny)
        plain = [phrase for phrase in phrases if not _has_signs(phrase)]
        written = [disguises.bare(phrase) for phrase in phrases if _has_signs(phrase)]
        matchers = {pattern: patterns.matcher(pattern) for pattern in deny_patterns}
        allowed = _any_of(unicodedata.normalize("NFKC", phrase) for phrase in allow)
        return cls(Phrases.of(plain), _any_of(written), matchers, allowed)

    def why_not(self, text: str) -> Reason | None:
        if (self.deny.entries or self.deny.unspaced) and (phrase := self.deny.first_in(disguises.views(text))):
            return Reason("denied", phrase)
        if self.written and (match := self.written.search(disguises.bare(text))):
            return Reason("denied", match[0])
        folded = unicodedata.normalize("NFKC", text)
        return next((Reason("denied", pattern) for pattern, matches in self.patterns.items() if matches(folded)), None)


def _has_signs(phrase: str) -> bool:
    """Whether the phrase means something else without its signs: "c++" is not "c"."""
    pieces = unicodedata.normalize("NFKC", phrase).split()
    words = "".join(piece.lstrip(_BEFORE).rstrip(_AFTER) for piece in pieces)
    return any(unicodedata.category(character)[0] in "PS" for character in _BETWEEN.sub("", words or phrase))


def _any_of(phrases: Iterable[str]) -> re.Pattern[str] | None:
    """A pattern of whole phrases that ignores case; the longest first."""
    plain = {" ".join(phrase.split()) for phrase in phrases} - {""}
    if not plain:
        return None
    longest_first = sorted(plain, key=lambda phrase: (-len(phrase), phrase))
    return re.compile("|".join(map(_whole, longest_first)), re.IGNORECASE)


def _whole(phrase: str) -> str:
    """A pattern that does not match inside a longer word; an emoji is never inside one."""
    begins = "" if unicodedata.category(phrase[0]) == "So" else _BEGINS
    ends = "" if unicodedata.category(phrase[-1]) == "So" else _ENDS
    return begins + re.escape(phrase).replace(r"\ ", r"\s+") + ends
