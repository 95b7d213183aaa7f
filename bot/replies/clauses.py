"""The clauses of a text as patterns read them: words in lower case with a space around each, without disguises.

A text has several readings (as written, digits as letters, letters drawn out), each of one or several clauses.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.screen.disguises import bare, views

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST = 2_000  # characters that are looked at from each end; a post may have 25,000
_LINKS = re.compile(r"https?://\S{1,2000}", re.IGNORECASE)
_TAGGING = re.compile(r"@\s?(?=(?:me|us|mich|moi|mi|ing)\b|[\u6211\u4ffa\u79c1\u50d5])", re.IGNORECASE)  # "don't @ me"
_HANDLES = re.compile(r"(?<![A-Za-z0-9_@])[@\uff20][A-Za-z0-9_]{1,20}")
_HASHTAGS = re.compile(r"[#\uff03](?=\w)")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z][a-z])")  # in a hashtag: #LeaveMeAlone
_APOSTROPHES = re.compile(r"(?<=\w)['\u2019\u02bc`\u00b4](?=\w)")
_ENDS = re.compile(r"[.!?\u2026\u3002\uff01\uff1f\u061f\u061b\u060c\u0964;:,\u3001\uff0c\uff5e|\u2014\u2013\n()\[\]]+")
_WORD_ENDS = re.compile(r"[.!?,;:]+(?=\s|\Z)")  # "st0p!" is no "stopi"
# Vowel signs of India and Thailand are neither letters nor signs to Python.
_NO_WORD = re.compile(r"(?:[^\w\u0900-\u0dff\u0e00-\u0eff]|_)+")
_PLAIN = re.compile(r"[^\u0900-\u0dff\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")
_LONG_VOWEL = re.compile(r"(?<=[\u3041-\u309f])\u30fc+")
_ARABIC = str.maketrans("\u06cc\u0649\u06a9\u0629\u06c1\u06be", "\u064a\u064a\u0643\u0647\u0647\u0647", "\u0640")
_RUN = re.compile(r"(\w)\1{2,}")
_SHORT = 3  # words; in longer clauses a double vowel is more often meant
_VOWELS = re.compile(r"([aeiouy])\1+")
_QUOTED = re.compile(
    r'"[^"\n]{1,300}"|[\u201c\u201e][^\u201d\u201c\n]{1,300}[\u201d\u201c]|\u00ab[^\u00bb\n]{1,300}\u00bb'
)
_JAPANESE_QUOTES = re.compile(r"\u300c[^\u300d\n]{1,300}\u300d|\u300e[^\u300f\n]{1,300}\u300f")
_FEW_WORDS = 2  # around a quotation: it is then what its author has to say


@dataclass(frozen=True, slots=True)
class Clause:
    words: str  # " stop it "
    accented: str  # the same with accents; equal to `words` where a disguise was removed
    is_question: bool


def readings(text: str) -> Iterator[tuple[Clause, ...]]:
    """The clauses of the text; then of each form of it without a disguise, which has no punctuation left."""
    text = own_words(text)
    as_written = tuple(_clauses(text))
    yield as_written
    seen = {clause.words for clause in as_written}
    undrawn = tuple(drawn for clause in as_written for drawn in _undrawn(clause) if drawn.words not in seen)
    if undrawn:
        yield undrawn
    plain, *undisguised = views(_WORD_ENDS.sub(" ", _APOSTROPHES.sub("", text)))
    for view in undisguised:
        words = f" {' '.join(view)} "
        if view != plain and words not in seen:
            seen.add(words)
            clause = Clause(words, words, is_question=False)
            yield (clause, *_undrawn(clause))


def own_words(text: str) -> str:
    """Without links and handles, which are not words, and without the middle of a very long text."""
    if len(text) > 2 * MOST:
        text = f"{text[:MOST]}\n{text[-MOST:]}"
    text = _TAGGING.sub("tagg ", _LINKS.sub(" ", text)).replace("tagg ing", "tagging").replace("tagg ", "tag ")
    return _HASHTAGS.sub(" ", _HANDLES.sub(" ", _CAMEL.sub(" ", text) if "#" in text else text))


def without_quotations(text: str) -> str:
    """Without what is in quotation marks, unless that is nearly everything."""
    outside = _JAPANESE_QUOTES.sub(" ", _QUOTED.sub(" ", text))
    return outside if len(own_words(outside).split()) > _FEW_WORDS else text


def folded(text: str, *, accents: bool = False) -> str:
    """In lower case, without accents but those of India, Thailand and the far East, which make other words."""
    text = unicodedata.normalize("NFKC", text).casefold()
    if not accents:
        text = _PLAIN.sub(lambda match: bare(match[0]), text)
    return _LONG_VOWEL.sub("", text).translate(_ARABIC)


def _clauses(text: str) -> Iterator[Clause]:
    text = _APOSTROPHES.sub("", text)
    start = 0
    for end in (*_ENDS.finditer(text), None):
        part = text[start : end.start() if end else len(text)]
        is_question = bool(end and re.search(r"[?\uff1f\u061f]", end[0]))
        words, accented = (_spaced(folded(part, accents=accents)) for accents in (False, True))
        if words.strip():
            yield Clause(words, accented, is_question)
        start = end.end() if end else 0


def _spaced(text: str) -> str:
    return f" {_NO_WORD.sub(' ', text).strip()} "


def _undrawn(clause: Clause) -> Iterator[Clause]:
    """Letters held: "stooop" is "stop", "offfff" is "off"."""
    once, twice = _RUN.sub(r"\1", clause.words), _RUN.sub(r"\1\1", clause.words)
    short = _VOWELS.sub(r"\1", once) if len(once.split()) <= _SHORT else once
    for words in dict.fromkeys((once, twice, short)):
        if words != clause.words:
            yield Clause(words, words, clause.is_question)
