"""Other people's words in a tweet, cut out of it: quotes and retweets made by hand, the names a reply opens with."""

from __future__ import annotations

import re

from training.rules.cleaning import GAP

MARKS = "\"'\u201c\u201d\u201e\u2018\u2019\u00ab"
H = "[A-Za-z0-9_]"  # what a handle is made of
# "@rook is wrong about crumbs": the handle is what the sentence is about. "@rook is that you?": it is not.
SUBJECT = (
    r"(?:is|isn't|was|wasn't|are|were|has|hasn't|had|will|won't|would|should|shouldn't|could|can|can't|cannot|did|didn't|"
    r"does|doesn't|must|may|might|made|makes|said|says|got|gets|gave|went|wants|needs|knows|thinks|called|keeps)\b"
    r"(?!\s+(?:you|u|we|i|it|they|he|she|this|that|there)\b)"
)
# A mark of quotation before a handle that is no subject; RT or MT before one.
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
    """What its author said himself, a gap where words of others were, and whether there were any."""
    found = min(filter(None, (QUOTE.search(text), RETOLD.search(text))), key=re.Match.start, default=None)
    if found is None:
        return text, False
    return f"{text[: found.start()]}{GAP}{_after(text[found.end() :])}", True


def _after(quoted: str) -> str:
    """What follows the end of the quote, where only one place can be its end."""
    ends = list(CLOSING.finditer(quoted))
    return quoted[ends[0].end() :] if len(ends) == 1 and OPENING not in quoted else ""


def without_chain(text: str, *, reply: bool) -> str:
    """Without those whom it answers: X puts their names before a reply; and without the dot that lets all read one.

    A lone handle that its sentence needs stays: after a dot, before a verb, or, where nothing says that it is a reply,
    before a small letter.
    """
    public = PUBLIC.sub("", text)
    found = CHAIN.match(public)
    if found is None:
        return public
    rest = public[found.end() :]
    needed = public != text or re.match(SUBJECT, rest) or (rest[:1].islower() and not reply)
    return public if needed and found[0].count("@") == 1 else rest
