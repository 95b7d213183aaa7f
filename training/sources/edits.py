"""An edited tweet is in a source once per version: the last one is kept, with the ids of the others."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from training.sources.records import age_order

if TYPE_CHECKING:
    from collections.abc import Iterable

    from training.sources.tweets import Tweet


def last_versions(tweets: Iterable[Tweet]) -> tuple[Tweet, ...]:
    """The tweets without their earlier versions and repeated ids; tweets without an id are all kept."""
    last: dict[object, Tweet] = {}
    earlier: dict[object, set[str]] = {}
    for tweet in tweets:
        first: object = (tweet.edits or (tweet.id,))[0] or object()
        if tweet.edits or (first in last and last[first].id != tweet.id):
            earlier.setdefault(first, set()).update(tweet.edits, {tweet.id, last.get(first, tweet).id})
        if first not in last or age_order(tweet.id) > age_order(last[first].id):
            last[first] = tweet
    for first, ids in earlier.items():
        tweet = last[first]
        known = sorted((one for one in ids if age_order(one) < age_order(tweet.id)), key=age_order)
        last[first] = replace(tweet, edits=tuple(known))
    old = {one for tweet in last.values() for one in tweet.edits}
    return tuple(tweet for tweet in last.values() if tweet.id not in old)
