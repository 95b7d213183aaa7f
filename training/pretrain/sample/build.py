"""Builds the sample account's zip, in the format of an X data archive of 2024, from its text files.

`python -m training.pretrain.sample.build` writes it to training/sources/sample.
"""

from __future__ import annotations

import hashlib
import html
import json
import re
import string
import sys
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from training.pretrain.sample.script import CLOSED, OPENED, SampleTweet, read_tweets
from training.sources.sample import ARCHIVE, HANDLE

if TYPE_CHECKING:
    from pathlib import Path

NAME = "Station Mynah"
EPOCH_MS = 1288834974657  # the epoch of X's ids
ACCOUNT_ID = str(
    (int(OPENED.timestamp() * 1000) - EPOCH_MS - 86_400_000) << 22
)  # opened the day before the first tweet
WRITTEN = CLOSED + timedelta(days=1)
SOURCES = (
    '<a href="https://mobile.twitter.com" rel="nofollow">Twitter Web App</a>',
    '<a href="http://twitter.com/download/android" rel="nofollow">Twitter for Android</a>',
)
README = """The archive of @stationmynah, a bird that does not exist, in the shape in which X hands archives out.
It is built from the text files beside it in the repository. Every person, place and handle in it is invented.
"""
_URL = re.compile(r"https://\S+")
_MENTION = re.compile(r"(?<!\w)@(\w{1,20})")
_HASHTAG = re.compile(r"(?<![\w&])#(\w*[a-z]\w*)")

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Part:
    """One JavaScript file of the archive; X spells its name in three ways."""

    kind: str  # in the manifest
    file: str
    name: str  # of the variable
    rows: list[Json]

    def text(self) -> str:
        return f"window.{self.name} = {_json(self.rows)}"

    def listing(self) -> Json:
        return {"files": [{"fileName": self.file, "globalName": self.name, "count": str(len(self.rows))}]}


def members(tweets: list[SampleTweet]) -> dict[str, str]:
    """The archive as file name -> text, always the same for the same tweets."""
    parts = _parts(tweets)
    files = {part.file: part.text() for part in parts} | {"data/README.txt": README}
    size = sum(len(text.encode()) for text in files.values())
    manifest = _manifest({part.kind: part.listing() for part in parts}, size)
    files["data/manifest.js"] = f"window.__THAR_CONFIG = {_json(manifest)}"
    return dict(sorted(files.items()))


def write(path: Path, files: dict[str, str]) -> None:
    """The same files make the same zip with the same zlib."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            member = zipfile.ZipInfo(name, WRITTEN.timetuple()[:6])
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = 0o644 << 16
            archive.writestr(member, text.encode(), compresslevel=9)


def _parts(tweets: list[SampleTweet]) -> list[Part]:
    rows = [row for tweet in tweets for row in _versions(tweet)]
    rows.sort(key=lambda row: int(row["id"]), reverse=True)
    headers = [{"tweet_id": row["id"], "user_id": ACCOUNT_ID, "created_at": row["created_at"]} for row in rows]
    notes = [{"noteTweet": _note(tweet)} for tweet in tweets if _is_long(tweet.text)]
    return [
        Part("account", "data/account.js", "YTD.account.part0", [{"account": _account()}]),
        Part("noteTweet", "data/note-tweet.js", "YTD.note_tweet.part0", notes),
        Part(
            "tweetHeaders",
            "data/tweet-headers.js",
            "YTD.tweet_headers.part0",
            [{"tweet": header} for header in headers],
        ),
        Part("tweets", "data/tweets.js", "YTD.tweets.part0", [{"tweet": row} for row in rows]),
    ]


def _versions(tweet: SampleTweet) -> list[Json]:
    """One tweet, or the two versions of an edited one, which refer to each other."""
    if not tweet.edited:
        return [_tweet(tweet.text, tweet.at, {"initial": _edit_control(tweet.at, [_snowflake(tweet.at)], left=5)})]
    edited_at = tweet.at + timedelta(minutes=7)
    control = _edit_control(tweet.at, [_snowflake(tweet.at), _snowflake(edited_at)], left=4)
    later = {"edit": {"initialTweetId": _snowflake(tweet.at), "editControlInitial": control}}
    return [_tweet(tweet.text, tweet.at, {"initial": control}), _tweet(tweet.edited, edited_at, later)]


def _edit_control(at: datetime, ids: list[str], left: int) -> Json:
    return {
        "editTweetIds": ids,
        "editableUntil": _iso(at + timedelta(minutes=30)),
        "editsRemaining": str(left),
        "isEditEligible": False,
    }


def _tweet(written: str, at: datetime, edit_info: Json) -> Json:
    text = _as_archived(written)
    entities = _entities(text, written)
    tweet: Json = {
        "edit_info": edit_info,
        "retweeted": False,  # X says so of retweets too
        "source": SOURCES[_number(written) % len(SOURCES)],
        "entities": entities,
        "display_text_range": ["0", str(len(text))],
        "favorite_count": str(_number(written) % 40),
        "id_str": _snowflake(at),
        "truncated": False,  # the same for the notes that are
        "retweet_count": str(_number(written) % 7),
        "id": _snowflake(at),
        "possibly_sensitive": False,
        "created_at": at.strftime("%a %b %d %H:%M:%S +0000 %Y"),
        "favorited": False,
        "full_text": text,
        "lang": "en",
    }
    if text.startswith("@"):
        tweet |= _in_reply_to(entities["user_mentions"][0], at)
    return tweet


def _in_reply_to(mention: Json, at: datetime) -> Json:
    answered = _snowflake(at - timedelta(seconds=40 + _number(str(at)) % 7000))
    return {
        "in_reply_to_status_id_str": answered,
        "in_reply_to_user_id": mention["id"],
        "in_reply_to_status_id": answered,
        "in_reply_to_screen_name": mention["screen_name"],
        "in_reply_to_user_id_str": mention["id"],
    }


def _as_archived(written: str) -> str:
    """The text of `full_text`: links shortened, cut where X cuts, HTML-escaped."""
    text = _URL.sub(lambda link: _t_co(link.group()), written)
    if text.startswith("RT @") and len(text) > 140:
        text = text[:139] + "…"
    elif _is_long(text):
        text = text[:274].rstrip() + "…"
    return html.escape(text, quote=False)


def _entities(text: str, written: str) -> Json:
    """Indices count the code points of the archived text, as strings."""
    links = {_t_co(link): link for link in _URL.findall(written)}
    return {
        "hashtags": [{"text": tag.group(1), "indices": _indices(tag)} for tag in _HASHTAG.finditer(text)],
        "symbols": [],
        "user_mentions": [_mention(mention) for mention in _MENTION.finditer(text)],
        "urls": [
            {
                "url": url.group(),
                "expanded_url": links[url.group()],
                "display_url": links[url.group()].removeprefix("https://"),
                "indices": _indices(url),
            }
            for url in _URL.finditer(text)
            if url.group() in links  # a retweet's cut may go through a link
        ],
    }


def _mention(match: re.Match[str]) -> Json:
    handle = match.group(1)
    number = str(_number(handle))
    name = handle.replace("_", " ").capitalize()
    return {"name": name, "screen_name": handle, "indices": _indices(match), "id_str": number, "id": number}


def _indices(match: re.Match[str]) -> list[str]:
    return [str(match.start()), str(match.end())]


def _note(tweet: SampleTweet) -> Json:
    """The whole of a long text; nothing links it to its tweet but the second in which both were made."""
    core = {"styletags": [], "urls": [], "text": tweet.text, "mentions": [], "cashtags": [], "hashtags": []}
    return {
        "noteTweetId": str(int(_snowflake(tweet.at)) - 1),
        "updatedAt": _iso(tweet.at),
        "lifecycle": {"value": "Published", "name": "Published", "originalName": "Published", "annotations": {}},
        "createdAt": _iso(tweet.at),
        "core": core,
    }


def _is_long(text: str) -> bool:
    return len(text) > 280


def _account() -> Json:
    return {
        "email": "mynah@example.org",
        "createdVia": "web",
        "username": HANDLE,
        "accountId": ACCOUNT_ID,
        "createdAt": _iso(OPENED - timedelta(days=1)),
        "accountDisplayName": NAME,
    }


def _manifest(types: Json, size: int) -> Json:
    return {
        "userInfo": {"accountId": ACCOUNT_ID, "userName": HANDLE, "displayName": NAME},
        "archiveInfo": {
            "sizeBytes": str(size),
            "generationDate": _iso(WRITTEN),
            "isPartialArchive": False,
            "maxPartSizeBytes": "53687091200",
        },
        "readmeInfo": {"fileName": "data/README.txt", "directory": "data/", "name": "README.txt"},
        "dataTypes": types,
    }


def _snowflake(at: datetime) -> str:
    """X's id of a tweet: milliseconds since X's epoch, then 22 bits of machine and sequence."""
    milliseconds = (at - datetime.fromtimestamp(0, UTC)) // timedelta(milliseconds=1)
    return str(((milliseconds - EPOCH_MS) << 22) + _number(at.isoformat()) % (1 << 22))


def _t_co(link: str) -> str:
    letters = string.ascii_letters + string.digits
    digest = hashlib.sha256(link.encode()).digest()
    return "https://t.co/" + "".join(letters[byte % len(letters)] for byte in digest[:10])


def _number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4])


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, separators=(",", " : "))


if __name__ == "__main__":
    write(ARCHIVE, members(read_tweets()))
    sys.stdout.write(f"{ARCHIVE}: {ARCHIVE.stat().st_size} bytes\n")
