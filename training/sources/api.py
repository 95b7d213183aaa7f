"""The newest tweets of an account as X's API gives them, page after page, from where an earlier walk stopped.

It knows pages, not the network: the caller asks X and keeps what comes. Only X's own archive reaches further back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from training.errors import SourceError
from training.sources.records import age_order, tweet_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from training.tweets import Tweet

MOST = 3_200  # X gives no older ones
FEWEST, A_PAGE = 5, 100  # what X gives at once; a tweet has a price, a page has none


class Ask(Protocol):
    """One page of the account's timeline without retweets, as X answered it."""

    def __call__(self, *, since_id: str, until_id: str, token: str, limit: int) -> Mapping[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Place:
    """How far the walks came, in ids: all up to `known` is here, and of what is newer, all from `top` to `reached`."""

    known: str = ""
    top: str = ""
    reached: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """What to keep, and in the same moment, from where to go on."""

    tweets: tuple[Tweet, ...]
    billed: int  # tweets that X counted, those without a text too
    place: Place


def walk(ask: Ask, author: str, place: Place, *, most: int = MOST) -> Iterator[Page]:
    """From the newest tweet down to those that are known; a walk that was cut short goes on where it stopped."""
    token = ""
    left = most
    start = place.reached  # the pages of one walk are counted from here
    while left >= FEWEST:
        body = ask(since_id=place.known, until_id=start, token=token, limit=min(left, A_PAGE))
        records = _records(body)
        left -= len(records)
        ids = sorted((str(record["id"]) for record in records), key=age_order)
        if ids:
            place = replace(place, top=place.top or ids[-1], reached=ids[0])
        token = str(_meta(body).get("next_token") or "")
        if not token:
            place = Place(known=place.top or place.known)
        tweets = (tweet_of(record, author) for record in records)
        yield Page(tuple(tweet for tweet in tweets if tweet), len(records), place)
        if not token:
            return


def _records(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    records = body.get("data", [])  # an empty page has none
    if not isinstance(records, list) or not all(isinstance(record, Mapping) and record.get("id") for record in records):
        raise SourceError("X answered a timeline with something that is no list of posts: try again later.")
    return records


def _meta(body: Mapping[str, Any]) -> Mapping[str, Any]:
    meta = body.get("meta")
    return meta if isinstance(meta, Mapping) else {}
