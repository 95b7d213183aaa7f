"""The disguises of words that benchmarks/screen.py tries: those that people write, and those that are rare."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

WORDS = ("fuck", "shit", "bitch", "cunt", "whore", "nigger", "faggot", "retard", "kike", "tranny")
VOWELS = "aeiou"


def mapped(letters: str, signs: str) -> Callable[[str], str]:
    table = dict(zip(letters, signs.split() if " " in signs else signs, strict=True))
    return lambda word: "".join(table.get(letter, letter) for letter in word)


def first_vowel(sign: str) -> Callable[[str], str]:
    def disguise(word: str) -> str:
        place = next(index for index, letter in enumerate(word) if letter in VOWELS)
        return word[:place] + sign + word[place + 1 :]

    return disguise


def every_vowel(sign: str) -> Callable[[str], str]:
    return lambda word: "".join(sign if letter in VOWELS else letter for letter in word)


def between(sign: str) -> Callable[[str], str]:
    return sign.join


def marked(mark: str) -> Callable[[str], str]:
    return lambda word: "".join(letter + mark for letter in word)


def shifted(first: int) -> Callable[[str], str]:
    """Letters of a font of Unicode, whose "a" is `first`."""
    return lambda word: "".join(chr(first + ord(letter) - ord("a")) for letter in word)


ENGLISH = "abcdefghijklmnopqrstuvwxyz"
WRITTEN: Mapping[str, Callable[[str], str]] = {
    "plain": str,
    "capitals": str.upper,
    "title": str.title,
    "alternating": lambda word: "".join(c.upper() if index % 2 else c for index, c in enumerate(word)),
    "plural": lambda word: f"{word}s",
    "plural with z": lambda word: f"{word}z",
    "quoted": lambda word: f"“{word}”",
    "emphasised": lambda word: f"*{word}*",
    "hashtag": lambda word: f"#{word}",
    "glued hashtag": lambda word: f"#you{word}",
    "hashtag with humps": lambda word: f"#You{word.title()}",
    "exclaimed": lambda word: f"{word}!!!",
    "1 for i": mapped("i", "1"),
    "! for i": mapped("i", "!"),
    "3 for e": mapped("e", "3"),
    "4 for a": mapped("a", "4"),
    "0 for o": mapped("o", "0"),
    "@ for a": mapped("a", "@"),
    "$ for s": mapped("s", "$"),
    "5 for s": mapped("s", "5"),
    "7 for t": mapped("t", "7"),
    "all digits": mapped("aeiost", "431057"),
    "6 for g": mapped("g", "6"),
    "first vowel *": first_vowel("*"),
    "first vowel #": first_vowel("#"),
    "first vowel @": first_vowel("@"),
    "first vowel %": first_vowel("%"),
    "first vowel -": first_vowel("-"),
    "first vowel _": first_vowel("_"),
    "first vowel .": first_vowel("."),
    "first vowel x": first_vowel("x"),
    "first vowel gone": first_vowel(""),
    "every vowel *": every_vowel("*"),
    "every vowel gone": every_vowel(""),
    "inside ***": lambda word: word[0] + "*" * (len(word) - 2) + word[-1],
    "end ***": lambda word: word[:2] + "*" * (len(word) - 2),
    "spaced": between(" "),
    "dots between": between("."),
    "hyphens between": between("-"),
    "underscores between": between("_"),
    "asterisks between": between("*"),
    "spaced dots": between(" . "),
    "vowel held": lambda word: "".join(c * 4 if c in VOWELS else c for c in word),
    "end held": lambda word: word + word[-1] * 4,
    "accents": mapped("aeiou", "áëíôü"),
    "Cyrillic letters": mapped("aeopcyxi", "аеорсухі"),
    "zero-width spaces": between("\u200b"),
    "soft hyphens": between("\u00ad"),
    "apostrophe inside": lambda word: f"{word[:2]}'{word[2:]}",
    "hyphen inside": lambda word: f"{word[:2]}-{word[2:]}",
    "full width": shifted(ord("ａ")),
    "bold": shifted(0x1D41A),
    "script": shifted(0x1D4EA),
    "circled": shifted(0x24D0),
}
RARE: Mapping[str, Callable[[str], str]] = {
    "| between": between("|"),
    "~ between": between("~"),
    "+ between": between("+"),
    "• between": between("•"),
    "· between": between("·"),
    "/ between": between("/"),
    "\\ between": between("\\"),
    "^ between": between("^"),
    "= between": between("="),
    ": between": between(":"),
    ", between": between(","),
    "spaced bars": between(" | "),
    "spaced hyphens": between(" - "),
    "double spaces": between("  "),
    "emoji between": between("🔥"),
    "two dots between": between(".."),
    "italic": shifted(0x1D622),
    "fraktur": shifted(0x1D586),
    "double-struck": shifted(0x1D552),
    "monospaced": shifted(0x1D68A),
    "sans bold": shifted(0x1D5EE),
    "in brackets": shifted(0x249C),
    "black circles": shifted(0x1F150),
    "squares": shifted(0x1F130),
    "black squares": shifted(0x1F170),
    "halves of flags": shifted(0x1F1E6),
    "small capitals": mapped(ENGLISH, "ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘǫʀꜱᴛᴜᴠᴡxʏᴢ"),
    "upside down": lambda word: mapped(ENGLISH, "ɐqɔpǝɟƃɥᴉɾʞlɯuodbɹsʇnʌʍxʎz")(word)[::-1],
    "struck through": marked("\u0336"),
    "underlined": marked("\u0332"),
    "many marks": marked("\u0300\u0316\u033f"),
    "Greek letters": mapped("aeiknoptuvxy", "αεικνορτυνχγ"),
    "Cherokee letters": mapped("abcdeghiklmprstvwyz", "ᎪᏴᏟᎠᎬᏀᎻᎥᏦᏞᎷᏢᎡᏚᎢᏙᎳᎩᏃ"),
    "syllabics": mapped("abcdefghjklmnoprsuvwx", "ᗩᗷᑕᗪᗴᖴᘜᕼᒍᛕᒪᗰᑎᗝᑭᖇᔕᑌᐯᗯ᙭"),
    "zero-width joiners": between("\u200d"),
    "word joiners": between("\u2060"),
    "direction marks": lambda word: f"\u202d{word}\u202c",
    "decomposed": lambda word: unicodedata.normalize("NFD", mapped("aeiou", "âêîôû")(word)),
    "split by a line": between("\n"),
    "tabs between": between("\t"),
    "first letter doubled": lambda word: word[0] + word,
}


if __name__ == "__main__":
    print(f"{len(WRITTEN)} that people write and {len(RARE)} rare ones:", *WRITTEN, *RARE, sep="\n  ")
