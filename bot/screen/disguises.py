"""Removes the disguises of words: accents, look-alikes, digits for letters, letters spaced out or drawn out."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import groupby

# Letters of other alphabets that look Latin, each before its Latin look-alike. Words in Greek or Russian become
# nonsense by this, which is on no list.
_LOOK_ALIKES = (
    "аa вb еe ԁd гr һh іi јj кk ӏl мm пn оo рp ԛq сc ѕs тt уy хx ѡw ԝw ѵv ьb "  # Cyrillic
    "αa βb γy εe ηn ιi κk νv οo ρp σo τt υu χx ωw "  # Greek
    "ɑa əe ƅb ɓb ƈc ɗd ɛe ƒf ɡg ɦh ɩi ıi ĸk ɭl ƨs ʋv ɯw "  # Latin of other languages and of phonetics
    "ᴀa ʙb ᴄc ᴅd ᴇe ꜰf ɢg ʜh ɪi ᴊj ᴋk ʟl ᴍm ɴn ᴏo ᴘp ʀr ꜱs ᴛt ᴜu ᴠv ᴡw ʏy ᴢz øo łl đd ħh ŧt"
)
_LEET = "0o 3e 4a 5s 7t 8b 9g @a $s !i |l +t €e £l"
_LATIN = {ord(pair[0]): pair[1] for pair in _LOOK_ALIKES.split()}
_DIGITS = tuple({ord(pair[0]): pair[1] for pair in f"{_LEET} 1{one}".split()} for one in "il")  # 1 may be either
_VOWELS = "aeiouy"
_DRAWN_OUT = 3  # "hello" has two l; no English word has three
_WORD = re.compile(r"[^\W_]+")
# Single letters with something between them: "b e l l", "b.e.l.l", "b-e*l_l".
_SPACED = re.compile(r"(?<![^\W_])[^\W_](?:[\W_]{1,3}[^\W_](?![^\W_])){2,}")
_ARTICLE = re.compile(r"(?:^|(?<=[^\W_]{2} ))[ai] (?=[^\W_] )")  # "what a b e l l": the a is not part of the bell
_INSIDE = re.compile(r"(?<=[^\W\d_])[.\-_*'’·/\\]+(?=[^\W\d_])")

Key = tuple[tuple[str, int], ...]  # (letter, length of its run)


def views(text: str) -> tuple[tuple[str, ...], ...]:
    """The words of the text without each kind of disguise; the first view is the text as it is."""
    plain = bare(text)
    leet = [plain.translate(digits) for digits in _DIGITS]
    joined = map(_joined, (plain, *leet, _ARTICLE.sub("", plain)))
    forms = dict.fromkeys((plain, *leet, *joined, *(_INSIDE.sub("", form) for form in leet)))
    return tuple(tuple(_WORD.findall(form)) for form in forms)


def bare(text: str) -> str:
    """Without case, width, accents, hidden characters and look-alikes."""
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    shown = "".join(c for c in apart if c == "\n" or unicodedata.category(c) not in {"Mn", "Me", "Cf", "Cc"})
    return shown.translate(_LATIN)


@lru_cache(2**16)
def key(word: str) -> Key:
    """Letters and the lengths of their runs, so that a drawn-out word can be recognised."""
    return tuple((letter, len(list(run))) for letter, run in groupby(word))


@lru_cache(2**16)
def letters(word: Key) -> str:
    return "".join(letter for letter, _ in word)


def is_drawn_out(word: Key, of: Key) -> bool:
    """Whether `word` is `of` with some letters drawn out: a vowel any number of times, a consonant three or more.

    So "aaass" and "assss" are "ass"; "as" and "assess" are not.
    """
    return letters(word) == letters(of) and all(
        ours == theirs or (ours > theirs and (letter in _VOWELS or ours >= _DRAWN_OUT))
        for (letter, ours), (_, theirs) in zip(word, of, strict=True)
    )


def _joined(text: str) -> str:
    return _SPACED.sub(lambda match: "".join(_WORD.findall(match[0])), text)
