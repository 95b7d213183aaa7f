"""Checks for links, mentions, cashtags and hashtags. Each function is named after its reason.

Links are found by X's own rule, bare names too: a link raises the price of a post from $0.015 to $0.20. Mentions are
found slightly more often than by X, because bots lose their keys for mentioning strangers.
"""

from __future__ import annotations

import re

from bot.text.autolink import links
from bot.values import Reason

_MENTION = re.compile(r"(?<![0-9a-z_])(?:rt:?)?([@\uff20][0-9a-z_]+)", re.IGNORECASE | re.ASCII)
_CASHTAG = re.compile(r"(?<!\S)\$[a-z]{1,6}(?:[._][a-z]{1,2})?(?![^\W_])", re.IGNORECASE)
_HASHTAG = re.compile(r"(?<![\w&])[#\uff03](?!\ufe0f|\u20e3)\w*[^\W\d_]\w*")  # #1 is a rank, not a hashtag


def link(text: str) -> Reason | None:
    spans = links(text)
    return Reason("link", ", ".join(text[start:end] for start, end in spans)) if spans else None


def mention(text: str) -> Reason | None:
    handles = _MENTION.findall(text)
    return Reason("mention", ", ".join(handles)) if handles else None


def too_many_cashtags(text: str) -> Reason | None:
    """X allows one in a post."""
    cashtags = _CASHTAG.findall(text)
    return Reason("too_many_cashtags", ", ".join(cashtags)) if len(cashtags) > 1 else None


def too_many_hashtags(text: str, *, most: int) -> Reason | None:
    count = len(_HASHTAG.findall(text))
    return Reason("too_many_hashtags", f"{count}, at most {most}") if count > most else None
