"""X archives of every year and format, invented for the tests."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

NOON = "Sat Feb 18 12:33:11 +0000 2023"
Members = dict[str, str]
Pack = Callable[["Path", Mapping[str, str]], "Path"]  # zipped or unpacked


def tweet(number: int | str, text: str, at: str = NOON, **more: Any) -> dict[str, Any]:
    """A tweet as X writes it since 2018: every number is a string."""
    return {
        "id_str": str(number),
        "id": str(number),
        "created_at": at,
        "full_text": text,
        "lang": "en",
        "retweeted": False,
        "truncated": False,
        "entities": {"hashtags": [], "urls": [], "user_mentions": []},
    } | more


def note(text: str, at: str = "2023-02-18T12:33:11.000Z") -> dict[str, Any]:
    return {"noteTweet": {"noteTweetId": "99", "createdAt": at, "core": {"text": text, "urls": [], "mentions": []}}}


def edits(*numbers: int | str) -> dict[str, Any]:
    """The edit_info of the first version; later versions only refer to it."""
    return {"edit_info": {"initial": {"editTweetIds": [str(number) for number in numbers], "editsRemaining": "5"}}}


def edit_of(number: int | str) -> dict[str, Any]:
    return {"edit_info": {"edit": {"initialTweetId": str(number)}}}


def js(name: str, payload: object) -> str:
    return f"{name} = {json.dumps(payload, ensure_ascii=False, indent=2)}"


def account(handle: str = "Magpie", name: str = "Ms Magpie") -> str:
    return js("window.YTD.account.part0", [{"account": {"username": handle, "accountDisplayName": name}}])


def manifest(count: int | str) -> str:
    files = [{"fileName": "data/tweets.js", "globalName": "YTD.tweets.part0", "count": str(count)}]
    return js("window.__THAR_CONFIG", {"userInfo": {"userName": "Magpie"}, "dataTypes": {"tweets": {"files": files}}})


def of_2024(
    tweets: Sequence[Mapping[str, Any]], notes: Sequence[Mapping[str, Any]] = (), count: int | None = None
) -> Members:
    return {
        "data/account.js": account(),
        "data/manifest.js": manifest(len(tweets) if count is None else count),
        "data/tweets.js": js("window.YTD.tweets.part0", [{"tweet": one} for one in tweets]),
        "data/note-tweet.js": js("window.YTD.note_tweet.part0", list(notes)),
    }


def of_2020(tweets: Sequence[Mapping[str, Any]]) -> Members:
    return {
        "data/account.js": account(),
        "data/tweet.js": js("window.YTD.tweet.part0", [{"tweet": one} for one in tweets]),
    }


def of_2018(tweets: Sequence[Mapping[str, Any]]) -> Members:
    """At the root, and without the wrappers."""
    return {"account.js": account(), "tweet.js": js("window.YTD.tweet.part0", list(tweets))}


def grailbird(months: Mapping[str, Sequence[Mapping[str, Any]]]) -> Members:
    """Until 2019: a file per month; no manifest, but a count."""
    count = sum(map(len, months.values()))
    return {
        "data/js/user_details.js": js("var user_details", {"screen_name": "Magpie", "full_name": "Ms Magpie"}),
        "data/js/payload_details.js": js("var payload_details", {"tweets": count, "lang": "en"}),
        "data/js/tweet_index.js": js("var tweet_index", []),
    } | {
        f"data/js/tweets/{month}.js": js(f"Grailbird.data.tweets_{month}", list(tweets))
        for month, tweets in months.items()
    }


def table(tweets: Sequence[Mapping[str, Any]]) -> str:
    """Grailbird's tweets.csv, with the columns that matter."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["tweet_id", "in_reply_to_status_id", "timestamp", "source", "text", "retweeted_status_id"])
    writer.writerows([one["id"], "", one["created_at"], "web", one["text"], ""] for one in tweets)
    return out.getvalue()


def zipped(path: Path, members: Mapping[str, str | bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def unpacked(folder: Path, members: Mapping[str, str]) -> Path:
    for name, content in members.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")
    return folder
