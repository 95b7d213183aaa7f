"""The newest tweets of an account from X's API, page by page, resuming where an earlier import stopped.

The caller makes the requests and stores the pages. Only X's own archive reaches further back.
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

MOST = 3_200  # X's API has no older ones
FEWEST, A_PAGE = 5, 100  # tweets per page that X allows; it bills tweets, not pages
NO_TIMELINE = "X answered a timeline with something that is not a list of posts: try again later."
PAGES = MOST // FEWEST  # a page of retweets is empty and free, but a walk has to end


class Ask(Protocol):
    """Requests one page of the account's timeline, without retweets, and returns X's JSON."""

    def __call__(self, *, since_id: str, until_id: str, token: str, limit: int) -> Mapping[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Place:
    """Progress, in ids: tweets up to `known` are stored, and of the newer ones those from `top` down to `reached`."""

    known: str = ""
    top: str = ""
    reached: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """Tweets to store, and the place to store with them, in one transaction."""

    tweets: tuple[Tweet, ...]
    billed: int  # tweets that X bills, those without a text too
    place: Place


def walk(ask: Ask, author: str, place: Place, *, most: int = MOST) -> Iterator[Page]:
    """From the newest tweet down to the known ones; an interrupted walk continues where it stopped."""
    token = ""
    left = most
    start = place.reached  # every page of a walk is requested with the same until_id
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
    """The token of the next page; "" on the last page.

    An unreadable token is an error: if it were taken for the last page, older tweets would never be requested.
    """
    match body.get("meta"):  # every page has it
        case {"next_token": str(token)}:
            return token
        case Mapping() as meta if meta.get("next_token") is None:
            return ""
    raise SourceError(NO_TIMELINE)
