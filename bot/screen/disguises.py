"""Removes the disguises of words: accents, look-alikes, boxes, digits for letters, letters spaced out or drawn out."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import groupby

# Letters of other alphabets that look Latin, each before its Latin look-alike. Words in Greek or Russian become
# nonsense by this, which is on no list.
_LOOK_ALIKES = (
    "аa вb еe ԁd гr һh іi јj кk ӏl мm пn оo рp ԛq сc ѕs тt уy хx ѡw ԝw ѵv ьb ґr цu шw ёe "  # Cyrillic
    "αa βb γy εe ηn ιi κk νv οo ρp σo τt υu χx ωw "  # Greek
    "ɑa əe ƅb ɓb ƈc ɗd ɛe ƒf ɡg ɦh ɩi ıi ĸk ɭl ƨs ʋv ɯw "  # Latin of other languages and of phonetics
    "ᴀa ʙb ᴄc ᴅd ᴇe ꜰf ɢg ʜh ɪi ᴊj ᴋk ʟl ᴍm ɴn ᴏo ᴘp ʀr ꜱs ᴛt ᴜu ᴠv ᴡw ʏy ᴢz øo łl đd ħh ŧt "
    "աw ցg եe հh ոn սu տs օo քf ℮e "  # Armenian
    "ꓮa ꓐb ꓚc ꓓd ꓰe ꓝf ꓖg ꓧh ꓲi ꓙj ꓗk ꓡl ꓟm ꓠn ꓳo ꓑp ꓣr ꓢs ꓔt ꓴu ꓦv ꓪw ꓫx ꓬy ꓜz "  # Lisu
    "Ꭺa Ᏼb Ꮯc Ꭰd Ꭼe Ꮐg Ꮋh Ꭲi Ꮶk Ꮮl Ꮇm Ꮲp Ꭱr Ꮪs Ꭲt Ꮩv Ꮃw Ꭹy Ꮓz "  # Cherokee
    "ᗩa ᗷb ᑕc ᗪd ᗴe ᖴf ᘜg ᕼh ᒍj ᛕk ᒪl ᗰm ᑎn ᗝo ᑭp ᖇr ᔕs ᑌu ᐯv ᗯw ᙭x"  # syllabics, in "fancy" fonts
)
_LATIN = {ord(pair[0]): pair[1] for pair in _LOOK_ALIKES.split()}
# Letters in circles and squares that normalising leaves: in brackets, white on black, and the halves of flags.
_BOXED = {0x249C + index: chr(ord("a") + index) for index in range(26)} | {
    first + index: chr(ord("a") + index) for first in (0x1F150, 0x1F170, 0x1F1E6) for index in range(26)
}
_FLAGS = re.compile("[\U0001f1e6-\U0001f1ff]+")
# Upside down, and so to be read from the end.
_TURNED = {
    ord(turned): letter
    for turned, letter in zip("ɐqɔpǝɟƃɥᴉıɾʞlɯuodbɹsʇnʌʍxʎz", "abcdefghiijklmnopqrstuvwxyz", strict=True)
}
_SURELY_TURNED = re.compile("[ɐɔǝɟɥᴉʞɯɹʇʌʍʎ]")

_LEET = "0o 3e 4a 5s 6g 7t 8b 9g @a $s !i |l +t €e £l ¢c"
_DIGITS = tuple({ord(pair[0]): pair[1] for pair in f"{_LEET} 1{one}".split()} for one in "il")  # 1 may be either
_LEET_SIGNS = frozenset("0123456789@$!|+€£¢")
_NUMBER = re.compile(r"[#$€£(]*\d[\d.,:/%-]*(?:st|nd|rd|th|\d[a-z]{1,2})?|[$€£]\d.*|@\w{9,}")  # or a handle
_END_OF_SENTENCE = "!?.,;:|+)\"'”’"
_VOWELS = "aeiouy"
_DRAWN_OUT = 3  # "hello" has two l; no English word has three
_WORD = re.compile(r"[^\W_]+")
# Single letters with something between them: "b e l l", "b.e.l.l", "b-e*l_l", "b | e | l | l".
_SPACED = re.compile(r"(?<![^\W_])[^\W_](?:[\W_]{1,3}[^\W_](?![^\W_])){2,}")
_ARTICLE = re.compile(r"(?:^|(?<=[^\W_]{2} ))[ai] (?=[^\W_][\W_])")  # "what a b e l l": the a is not part of the bell
_APOSTROPHE = re.compile(r"(?<=[^\W_])['’`´](?=[^\W_])")
_INSIDE = re.compile(r"(?<=[^\W_])[.\-_*'’`´·•‧∙●○◦/\\|~+^=:,;\"“”<>{}()\[\]…‐‑–—]{1,4}(?=[^\W_])")

Key = tuple[tuple[str, int], ...]  # (letter, length of its run)


def views(text: str) -> tuple[tuple[str, ...], ...]:
    """The words of the text without each kind of disguise; the first view is the text as it is."""
    return tuple(dict.fromkeys(tuple(_WORD.findall(form)) for form in forms(text)))


def forms(text: str) -> tuple[str, ...]:
    """The text without each kind of disguise; the first form is the text as it is."""
    plain = bare(text)
    whole = _APOSTROPHE.sub("", plain)
    joined = (_joined(whole), _joined(_ARTICLE.sub("", whole)), _INSIDE.sub("", whole))
    parted = dict.fromkeys((plain, whole, *joined))
    leet = [_without_leet(form, digits) for form in parted for digits in _DIGITS]
    turned = [whole.translate(_TURNED)[::-1]] if _SURELY_TURNED.search(text) else []
    return tuple(dict.fromkeys((*parted, *leet, *turned)))


def bare(text: str) -> str:
    """Without case, width, accents, hidden characters and look-alikes."""
    if text.isascii() and text.isprintable():
        return text.lower()
    boxed = text if text.isascii() else _FLAGS.sub(lambda flags: f" {flags[0]} ", text).translate(_BOXED)
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", boxed).casefold())
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


def _without_leet(text: str, digits: dict[int, str]) -> str:
    """With letters for the digits and signs of words; numbers, handles and the ends of sentences stay."""
    if _LEET_SIGNS.isdisjoint(text):
        return text
    return " ".join(_word_without_leet(word, digits) for word in text.split())


def _word_without_leet(word: str, digits: dict[int, str]) -> str:
    bare_word = word.rstrip(_END_OF_SENTENCE)
    if _LEET_SIGNS.isdisjoint(bare_word) or _NUMBER.fullmatch(bare_word):
        return word
    return bare_word.translate(digits) + word[len(bare_word) :]
