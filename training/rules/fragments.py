"""Texts that begin or end in the air, reduced to their whole sentences: "Tickets at https://…", "… -", "(1/4)"."""

from __future__ import annotations

import re

# Up to the end of the last sentence. Not after "U.S." or "No.": two letters precede the mark, and the first of them is
# not a capital.
SENTENCES = re.compile(
    r".*(?:[^\W\d_A-Z][^\W\d_][.!?]+[\"'\u201d\u2019)]*(?=\s)|[\u3002\uff01\uff1f]+[\u300d\u300f]*)", re.DOTALL
)
SENTENCE = re.compile(
    r".+?(?:[^\W\d_A-Z][^\W\d_][.!?\u2026]+[\"'\u201d\u2019)]*(?=\s)|[\u3002\uff01\uff1f]+[\u300d\u300f]*|$)\s*",
    re.DOTALL,
)
COUNT = r"[0-9]{1,2}\s?/\s?[0-9]{0,2}"
# The number of a part of a thread, where nothing else is meant: in brackets, or after the end of a sentence.
NUMBER = re.compile(rf"^[(\[]{COUNT}[)\]][:.]?\s*|\s*[(\[]{COUNT}[)\]]$|(?<=[.!?\u2026\"'\u201d\u2019)])\s*{COUNT}$")
END = 20  # characters: more than the longest ending, and faster to search than a whole text
POINTING = re.compile(r"(?:[\s,]+(?:at|via|from|and|or))+$", re.IGNORECASE)  # to a link
BEGINNING = re.compile(r"(?:\.{2,}|\u2026)\s*(?=\w)")
# Words that end no sentence, nor one in another language; not ":(" and the like.
ENDING = re.compile(
    r"(?:[,;:&]|(?<![:;=])(?<![:;=][-'^o])[(\[{]|\s[-\u2010-\u2015]{1,3}"
    r"|(?<!\w)(?i:and|because|but|our|than|the|your)(?:\.{2,}|\u2026)?)$"
)


def without_fragments(text: str, *, linked: bool) -> str:
    """The whole sentences of a text; all of it, nearly always. `linked`: a link stood at its end."""
    if "/" in text:
        text = NUMBER.sub("", text)
    if linked:
        text = POINTING.sub("", text)
    if dots := BEGINNING.match(text):
        text = text[dots.end() :]
        if text[0].islower() and (first := SENTENCE.match(text)):
            text = text[first.end() :]
    return whole_sentences(text) if ENDING.search(text[-END:]) else text


def whole_sentences(text: str) -> str:
    """The text up to the end of its last whole sentence."""
    match = SENTENCES.match(text)
    return match[0] if match else ""
