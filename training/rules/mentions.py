"""Mentions of other people, which the bot may not post: a handle becomes a name, or goes, or the tweet does.

A model says what it was taught, so a text with a handle in it teaches drafts that the screen refuses.
"""

from __future__ import annotations

import re

# As bot/screen/entities.py finds them, not as X does: what it would refuse must not be learnt.
MENTION = re.compile(r"(?<![0-9A-Za-z_])(?:rt:?)?[@\uff20][0-9A-Za-z_]+", re.IGNORECASE | re.ASCII)
H = r"(?<![0-9A-Za-z_])[@\uff20][0-9A-Za-z_]{1,20}(?![0-9A-Za-z_])"
ROW = rf"{H}(?:[\s,&/+]+(?:and\s+)?{H})*"
# A handle after its name, "Jack Daw (@jackdaw)", or a source.
BRACKETED = re.compile(rf"\s*[(\[]\s*(?:(?:via|by|cc|h/t)\s+)?{ROW}\s*[)\]]", re.IGNORECASE)
# A source or an address after the text: "via @rook", "cc @rook @jay", "- @rook".
SOURCE = re.compile(
    rf"[\s,;:|]*(?:(?<!\w)(?:via|cc|h/t|ht|hat tip(?: to)?|rt|mt|photos? by|pics? by)|[\u2010-\u2015~|-])\s*:?\s*{ROW}"
    r"[\s.]*$",
    re.IGNORECASE,
)
# After the end of a sentence, or several in a row.
AFTER_END = re.compile(rf"(?:(?<=[.!?\u2026\u3002\uff01\uff1f)\"'\u201d\u2019])|(?<=[^\w\s,;:.@&/-]))\s*{ROW}\s*$")
SEVERAL = re.compile(rf"\s*{H}(?:[\s,&/+]+{H})+\s*$")
# Somebody addressed, whom the sentence does not need: "Thanks @rook!", "so true, @rook", "a poem by @rook".
CALLED = re.compile(
    rf"(?:,|(?P<word>(?<!\w)(?:thanks|thank you|thanks so much|thx|ta|cheers|congrats|congratulations|well done|bravo|"
    rf"welcome|happy birthday|hi|hello|hey|morning|night|yes|no|agree|agreed|exactly|sorry|please|lol|haha))"
    rf"|\s(?:with|by|from|feat\.?|ft\.?))\s*{ROW}(?=\s*(?:$|[!?.]))",
    re.IGNORECASE,
)
DOT = re.compile(r"(?<!\S)\.\s?(?=[@\uff20])")  # makes a reply public
PARTS = re.compile(
    r"(?:Mc|Mac(?=[A-Z][a-z]{3})|O(?=[BCDHKLMNRS][a-z]))[A-Z][a-z]+"
    r"|[0-9]*[A-Z]+(?=[A-Z][a-z]|(?:gov|tv|fm|org|uk|mp)$)|[A-Z]?[a-z]+|[0-9]*[A-Z]+|[0-9]+"
)
FIRSTS = frozenset({"real", "the", "official", "its", "iam"})  # before a name: @realDonaldTrump
BRANDS = {name.lower(): name for name in ("BuzzFeed", "GitHub", "LinkedIn", "SoundCloud", "TikTok", "YouTube")}
# A handle of fewer letters is taken for a word, as in training/profile/handles.py; of more, only one that is written
# like a name: "nightjar92" without its @ would still point to somebody.
LONG = 6
RUN_TOGETHER = 10  # small letters in a row: several words


def without_mentions(text: str) -> str | None:
    """The text without handles; None where its sentences need one that has no form as a name."""
    if MENTION.search(text) is None:
        return text
    text = DOT.sub("", BRACKETED.sub("", text))
    for shape in (SOURCE, AFTER_END, SEVERAL):
        text = shape.sub("", text)
    text = re.sub(H, _named, text, flags=re.ASCII)
    if MENTION.search(text):
        text = CALLED.sub(lambda match: match["word"] or "", text)
    return None if MENTION.search(text) else text


def _named(match: re.Match[str]) -> str:
    """The handle as a name; nothing where the name stands before it already."""
    name = name_of(match[0][1:])
    before = match.string[: match.start()].split()[-3:]
    if name and before and before[-1].casefold() == name.split()[-1].casefold():
        return ""
    return name or match[0]


def name_of(handle: str) -> str:
    """The name in a handle: "Jack Daw" of JackDaw and of jack_daw; "" where it is not written like a name."""
    if brand := BRANDS.get(handle.lower()):
        return brand
    parts = [part for piece in handle.split("_") for part in PARTS.findall(piece)]
    if len(parts) > 1 and len(parts[-1]) > 1 and parts[-1].isdecimal():
        parts.pop()  # a year, or whatever was free
    if len(parts) > 2 and parts[0].lower() in FIRSTS:
        parts = parts[1:]
    words = [part for part in parts if not part.isdecimal()]
    if any(word.islower() and len(word) >= RUN_TOGETHER for word in words):
        return ""
    if len(words) > 1:
        return " ".join(part.capitalize() if handle.islower() else part for part in parts)
    if len(handle) < LONG:
        return handle.strip("_")
    return "".join(parts) if words and words[0][-1].isalpha() and not words[0].islower() else ""
