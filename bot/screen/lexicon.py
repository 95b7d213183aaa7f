"""The word lists of `words/`, and their words in a text, through disguises.

A line of a list is a word or a phrase. Signs around it:

?word     doubtful: refuses a draft, but keeps no tweet out of training
word+     also with -ed, -er, -ers, -in, -ing and -y
*word*    also inside a longer word
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Self

from bot.screen import disguises
from bot.text.scripts import UNSPACED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from bot.screen.disguises import Key

_ENDINGS = ("ed", "er", "ers", "in", "ing", "y")
_VOWEL = re.compile("[aeiou]")
_DOUBLE_VOWEL = re.compile("[aeiou]{2}")
_FEWEST_WITHOUT = 4  # letters, of a word without a vowel: fewer are abbreviations
_OTHER_WORDS = {"grid"}  # that a word without a vowel happens to be
_MASKS = r"*#%@$!?_.\-•·^&+=~×█■●"
# A word with signs for some of its letters: "b*ll", "b---l". Each part has a bound, so a long text costs no more.
_MASKED = re.compile(rf"(?<![^\W_])[^\W\d_]{{1,12}}[{_MASKS}]{{1,8}}(?:[^\W\d_]{{1,12}}[{_MASKS}]{{0,8}}){{0,4}}")
_MASK = re.compile(rf"[{_MASKS}]+")
_MOST_MASKED = 20  # words with signs in them that are looked at
_FEWEST_SHOWN = 2  # letters; "f***" may be any word
_LONG_RUN = re.compile(r"(.)\1{2,}")
_UNSPACED = re.compile(UNSPACED)  # without spaces between words, an entry is searched anywhere
_WORD = re.compile(r"[^\W_]+")


class Hit(NamedTuple):
    kind: str
    certain: bool
    phrase: str


@dataclass(frozen=True, slots=True)
class Lexicon:
    entries: Mapping[str, list[tuple[Key, Hit]]]  # by their letters, without the lengths of runs
    longest: int  # words in the longest entry
    heads: frozenset[str]  # the letters of the first words of the entries
    stems: re.Pattern[str]
    of_stems: Mapping[str, Hit]
    unspaced: Mapping[str, Hit]
    words: frozenset[str]  # the single words, for those who look for words themselves
    maskable: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # the single words by their first letter

    @classmethod
    def of(cls, lists: Mapping[str, Iterable[str]], *, doubtful: Iterable[str] = ()) -> Self:
        """Build the lexicon from {kind: lines}; `doubtful` kinds have no certain entry."""
        entries: defaultdict[str, list[tuple[Key, Hit]]] = defaultdict(list)
        of_stems: dict[str, Hit] = {}
        unspaced: dict[str, Hit] = {}
        words: dict[str, None] = {}
        longest = 1
        for kind, lines in lists.items():
            for line in lines:
                bare = " ".join(_WORD.findall(disguises.bare(line)))
                hit = Hit(kind, kind not in doubtful and not line.startswith("?"), bare)
                if line.lstrip("?").startswith("*"):
                    of_stems.setdefault(bare, hit)
                if _UNSPACED.search(bare):
                    unspaced.setdefault(bare.replace(" ", ""), hit)
                    continue
                for form in (*_forms(bare, verb=line.endswith("+")), *(_voweless(bare) if hit.certain else ())):
                    keys = [disguises.key(word) for word in form.split()]
                    entries[" ".join(map(disguises.letters, keys))].append((_spaced(keys), hit))
                    longest = max(longest, len(keys))
                if " " not in bare:
                    words[bare] = None
        heads = frozenset(entry.split()[0] for entry in entries)
        stems = re.compile("|".join(sorted(map(re.escape, of_stems), key=len, reverse=True)) or r"(?!)")
        return cls(dict(entries), longest, heads, stems, of_stems, unspaced, frozenset(words), _by_first_letter(words))

    def hits(self, text: str) -> Iterator[Hit]:
        """The listed words of a text, in any order."""
        for view in disguises.views(text):
            yield from self._whole(view)
            yield from self._inside(view)
        yield from self._masked(disguises.bare(text))

    def _whole(self, view: tuple[str, ...]) -> Iterator[Hit]:
        keys = [disguises.key(word) for word in view]
        names = [disguises.letters(key) for key in keys]
        for start, name in enumerate(names):
            if name not in self.heads:
                continue
            for length in range(1, min(self.longest, len(view) - start) + 1):
                found = self.entries.get(" ".join(names[start : start + length]), ())
                whole = _spaced(keys[start : start + length]) if found else ()
                for key, hit in found:
                    if disguises.is_drawn_out(whole, key):
                        yield hit._replace(phrase=" ".join(view[start : start + length]))

    def _inside(self, view: tuple[str, ...]) -> Iterator[Hit]:
        line = " ".join(view)
        for shorter in dict.fromkeys((line, _LONG_RUN.sub(r"\1", line), _LONG_RUN.sub(r"\1\1", line))):
            for match in self.stems.finditer(shorter):
                start, end = shorter.rfind(" ", 0, match.start()) + 1, shorter.find(" ", match.end())
                yield self.of_stems[match[0]]._replace(phrase=shorter[start : end if end > 0 else None])
        if self.unspaced:
            letters = "".join(view)
            yield from (hit for entry, hit in self.unspaced.items() if entry in letters)

    def _masked(self, bare: str) -> Iterator[Hit]:
        for match, _ in zip(_MASKED.finditer(bare), range(_MOST_MASKED), strict=False):
            token = match[0].rstrip(".!?-_")
            if _MASK.search(token) is None:
                continue
            pattern = _unmasking(token)
            for word in self.maskable.get(token[0], ()) if pattern else ():
                if pattern and pattern.fullmatch(word):
                    key = disguises.key(word)
                    listed = self.entries[disguises.letters(key)]
                    yield from (hit._replace(phrase=token) for entry, hit in listed if entry == key)


def _forms(bare: str, *, verb: bool) -> Iterator[str]:
    yield bare
    yield from (f"{bare}{plural}" for plural in ("s", "z"))
    if bare.endswith(("s", "x", "z", "ch", "sh")):
        yield f"{bare}es"
    if verb:
        yield from (f"{bare}{ending}" for ending in _ENDINGS)


def _voweless(word: str) -> Iterator[str]:
    """A word with its first vowel gone or written as x, and with no vowel."""
    if not word.isalpha() or not word.isascii() or _DOUBLE_VOWEL.search(word):
        return
    if len(word) >= _FEWEST_WITHOUT:
        yield _VOWEL.sub("x", word, count=1)
    for form in (_VOWEL.sub("", word, count=1), _VOWEL.sub("", word)):
        if len(form) >= _FEWEST_WITHOUT and form not in _OTHER_WORDS:
            yield form


def _unmasking(token: str) -> re.Pattern[str] | None:
    """The words that a word with signs may be; None for what is none, such as a date or a compound."""
    shown = _MASK.sub("", token)
    if len(shown) < _FEWEST_SHOWN and not re.fullmatch(r".\*{3,}", token):
        return None
    parts = []
    for piece in re.findall(rf"[{_MASKS}]+|[^{_MASKS}]+", token):
        if not _MASK.match(piece):
            parts.append(re.escape(piece))
        elif set(piece) & set("*#%@$█■●×") and len(piece) > 1 and len(shown) >= _FEWEST_SHOWN:
            parts.append(".{1,6}")
        elif set(piece) <= set(".-_") and len(piece) == 1:
            parts.append("[aeiou]")  # "b-ll" hides a vowel, "co-op" nothing
        else:
            parts.append(f".{{{len(piece)}}}")
    return re.compile("".join(parts))


def _by_first_letter(words: Iterable[str]) -> dict[str, tuple[str, ...]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for word in words:
        if len(word) > _FEWEST_SHOWN and word.isascii() and word.isalpha():
            found[word[0]].append(word)
    return {letter: tuple(listed) for letter, listed in found.items()}


def _spaced(keys: Iterable[Key]) -> Key:
    """One key for several words, with spaces between them."""
    joined: list[tuple[str, int]] = []
    for key in keys:
        joined += [(" ", 1), *key] if joined else key
    return tuple(joined)
