"""Removes other people's words from a tweet: manual quotes and retweets, and the handles at the start of a reply."""

from __future__ import annotations

import re

from training.rules.cleaning import GAP

MARKS = "\"'\u201c\u201d\u201e\u2018\u2019\u00ab"
H = "[A-Za-z0-9_]"  # a character of a handle
# In "@rook is wrong about crumbs" the handle is the subject of the sentence; in "@rook is that you?" it is not.
SUBJECT = (
    r"(?:is|isn't|was|wasn't|are|were|has|hasn't|had|will|won't|would|should|shouldn't|could|can|can't|cannot|did|didn't|"
    r"does|doesn't|must|may|might|made|makes|said|says|got|gets|gave|went|wants|needs|knows|thinks|called|keeps)\b"
    r"(?!\s+(?:you|u|we|i|it|they|he|she|this|that|there)\b)"
)
# A quotation mark before a handle that is not a subject; RT or MT before any handle.
QUOTE = re.compile(
    rf"(?:^[{MARKS}\s]*[{MARKS}]\s*|(?:(?<=[\s(\-:])|(?<=[^\x00-\x7f]))[{MARKS}]+)"
    rf"\.?@{H}++(?!\s+{SUBJECT}|['\u2019]s\b)"
)
RETOLD = re.compile(rf"(?<![A-Za-z0-9])(?:RT|MT|rt|Rt)[ ]?:?[ ]?[{MARKS}]*@{H}+[ ]?:?")
OPENING = "\u201c"
CLOSING = re.compile('["\u201d\u00bb]+')
PUBLIC = re.compile(r"^\s*\.\s?(?=@)")
CHAIN = re.compile(rf"\s*(?:@{H}{{1,20}}(?![A-Za-z0-9_@.'\u2019])\s*)+[\s,:;\u2010-\u2015-]*")


def own_words(text: str) -> tuple[str, bool]:
    """The author's own words with a gap in place of a quote, and whether there was one."""
    quote = min(filter(None, (QUOTE.search(text), RETOLD.search(text))), key=re.Match.start, default=None)
    if quote is None:
        return text, False
    return f"{text[: quote.start()]}{GAP}{_after(text[quote.end() :])}", True


def _after(quoted: str) -> str:
    """What follows the quote, where only one closing mark can be its end."""
    ends = list(CLOSING.finditer(quoted))
    return quoted[ends[0].end() :] if len(ends) == 1 and OPENING not in quoted else ""


def without_chain(text: str, *, reply: bool) -> str:
    """The text without the handles that X puts before a reply, or the dot that makes a reply public.

    A single handle that its sentence needs is kept: after a dot, before a verb, or, in a tweet that is not marked as a
    reply, before a lower-case letter.
    """
    public = PUBLIC.sub("", text)
    chain = CHAIN.match(public)
    if chain is None:
        return public
    rest = public[chain.end() :]
    needed = public != text or re.match(SUBJECT, rest) or (rest[:1].islower() and not reply)
    return public if needed and chain[0].count("@") == 1 else rest
