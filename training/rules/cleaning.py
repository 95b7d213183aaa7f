"""Removes from a tweet's text what X and its exports add: HTML escapes, links, and the marks that pointed at links."""

from __future__ import annotations

import html
import re
import unicodedata

ESCAPE = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
# Control and direction characters, zero-width space, byte order mark; not the joiners, which make emoji and Persian.
HIDDEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x84\x86-\x9f\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]"
)
BREAK = re.compile(r"\r\n?|\x0b|\x0c|\x85|\u2028|\u2029")
GAP = "\ue000"  # replaces a link; private use: `unescaped` removes it from the text first
# A link ends where ASCII ends (t.co links have no space before Japanese), and before the punctuation of its sentence.
LINK = re.compile(
    r"""
    (?: https?:// (?: t\.co/[A-Za-z0-9]* | [!-~]*[A-Za-z0-9/_=&\#%-] )?  # a scheme alone: the text was cut after it
      | (?<![A-Za-z0-9@.-]) www\. [!-~]*[A-Za-z0-9/_=&\#%-]
      | (?<![A-Za-z0-9@.-]) (?:[a-z0-9-]+\.)+ (?:com|org|net|gov|edu|info|tv|me|ly|co|gl|to|be|uk|io|is|it|us|fm|gd)
        / [!-~]*[A-Za-z0-9/_=&\#%-]
    )
    (?: [ ]?\u2026 )?  # X shortened it, or the export did
    """,
    re.VERBOSE | re.IGNORECASE,
)
PICTURE = re.compile(r"pic\.(?:twitter|x)\.com/[A-Za-z0-9]*(?: ?\u2026)?")  # old exports put no space before it
EMPTY = re.compile(rf"""[(\[{{"'\u201c\u2018\u00ab]\s*{GAP}[\s{GAP}]*[)\]}}"'\u201d\u2019\u00bb]""")
OPENED = re.compile(rf"[(\[{{]\s*{GAP}")
ARROWS = "\u2190-\u21ff\u25b6\u25ba\u27a1\u2b05-\u2b07\ufe0f\U0001f447-\U0001f449"  # pointing fingers too
# What pointed at a removed link: arrows anywhere; colons and dashes at the end of a line. Bounded, for speed.
ARROW = re.compile(rf"[\s{ARROWS}]{{0,20}}[{ARROWS}]\s{{0,20}}{GAP}")
POINTER = re.compile(rf"(?:[\s:|~>*\u2010-\u2015\u00bb{ARROWS}-]{{0,20}}{GAP}){{1,4}}[ \t]*(?=\n|$)")
BEFORE_MARK = re.compile(rf"[ \t]*{GAP}[ \t]*(?=[.,;!?](?:\s|$))")
GAPS = re.compile(rf"[ \t]*{GAP}[ \t]*")
SPACES = re.compile(r"[ \t]{2,}")
BLANK = re.compile(r"\n{3,}")


def unescaped(text: str) -> str:
    """HTML escapes undone once, characters composed, hidden ones removed, runs of spaces made one."""
    text = ESCAPE.sub(lambda match: html.unescape(match[0]), text) if "&" in text else text
    text = HIDDEN.sub("", BREAK.sub("\n", unicodedata.normalize("NFC", text))).replace(GAP, "")
    return SPACES.sub(" ", text)


def gapped(text: str) -> str:
    """The text with a gap for each link; picture links first, or the word before them would be removed too."""
    return LINK.sub(GAP, PICTURE.sub(GAP, text))


def closed(text: str) -> str:
    """The gaps removed, with the brackets, colons and arrows around them."""
    if GAP not in text:
        return text
    text = ARROW.sub(GAP, OPENED.sub(GAP, EMPTY.sub(GAP, text)))
    return GAPS.sub(" ", BEFORE_MARK.sub("", POINTER.sub("", text)))


def spaced(text: str, *, newlines: bool) -> str:
    """On one line or, with `newlines`, on its own lines with at most one empty line in a row."""
    if not newlines:
        return " ".join(text.split())
    return BLANK.sub("\n\n", "\n".join(" ".join(line.split()) for line in text.split("\n"))).strip()
