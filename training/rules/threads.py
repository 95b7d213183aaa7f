"""Threads: a text over several tweets is put together, and cut again between sentences into texts of a post's length.

Only where a tweet begins or ends in the air, or is numbered: a thread of whole texts is left as it is.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from training.rules.fragments import SENTENCE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from training.sources.tweets import Tweet

LONGEST = 280  # characters of a post
SOON = timedelta(minutes=10)  # between two parts, where a source does not say which tweet is answered
END = 30  # characters: what ends a text is looked for in these alone, which is faster
LINK = re.compile(r"\s*(?:https?://|www\.|pic\.(?:twitter|x)\.com/)\S*(?: ?\u2026)?$", re.IGNORECASE)
NUMBER = r"[(\[]?(?P<part>[0-9]{1,2})\s?/\s?(?P<of>[0-9]{1,2})?[)\]]?"
NUMBERED = re.compile(rf"^{NUMBER}[:.]?(?:\s+|$)|(?:^|\s+){NUMBER.replace('part', 'last').replace('of', 'out_of')}$")
DOTS = r"(?:\.{2,}|\u2026|\s?-{1,3}|[\u2010-\u2015])"
CONTINUED = r"[(\[]\s?cont(?:\.|inued|'d)?\s?[)\]]"
ENDS_OPEN = re.compile(rf"(?:{DOTS}|,|{CONTINUED}|(?<!\w)(?:a|an|and|my|of|or|our|the|to|your))$", re.IGNORECASE)
ENDS_WHOLE = re.compile(r"[.!?\"'\u201d\u2019)\]\u3002\uff01\uff1f]$")
BEGINS_OPEN = re.compile(rf"^{DOTS}")
SEAM = re.compile(rf"(?:\s*{DOTS}|\s*{CONTINUED})+$", re.IGNORECASE)
DOTS_LAST = re.compile(r"(?:\.{2,}|\u2026)$")
OPENING_SEAM = re.compile(rf"^(?:{DOTS}\s*)+")


class _Part(NamedTuple):
    tweet: Tweet
    text: str  # without the links at its end, its number and its own handle at the start
    number: int  # 0: it has none
    of: int


def join(tweets: Sequence[Tweet]) -> tuple[list[Tweet], list[Tweet]]:
    """The tweets, the oldest first, with the texts of their threads; and those whose texts others now hold."""
    pairs = list(_pairs(tweets))
    numbered = {id(part.tweet): part.text for pair in pairs if _is_counted(*pair) for part in pair}
    following = {id(first.tweet): (first, after) for first, after in pairs if _continues(first, after)}
    continued = {id(after.tweet) for _, after in following.values()}
    whole: list[Tweet] = []
    joined: list[Tweet] = []
    for tweet in tweets:
        if id(tweet) in following and id(tweet) not in continued:
            chain = list(_chain(tweet, following))
            if any(len(part.text) > LONGEST for part in chain):  # long posts stand alone
                whole += [part.tweet for part in chain]
                continue
            texts = [text for text in _packed(_whole_text(chain)) if len(text) <= LONGEST][: len(chain)]
            whole += [replace(part.tweet, text=text, kind=tweet.kind) for part, text in zip(chain, texts, strict=False)]
            joined += [part.tweet for part in chain[len(texts) :]]
        elif id(tweet) not in continued:
            whole.append(replace(tweet, text=numbered[id(tweet)]) if id(tweet) in numbered else tweet)
    return whole, joined


def _pairs(tweets: Sequence[Tweet]) -> Iterator[tuple[_Part, _Part]]:
    """Each tweet that may continue another one, after that one."""
    parts = {tweet.id: _part(tweet) for tweet in tweets if tweet.id and tweet.kind != "retweet"}
    stated = any(tweet.parent in parts for tweet in tweets if tweet.parent)
    taken: set[str] = set()
    before: _Part | None = None
    for part in parts.values():
        tweet = part.tweet
        soon = before if not stated and before and _is_soon(before.tweet, tweet) else None
        first = parts.get(tweet.parent) if tweet.parent else soon
        before = part
        if first and first.tweet.id not in taken and (_is_counted(first, part) or _continues(first, part)):
            taken.add(first.tweet.id)
            yield first, part


def _part(tweet: Tweet) -> _Part:
    text = tweet.text.strip()
    while "." in text and (match := LINK.search(text)):
        text = text[: match.start()]
    text = re.sub(rf"^@{re.escape(tweet.author)}\b\s*", "", text, flags=re.IGNORECASE) if tweet.author else text
    match = NUMBERED.search(text) if "/" in text else None  # the search takes longer than all the rest
    if not match:
        return _Part(tweet, text, 0, 0)
    number, of = match["part"] or match["last"], match["of"] or match["out_of"]
    return _Part(tweet, f"{text[: match.start()]}{text[match.end() :]}", int(number), int(of or 0))


def _is_counted(first: _Part, after: _Part) -> bool:
    """Whether they are "1/4" and "2/4"."""
    return 0 < first.number == after.number - 1 and first.of == after.of


def _continues(first: _Part, after: _Part) -> bool:
    """Whether the sentence of `first` goes on in `after`."""
    ends, begins = ENDS_OPEN.search(first.text[-END:]), BEGINS_OPEN.match(after.text)
    lower = after.text[:1].islower()
    if after.tweet.parent or _is_counted(first, after):
        lower = lower and not first.text[:1].islower()  # some people begin every tweet with a small letter
        return bool(ends or ((begins or lower) and not ENDS_WHOLE.search(first.text)))
    return bool(SEAM.search(first.text[-END:]) and (begins or lower) and not after.tweet.text.startswith("@"))


def _is_soon(first: Tweet, after: Tweet) -> bool:
    return first.at is not None and after.at is not None and after.at - first.at <= SOON


def _chain(tweet: Tweet, following: dict[int, tuple[_Part, _Part]]) -> Iterator[_Part]:
    first, _ = following[id(tweet)]
    yield first
    while pair := following.get(id(tweet)):
        yield pair[1]
        tweet = pair[1].tweet


def _whole_text(chain: Sequence[_Part]) -> str:
    text = chain[0].text
    for part in chain[1:]:
        after = OPENING_SEAM.sub("", part.text)
        dots = DOTS_LAST.search(text) and not after[:1].islower()  # between two sentences they stand for the full stop
        text = f"{SEAM.sub('', text)}{'...' if dots else ''} {after}"
    return text


def _packed(text: str) -> Iterator[str]:
    """As many sentences in each text as fit into a post."""
    packed = ""
    for sentence in SENTENCE.findall(text):
        if packed and len(packed) + len(sentence.rstrip()) > LONGEST:
            yield packed.strip()
            packed = ""
        packed += sentence
    yield packed.strip()
