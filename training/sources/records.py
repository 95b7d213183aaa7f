"""One record of a tweet, with the field names of any year, to a Tweet.

The dialects: archive, API v1.1 and v2, grailbird, CSV columns in lower case.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from training.errors import SourceError
from training.sources.decoding import well_formed
from training.sources.tweets import Kind, Tweet

Record = Mapping[str, Any]

# The first one present wins: where there is a `full_text`, `text` is cut.
TEXT_NAMES = ("full_text", "text", "tweet", "content", "rawcontent", "tweets")
TIME_NAMES = ("created_at", "timestamp", "date", "createdat", "datetime", "time")
ID_NAMES = ("id_str", "tweet_id", "id")  # `id` last: in some archives a float has rounded it
LINK_NAMES = ("permalink", "url", "link")
USER_NAMES = ("screen_name", "username")
RETWEET_NAMES = (  # not `retweeted`: whether the reader retweeted it, and always false in archives
    "retweeted_status",
    "retweeted_status_id",
    "retweeted_status_id_str",
    "retweetedtweet",
    "is_retweet",
    "isretweet",
)
REPLY_NAMES = (
    "in_reply_to_status_id_str",
    "in_reply_to_status_id",
    "in_reply_to_user_id_str",
    "in_reply_to_user_id",
    "in_reply_to_screen_name",
    "inreplytotweetid",
    "to",
)
PARENT_NAMES = ("in_reply_to_status_id_str", "in_reply_to_status_id", "inreplytotweetid")
QUOTE_NAMES = ("is_quote_status", "quoted_status", "quoted_status_id_str", "quoted_status_id", "quotedtweet")
REFERENCE_NAMES = ("referenced_tweets", "referenced_posts")  # X renamed them in August 2026
EDIT_HISTORY_NAMES = ("edit_history_tweet_ids", "edit_history_post_ids")
NOTE_NAMES = ("note_tweet", "note_post")
ABSENT = {"", "0", "0.0", "f", "n", "no", "nan", "nat", "none", "null", "false", "[]", "{}"}  # in a table's cell

LONGEST = 200_000  # characters: X allows 25,000 before escapes; anything longer is a whole file on one line
LONGEST_LANG = 100
MOST = 800_000  # records of a file: some 600 bytes of memory each, and the most active accounts have fewer
ID = re.compile(r"\d{1,20}", re.ASCII)
IDS_BEGAN = datetime.fromtimestamp(1288834974.657, UTC)
HANDLE = re.compile(r"\w{1,20}", re.ASCII)  # 15 today, 20 for some old accounts
STATUS_LINK = re.compile(r"https?://(?:\w+\.)?(?:twitter|x)\.com/\w+/status(?:es)?/(\d{1,20})/?(?:\?.*)?", re.ASCII)
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# "Sat Feb 18 12:33:11 +0000 2023", parsed by hand: strptime reads month names in the machine's language.
V1_TIME = re.compile(r"\w{3} (\w{3}) (\d{2}) (\d{2}:\d{2}:\d{2}) ([+-]\d{2})(\d{2}) (\d{4})", re.ASCII)
US_TIME = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4}|\d{2}) (\d{1,2}):(\d{2})(?::(\d{2}))?", re.ASCII)
OFFSET = re.compile(r" ?([+-]\d{2}):?(\d{2})$", re.ASCII)  # with the space that fromisoformat does not take


def capped(records: Iterable[Record], where: str) -> Iterator[Record]:
    """The records, of which a hostile file has more than fit into memory."""
    for number, record in enumerate(records):
        if number >= MOST:
            raise SourceError(f"{where} holds more than {MOST:,} records: give it in parts.")
        yield record


def tweet_of(record: Record, author: str) -> Tweet | None:
    """None where the record has no text, or one that is too long for a tweet. The id may be empty."""
    text = _text(record)
    if text is None or len(text) > LONGEST:
        return None
    text = well_formed(text)
    tweet_id = _id(record)
    at = next((moment for name in TIME_NAMES if (moment := when(record.get(name)))), None) or _born(tweet_id)
    lang = record.get("lang")
    lang = sys.intern(well_formed(lang[:LONGEST_LANG])) if isinstance(lang, str) else ""
    return Tweet(tweet_id, author, text, at, _kind(record, text), lang, _earlier(record, tweet_id), _parent(record))


def when(value: object) -> datetime | None:
    """A date in any known format, in UTC; without an offset it is taken as UTC."""
    if not isinstance(value, str):
        return None
    value = value.strip().removesuffix(" UTC")
    try:
        if old := V1_TIME.fullmatch(value):
            month, day, time, hours, minutes, year = old.groups()
            value = f"{year}-{MONTHS.index(month) + 1:02}-{day}T{time}{hours}:{minutes}"
        elif us := US_TIME.fullmatch(value):
            return _us_time(*(int(number or 0) for number in us.groups()))
        moment = datetime.fromisoformat(OFFSET.sub(r"\1:\2", value))
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def age_order(tweet_id: str) -> tuple[int, str]:
    """A sort key that compares ids as numbers without converting them; ids grow with time."""
    return len(tweet_id), tweet_id


def handle_of(value: object) -> str:
    """The handle in the form of Tweet.author, or "" where `value` cannot be one."""
    if not isinstance(value, str):
        return ""
    value = value.strip().removeprefix("@").lower()
    return value if HANDLE.fullmatch(value) else ""


def written_handle(value: object) -> str:
    """The handle with its capitals, or "" where `value` cannot be one."""
    bare = value.strip().removeprefix("@") if isinstance(value, str) else ""
    return bare if handle_of(bare) else ""


def owner_of(record: Record) -> tuple[str, str]:
    """The handle and the display name that the record states for its author; empty where it does not."""
    for place in (record.get("user"), record.get("author")):
        if isinstance(place, Mapping):
            handle = next((handle for name in USER_NAMES if (handle := handle_of(place.get(name)))), "")
            name = place.get("name")
            return handle, well_formed(name) if isinstance(name, str) else ""
    names = (*(record.get(name) for name in USER_NAMES), record.get("user"), record.get("handle"))
    handles = (handle_of(name) for name in names)
    return next((handle for handle in handles if handle and not handle.isdecimal()), ""), ""  # all digits: a user id


def _earlier(record: Record, tweet_id: str) -> tuple[str, ...]:
    """The ids of this tweet's earlier versions that the record states, the oldest first."""
    edit = _mapping(record.get("edit_info"))
    later = _mapping(edit.get("edit"))
    histories = [
        [later.get("initialTweetId")],
        _mapping(later.get("editControlInitial")).get("editTweetIds"),
        _mapping(edit.get("initial")).get("editTweetIds"),
        *(record.get(name) for name in EDIT_HISTORY_NAMES),
    ]
    ids = {str(one) for history in histories if isinstance(history, list) for one in history}
    known = (one for one in ids if ID.fullmatch(one) and age_order(one) < age_order(tweet_id))
    return tuple(sorted(known, key=age_order))


def _text(record: Record) -> str | None:
    notes = (_mapping(record.get(name)).get("text") for name in NOTE_NAMES)
    extended = _mapping(record.get("extended_tweet")).get("full_text")
    texts = (*notes, extended, *(record.get(name) for name in TEXT_NAMES))
    return next((text for text in texts if isinstance(text, str)), None)


def _id(record: Record) -> str:
    for name in ID_NAMES:
        value = record.get(name)
        if isinstance(value, (str, int)) and ID.fullmatch(number := str(value).strip()):
            return number
    links = (str(record.get(name, "")) for name in LINK_NAMES)
    return next((match[1] for link in links if (match := STATUS_LINK.fullmatch(link))), "")


def _kind(record: Record, text: str) -> Kind:
    references = [one.get("type") for name in REFERENCE_NAMES for one in _mappings(record.get(name))]
    if text.startswith("RT @") or "retweeted" in references or _has_any(record, RETWEET_NAMES):
        return "retweet"
    if "replied_to" in references or _has_any(record, REPLY_NAMES):
        return "reply"
    if "quoted" in references or _has_any(record, QUOTE_NAMES) or _links_a_status(record):
        return "quote"
    return "original"


def _parent(record: Record) -> str:
    """The id of the tweet that this one answers; "" where it answers none, or the record does not say which."""
    references = (one for name in REFERENCE_NAMES for one in _mappings(record.get(name)))
    answered = (one.get("id") for one in references if one.get("type") == "replied_to")
    ids = (str(value).strip() for value in (*(record.get(name) for name in PARENT_NAMES), *answered))
    return next((one for one in ids if ID.fullmatch(one) and one not in ABSENT), "")


def _has_any(record: Record, names: tuple[str, ...]) -> bool:
    values = (record.get(name) for name in names)
    return any(value.strip().lower() not in ABSENT if isinstance(value, str) else bool(value) for value in values)


def _links_a_status(record: Record) -> bool:
    urls = _mappings(_mapping(record.get("entities")).get("urls"))
    return any(STATUS_LINK.fullmatch(str(url.get("expanded_url"))) for url in urls)


def _born(tweet_id: str) -> datetime | None:
    """The time in the tweet's id, as ids have held it since the end of 2010; a shorter id may be a row number."""
    return IDS_BEGAN + timedelta(milliseconds=int(tweet_id) >> 22) if len(tweet_id) in {17, 18, 19} else None


def _us_time(month: int, day: int, year: int, hour: int, minute: int, second: int) -> datetime:
    if month > 12:  # then it can only be day first
        month, day = day, month
    return datetime(year + 2000 if year < 100 else year, month, day, hour, minute, second, tzinfo=UTC)


def _mapping(value: object) -> Record:
    return value if isinstance(value, Mapping) else {}


def _mappings(value: object) -> Iterator[Record]:
    return (one for one in value if isinstance(one, Mapping)) if isinstance(value, list) else iter(())
