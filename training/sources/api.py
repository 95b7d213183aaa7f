"""The newest tweets of an account as X's API gives them, page after page, from where an earlier walk stopped.

It knows pages, not the network: the caller asks X and keeps what comes. Only X's own archive reaches further back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from training.errors import SourceError
from training.sources.records import ID, age_order, tweet_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from training.sources.tweets import Tweet

MOST = 3_200  # X gives no older ones
FEWEST, A_PAGE = 5, 100  # what X gives at once; a tweet has a price, a page has none
NO_TIMELINE = "X answered a timeline with something that is no list of posts: try again later."
PAGES = MOST // FEWEST  # a page of retweets is empty for us, and costs nothing; but a walk has to end


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
    for _ in range(PAGES):
        if left < FEWEST:
            return
        body = ask(since_id=place.known, until_id=start, token=token, limit=min(left, A_PAGE))
        records = _records(body)
        left -= len(records)
        ids = sorted((record["id"] for record in records), key=age_order)
        if ids:
            place = replace(place, top=place.top or ids[-1], reached=ids[0])
        token = _next(body)
        if not token:
            place = Place(known=place.top or place.known)
        tweets = (tweet_of(record, author) for record in records)
        yield Page(tuple(tweet for tweet in tweets if tweet), len(records), place)
        if not token:
            return
    raise SourceError(f"X answered {PAGES} pages of a timeline, and says that there are more: try again later.")


def _records(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    records = body.get("data", [])  # an empty page has none
    if not isinstance(records, list) or not all(isinstance(one, Mapping) and _is_id(one.get("id")) for one in records):
        raise SourceError(NO_TIMELINE)
    return records


def _is_id(value: object) -> bool:
    return isinstance(value, str) and bool(ID.fullmatch(value))


def _next(body: Mapping[str, Any]) -> str:
    """Nothing on the last page. What cannot be read is not the end: what is older would never be asked for again."""
    match body.get("meta"):  # every page has it
        case {"next_token": str(token)}:
            return token
        case Mapping() as meta if meta.get("next_token") is None:
            return ""
    raise SourceError(NO_TIMELINE)
