"""Mynah's own rules: the published ones, corrected. They look at one tweet at a time.

In this order; a tweet is counted under the first rule that drops it:

    retweet      X marks it as one, or it begins with RT @
    reply        where replies are turned off
    quote        too little is left without the words of others: "@rook: …", RT @rook …
    thread       its text is part of that of another tweet: threads.py, over all tweets of an author
    truncated    the export cut it off, and no whole sentence is left
    short        fewer than three words, or than the letters of three words in a script without spaces
    fragment     it begins or ends in the air, and no whole sentence is left: fragments.py
    mention      it needs a handle that has no form as a name: mentions.py; the bot may not mention anybody
    unspeakable  the screen would refuse it
    duplicate, near_duplicate    a repetition, found over all tweets of an author: training/corpus/near_duplicates.py
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from training.rules import cleaning, fragments, mentions, words
from training.rules import quotes as others
from training.rules.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from training.sources.tweets import Tweet

RULES = (
    "retweet",
    "reply",
    "quote",
    "thread",
    "truncated",
    "short",
    "fragment",
    "mention",
    "unspeakable",
    "duplicate",
    "near_duplicate",
)
FEWEST_WORDS = 3  # as published; see words.py for what counts
# Old exports cut at 140 characters, newer ones cut long notes at 280, including the link. Somebody who likes to end
# with an ellipsis seldom ends there.
CUT = re.compile(rf"[^\u2026]\u2026[\s{cleaning.GAP}]*$")
CUT_LENGTHS = (range(137, 142), range(275, 400))
LINKED = re.compile(rf"{cleaning.GAP}\s*$")
CONTINUED = re.compile(rf"[(\[]\s?cont(?:\.|inued|'d)?\s?[)\]]?[\s{cleaning.GAP}]*$", re.IGNORECASE)


def judge(
    tweet: Tweet, *, newlines: bool, replies: bool, unspeakable: Callable[[str], str | None] | None = None
) -> Verdict:
    if tweet.kind == "retweet" or tweet.text.startswith("RT @"):
        return Verdict("", "retweet")
    if not replies and tweet.kind == "reply":
        return Verdict("", "reply")
    raw = cleaning.unescaped(tweet.text)
    gapped = cleaning.gapped(raw)
    text, quotes = others.own_words(gapped)
    text = cleaning.spaced(others.without_chain(cleaning.closed(text), reply=tweet.kind == "reply"), newlines=newlines)
    cut = not quotes and is_cut(gapped, len(raw.strip()))
    if cut:
        text = fragments.whole_sentences(text)
    if words.count(text) < FEWEST_WORDS:
        return Verdict(text, "quote" if quotes else "truncated" if cut else "short")
    whole = fragments.without_fragments(text, linked=bool(LINKED.search(gapped)))
    if words.count(whole) < FEWEST_WORDS:
        return Verdict(text, "fragment")
    named = cleaning.spaced(mentions.without_mentions(whole) or "", newlines=newlines)
    if words.count(named) < FEWEST_WORDS:
        return Verdict(text, "mention")
    reason = unspeakable(named) if unspeakable else None
    return Verdict(named, "unspeakable", reason) if reason else Verdict(named)


def is_cut(gapped: str, length: int) -> bool:
    """Whether the end is missing; `length` is that of the text including its links."""
    if CONTINUED.search(gapped):
        return True
    return any(length in lengths for lengths in CUT_LENGTHS) and bool(CUT.search(gapped))
