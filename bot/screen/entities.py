"""Does it reach beyond the bot's own page: links, mentions, tags? Each check is named as its reason is.

Links are found by X's own rule, bare names too: one that X finds costs $0.20 instead of $0.015. Mentions are found a
little more often than X would, since calling on strangers is what bots lose their keys for.
"""

from __future__ import annotations

import re

from bot.text.autolink import links
from bot.values import Reason

_MENTION = re.compile(r"(?<![0-9a-z_])(?:rt:?)?([@\uff20][0-9a-z_]+)", re.IGNORECASE | re.ASCII)
_CASHTAG = re.compile(r"(?<!\S)\$[a-z]{1,6}(?:[._][a-z]{1,2})?(?!\w)", re.IGNORECASE)
_HASHTAG = re.compile(r"(?<![\w&])[#\uff03](?!\ufe0f|\u20e3)\w*[^\W\d_]\w*")  # #1 is a rank, not a tag


def link(text: str) -> Reason | None:
    found = links(text)
    return Reason("link", ", ".join(text[start:end] for start, end in found)) if found else None


def mention(text: str) -> Reason | None:
    found = _MENTION.findall(text)
    return Reason("mention", ", ".join(found)) if found else None


def too_many_cashtags(text: str) -> Reason | None:
    """X lets a post carry one."""
    found = _CASHTAG.findall(text)
    return Reason("too_many_cashtags", ", ".join(found)) if len(found) > 1 else None


def too_many_hashtags(text: str, *, most: int) -> Reason | None:
    found = _HASHTAG.findall(text)
    return Reason("too_many_hashtags", f"{len(found)}, at most {most}") if len(found) > most else None
