"""Harmful sentences by their shape: patterns over a line whose groups of people are written PEOPLE.

The patterns are in words/shapes.toml, the groups in words/groups.toml. Every repetition in them has a bound, and a line
is looked at in pieces, so that the time grows with the length of a text and no faster.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple

from bot.text.patterns import matcher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

_WORDS = files("bot.screen") / "words"
_PIECE, _OVERLAP = 80, 20  # words; no shape is longer than the overlap
_LOOK_AROUND = re.compile(r"\(\?<?!(?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)")  # Rust's engine has none
_TOKEN = re.compile(r"[^\W_]+|[.!?;](?=\s|$)|\n")
_ENDS = ".!?;\n"
_PEOPLE = "PEOPLE"
_LONGEST_PHRASE = 4  # words, of a group
_WORDS_BEFORE = 3


class Shapes(NamedTuple):
    """The patterns of one kind. `may_match` is quick and linear; Python's own engine then says what matched."""

    kind: str
    certain: bool
    about_people: bool
    patterns: tuple[str, ...]
    may_match: Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Groups:
    adjectives: frozenset[str]
    folk: frozenset[str]
    plural: frozenset[str]
    singular: frozenset[str]
    before: frozenset[str]
    after: frozenset[str]
    scum: frozenset[str]
    not_scum: frozenset[str]
    phrases: frozenset[str]  # groups of several words, joined by underscores
    starts: frozenset[str]  # the first words of those

    def marked(self, words: Sequence[str]) -> tuple[list[str], list[str]]:
        """The words with PEOPLE for each group, and what each of them was."""
        marked, written = [], []
        position = 0
        while position < len(words):
            length = self._group_at(words, position)
            marked.append(_PEOPLE if length else words[position])
            written.append(" ".join(words[position : position + (length or 1)]))
            position += length or 1
        return marked, written

    def _group_at(self, words: Sequence[str], position: int) -> int:
        """How many words name a group here; 0 if none does."""
        word, length = self._phrase_at(words, position)
        following = words[position + length] if position + length < len(words) else ";"
        if word in self.plural:
            return length
        if word in self.adjectives and following in self.folk:
            return length + 1
        if word in self.adjectives and word not in self.not_scum and following in self.scum:
            return length
        if word in self.singular and not self.before.isdisjoint(words[max(0, position - _WORDS_BEFORE) : position]):
            return length if word not in self.adjectives or following in self.after else 0
        return 0

    def _phrase_at(self, words: Sequence[str], position: int) -> tuple[str, int]:
        if words[position] in self.starts:
            for length in range(_LONGEST_PHRASE, 1, -1):
                phrase = "_".join(words[position : position + length])
                if phrase in self.phrases:
                    return phrase, length
        return words[position], 1


def kinds() -> tuple[str, ...]:
    return tuple(dict.fromkeys(shapes.kind for shapes in _shapes()[0]))


def hits(forms: Iterable[str]) -> Iterator[tuple[str, bool, str]]:
    """(kind, certain, what matched) of the sentences of a text in forms without its disguises."""
    for words in dict.fromkeys(map(_tokens, forms)):
        yield from _in_words(words)


def _tokens(form: str) -> tuple[str, ...]:
    """The words, and a semicolon for each end of a sentence."""
    return tuple(";" if token in _ENDS else token for token in _TOKEN.findall(form))


def _in_words(words: Sequence[str]) -> Iterator[tuple[str, bool, str]]:
    for start in range(0, max(1, len(words) - _OVERLAP), _PIECE - _OVERLAP):
        piece = words[start : start + _PIECE]
        yield from _in_line(piece, *_groups().marked(piece))


@cache
def words() -> frozenset[str]:
    """The words that the shapes and groups are made of, for those who take hashtags apart."""
    groups = _groups()
    verbs = " ".join(_read("shapes.toml")["parts"][part] for part in ("hurt", "hurting", "killhurt", "beast", "killed"))
    listed = groups.plural | groups.singular | groups.adjectives | set(re.findall(r"[a-z]{3,}", verbs))
    return frozenset(word for word in listed if "_" not in word)


def _in_line(words: Sequence[str], people: list[str], written: list[str]) -> Iterator[tuple[str, bool, str]]:
    all_shapes, spared = _shapes()
    line, marked = " ".join(words), " ".join(people)
    for shapes in all_shapes:
        text, tokens = (marked, written) if shapes.about_people else (line, words)
        if not shapes.may_match(text):
            continue
        for match in (match for pattern in shapes.patterns for match in re.finditer(pattern, text)):
            if not spared.search(match[0]):
                first, last = (text.count(" ", 0, end) for end in match.span())
                yield shapes.kind, shapes.certain, " ".join(tokens[first : last + 1])
                break


@cache
def _shapes() -> tuple[tuple[Shapes, ...], re.Pattern[str]]:
    document = _read("shapes.toml")

    def whole(shape: str) -> str:
        shape = shape.replace(r"\w", "[^ ]")  # the same between single spaces, and quicker than all letters of Unicode
        return re.sub(r"<(\w+)>", lambda part: whole(document["parts"][part[1]]), shape)

    shapes = [
        Shapes(kind, section == "certain", about_people, patterns, matcher(_for_rust("|".join(patterns))))
        for section in ("certain", "drafts")
        for kind, listed in document[section].items()
        for about_people in (False, True)
        if (patterns := tuple(shape for shape in map(whole, listed) if (_PEOPLE in shape) == about_people))
    ]
    return tuple(shapes), re.compile("|".join(map(whole, document["spared"]["all"])))


def _for_rust(pattern: str) -> str:
    """Without what that engine has not, so that it matches more; with borders of words that it finds quickly."""
    return _LOOK_AROUND.sub("", pattern).replace(r"\b", r"(?-u:\b)")


@cache
def _groups() -> Groups:
    sets = {name: frozenset(listed.split()) for name, listed in _read("groups.toml").items()}
    phrases = frozenset(word for words in sets.values() for word in words if "_" in word)
    return Groups(**sets, phrases=phrases, starts=frozenset(phrase.split("_")[0] for phrase in phrases))


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((_WORDS / name).read_text(encoding="utf-8"))
