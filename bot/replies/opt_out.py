"""Recognises wishes to be left alone: X requires a bot to stop when it is asked to.

A clear wish blocks its author for good; a doubtful one silences the thread. The patterns are in words/opt_out.toml.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from bot.replies.clauses import folded, own_words, readings, without_quotations
from bot.screen.disguises import bare, is_drawn_out, key, letters, views
from bot.text.scripts import UNSPACED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bot.replies.clauses import Clause
    from bot.screen.disguises import Key

_PATTERNS = files("bot.replies") / "words" / "opt_out.toml"
_EMOJI = (
    "\U0001f6d1\u270b\u26d4\U0001f6ab\U0001f645\U0001f910\U0001f92b\U0001f507\U0001f515\U0001f91a\U0001f595\U0001f590"
)
_SHADES = re.compile("[\ufe0f\u200d\U0001f3fb-\U0001f3ff\u2640\u2642\\s.!]")  # skin, sex and form of an emoji
# Whoever laughs may be joking: "stop 😂" is doubtful.
_LAUGHTER = re.compile(
    "[\U0001f600-\U0001f606\U0001f602\U0001f923\U0001f970\U0001f60d\U0001f60a\u2764\U0001f495\U0001f49c\U0001f62d\U0001f480]"
    r"|\b(?:lo+l|lmf?ao+|rofl|xd+|(?:ha){2,}h?|(?:je|ja|ha|he){2,}|k{3,}|mdr|ptdr|wk{2,}\w*|rs{2,}|jk|hehe)\b"
    r"|\b(?:blush(?:ing)?|too funny|so funny|making me laugh|cracking me up)\b"
    "|w{2,}$|\u7b11|\u8349|\u54c8\u54c8|[\u314b\u314e]{2}|5{3,}|\u0445\u0430\u0445\u0430|\u0647\u0647\u0647",
    re.IGNORECASE,
)
# Scripts without spaces between words, and Korean, which adds endings: there an operator's phrase matches anywhere.
_ANYWHERE = re.compile(rf"{UNSPACED}|[\uac00-\ud7af]")
_WORD = re.compile(r"[^\W_]+")
_LEFT_OUT = "\u00a4"  # stands for what is harmless, so that nothing else begins or ends there
_AT_END = re.compile(r"(?<![?\\])\$")
_FILLERS = 8  # at most around a wish
_BEFORE = 3  # words before a wish that may take it back


@dataclass(frozen=True, slots=True)
class Wish:
    phrase: str
    is_clear: bool


class OptOut:
    """Finds wishes in the commonest languages, and the phrases of the configuration, which are clear."""

    def __init__(self, more: Iterable[str] = ()) -> None:
        self._own = _OwnPhrases(more)

    def wish_in(self, text: str) -> Wish | None:
        if phrase := self._own.first_in(text) or _emoji_alone(text):
            return Wish(phrase, is_clear=True)
        laughs = bool(_LAUGHTER.search(text))
        outside = without_quotations(text)
        wishes = list(_wishes(outside, laughs=laughs))
        if outside != text:  # somebody else's words
            wishes += [Wish(wish.phrase, is_clear=False) for wish in _wishes(text, laughs=laughs)]
        return next((wish for wish in wishes if wish.is_clear), wishes[0] if wishes else None)

    def phrase_in(self, text: str) -> str | None:
        """The words of a clear wish."""
        wish = self.wish_in(text)
        return wish.phrase if wish and wish.is_clear else None


@dataclass(frozen=True, slots=True)
class _Language:
    """The patterns of a language; None where it has none of a kind."""

    letters: re.Pattern[str]
    accents: bool
    unspaced: bool
    harmless: re.Pattern[str] | None
    begins: tuple[re.Pattern[str], ...]  # wishes that laughter makes doubtful
    anywhere: re.Pattern[str] | None
    doubtful: re.Pattern[str] | None
    takes_back: re.Pattern[str] | None
    reports: re.Pattern[str] | None

    def words_of(self, clause: Clause) -> str:
        words = clause.accented if self.accents else clause.words
        return words.replace(" ", "") if self.unspaced else words

    def without_harmless(self, words: str) -> str:
        return self.harmless.sub(_LEFT_OUT, words) if self.harmless else words

    def clear_in(self, words: str, *, laughs: bool, is_question: bool) -> Wish | None:
        words = self.without_harmless(words)
        for pattern in self.begins:
            if match := pattern.search(words):
                is_one_word = not self.unspaced and len(words.split()) == 1
                return Wish(match[0].strip(), is_clear=not laughs and not (is_question and is_one_word))
        for match in self.anywhere.finditer(words) if self.anywhere else ():
            before = f" {' '.join(words[: match.start()].split()[-_BEFORE:])} "
            if not (self.takes_back and self.takes_back.search(before)):
                is_reported = bool(self.reports and self.reports.search(before))
                return Wish(match[0].strip(), is_clear=not is_reported)
        return None


def _wishes(text: str, *, laughs: bool) -> Iterator[Wish]:
    script = folded(own_words(text), accents=True)
    languages = [language for language in _languages() if language.letters.search(script)]
    for reading in readings(text):
        for clause in reading:
            for language in languages:
                words = language.words_of(clause)
                if wish := language.clear_in(words, laughs=laughs, is_question=clause.is_question):
                    yield wish
            yield from _doubtful(clause, languages)


def _doubtful(clause: Clause, languages: Sequence[_Language]) -> Iterator[Wish]:
    """Words that may be a wish; what is harmless in one language is not doubtful in another that shares the word."""
    for language in languages:
        words = language.words_of(clause)
        for other in languages:
            if other.unspaced == language.unspaced:
                words = other.without_harmless(words)
        if language.takes_back and language.anywhere:
            words = language.anywhere.sub(_LEFT_OUT, words)
        if language.doubtful and (match := language.doubtful.search(words)):
            yield Wish(match[0].strip(), is_clear=False)


def _emoji_alone(text: str) -> str | None:
    """An emoji that says stop, in a text that says nothing else than "please"."""
    said = _SHADES.sub("", own_words(text))
    found = [sign for sign in said if sign in _EMOJI]
    rest = "".join(sign for sign in said if sign not in _EMOJI).casefold()
    return found[0] if found and rest in {"", "please", "pls", "bot", "no", "stop", "ok"} else None


@cache
def _languages() -> tuple[_Language, ...]:
    document = tomllib.loads(_PATTERNS.read_text(encoding="utf-8"))
    return tuple(map(_language, document.values()))


def _language(source: dict[str, Any]) -> _Language:
    accents, unspaced = source.get("accents", False), source.get("unspaced", False)
    parts = source.get("parts", {})

    def any_of(kind: str) -> str:
        return "|".join(whole(pattern) for pattern in source.get(kind, ()))

    def whole(pattern: str) -> str:
        full = re.sub(r"<(\w+)>", lambda part: whole(parts[part[1]]), pattern)
        clean = folded(full.replace("'", "").replace("-", " "), accents=accents)
        return clean.replace(" ", "") if unspaced else _AT_END.sub(" ?$", clean)  # a clause ends with a space

    def compiled(kind: str) -> re.Pattern[str] | None:
        alternatives = any_of(kind)
        if not alternatives:
            return None
        return re.compile(alternatives if unspaced else f"(?<= )(?:{alternatives})(?= |$)")

    fillers, core, start = any_of("fillers"), any_of("whole"), any_of("start")
    if unspaced:
        fill = f"(?:{fillers}){{0,{_FILLERS}}}"
        begins = [f"^{fill}(?:{core}){fill}$"]
    else:
        fill = f"(?:(?:{fillers}) ){{0,{_FILLERS}}}"
        begins = (
            [f"^ {fill}(?:{core}) {fill}$", f"^ {fill}(?:{start})(?= |$)"] if start else [f"^ {fill}(?:{core}) {fill}$"]
        )
    return _Language(
        letters=re.compile(source.get("letters", "[a-z]")),
        accents=accents,
        unspaced=unspaced,
        harmless=compiled("harmless"),
        begins=tuple(map(re.compile, begins)),
        anywhere=compiled("anywhere"),
        doubtful=compiled("doubtful"),
        takes_back=compiled("negations"),
        reports=compiled("reports"),
    )


class _OwnPhrases:
    """The phrases of the configuration, through the same disguises as those of the screen."""

    def __init__(self, phrases: Iterable[str]) -> None:
        self._anywhere: dict[str, str] = {}
        self._runs: dict[str, list[tuple[tuple[Key, ...], str]]] = {}  # keyed by the letters of the first word
        for phrase in phrases:
            if _ANYWHERE.search(phrase):
                self._anywhere[bare(phrase)] = phrase
                continue
            for spelt in dict.fromkeys((phrase, phrase.replace("'", ""))):  # often written without the apostrophe
                if words := tuple(map(key, _WORD.findall(bare(spelt)))):
                    self._runs.setdefault(letters(words[0]), []).append((words, phrase))

    def first_in(self, text: str) -> str | None:
        if not self._anywhere and not self._runs:
            return None
        text = own_words(text)
        plain = bare(text)
        for phrase_letters, phrase in self._anywhere.items():
            if phrase_letters in plain:
                return phrase
        return next(filter(None, map(self._in_words, views(text))), None)

    def _in_words(self, words: Sequence[str]) -> str | None:
        keys = [key(word) for word in words]
        for start, first in enumerate(keys):
            for run, phrase in self._runs.get(letters(first), ()):
                window = keys[start : start + len(run)]
                if len(window) == len(run) and all(map(is_drawn_out, window, run)):
                    return phrase
        return None
