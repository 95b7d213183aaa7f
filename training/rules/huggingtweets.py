"""The published rules of huggingtweets, to the letter: which tweets to train on, and their text.

In their order: `fix_text`, `clean_tweet`, then `is_short` on the result. Handles and hashtags stay in the text.
The rules are crude (a tweet in a language without spaces counts as short) but unchanged, to compare cards.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from training.rules.verdict import Verdict

if TYPE_CHECKING:
    from training.sources.tweets import Tweet

RULES = ("retweet", "short")  # in this order
ESCAPES = (("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">"))  # in this order, so "&amp;lt;" becomes "<"
SCHEMES = ("http:", "https:")
# Before a link, after it, on a line of its own, anywhere: which spaces go with it depends on this order.
SHAPES = (r" URL\S+", r"URL\S+ ", r"\nURL\S+ ", r"\nURL\S+", r"URL\S+")
LINKS = tuple(re.compile(shape.replace("URL", scheme)) for scheme in SCHEMES for shape in SHAPES)
NO_WORDS = ("http", "@", "#")  # a word that contains one of these does not count
FEWEST_WORDS = 3


def judge(tweet: Tweet) -> Verdict:
    if tweet.kind == "retweet" or tweet.text.startswith("RT @"):
        return Verdict("", "retweet")
    text = clean_tweet(fix_text(tweet.text))
    return Verdict(text, "short" if is_short(text) else "")


def fix_text(text: str) -> str:
    """Undoes the escapes of the three HTML characters that X escapes in its exports."""
    for escape, character in ESCAPES:
        text = text.replace(escape, character)
    return text


def clean_tweet(text: str) -> str:
    """The text on one line, without links."""
    for link in LINKS:
        text = link.sub("", text)
    return " ".join(text.split())


def is_short(text: str) -> bool:
    """Whether it has too few words, not counting handles, hashtags and links."""
    words = [word for word in text.split() if not any(mark in word.lower() for mark in NO_WORDS)]
    return len(words) < FEWEST_WORDS
