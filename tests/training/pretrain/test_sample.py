"""The sample account: its zip agrees with its text files, and has the form of an X archive of 2024."""

from __future__ import annotations

import html
import json
import re
import zipfile
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from training.errors import SourceError
from training.pretrain.sample.build import EPOCH_MS, members, write
from training.pretrain.sample.script import read_tweets
from training.sources.sample import ARCHIVE, HANDLE

if TYPE_CHECKING:
    from pathlib import Path

Json = dict[str, Any]


def rows(files: dict[str, str], name: str) -> list[Json]:
    text = files[f"data/{name}.js"]
    return [next(iter(row.values())) for row in json.loads(text[text.index("[") :])]


@pytest.fixture(scope="module")
def files() -> dict[str, str]:
    with zipfile.ZipFile(ARCHIVE) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


@pytest.fixture(scope="module")
def tweets(files: dict[str, str]) -> list[Json]:
    return rows(files, "tweets")


def originals(tweets: list[Json]) -> list[str]:
    return [tweet["full_text"] for tweet in tweets if not tweet["full_text"].startswith(("@", "RT @"))]


def test_the_committed_zip_is_what_the_text_files_say(files: dict[str, str]) -> None:
    assert files == members(read_tweets())


def test_building_twice_gives_the_same_bytes(tmp_path: Path, files: dict[str, str]) -> None:
    write(tmp_path / "one.zip", files)
    write(tmp_path / "two.zip", files)

    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def test_the_zip_is_small_enough_to_live_in_the_repository() -> None:
    assert ARCHIVE.stat().st_size < 300_000


def test_the_manifest_counts_what_is_there(files: dict[str, str]) -> None:
    manifest = json.loads(files["data/manifest.js"].removeprefix("window.__THAR_CONFIG = "))
    listed = [file for kind in manifest["dataTypes"].values() for file in kind["files"]]

    assert manifest["userInfo"]["userName"] == HANDLE
    assert {file["fileName"] for file in listed} == {name for name in files if name.endswith(".js")} - {
        "data/manifest.js"
    }
    for file in listed:
        text = files[file["fileName"]]
        assert text.startswith(f"window.{file['globalName']} = [")
        assert int(file["count"]) == len(json.loads(text[text.index("[") :]))


def test_ids_are_distinct_and_tell_the_time(tweets: list[Json]) -> None:
    by_id = sorted(tweets, key=lambda tweet: int(tweet["id"]))
    times = [datetime.strptime(tweet["created_at"], "%a %b %d %H:%M:%S %z %Y") for tweet in by_id]

    assert len({tweet["id"] for tweet in tweets}) == len(tweets)
    assert times == sorted(times)
    assert [((int(tweet["id"]) >> 22) + EPOCH_MS) // 1000 for tweet in by_id] == [at.timestamp() for at in times]
    assert {at.year for at in times} == set(range(2019, 2025))


def test_headers_name_the_same_tweets(files: dict[str, str], tweets: list[Json]) -> None:
    assert [header["tweet_id"] for header in rows(files, "tweet-headers")] == [tweet["id"] for tweet in tweets]


def test_there_is_enough_of_the_bird_to_learn_from(tweets: list[Json]) -> None:
    learnable = {
        text for text in originals(tweets) if sum(not re.search("http|@|#", word) for word in text.split()) >= 3
    }

    assert len(learnable) >= 620
    assert sum(map(len, learnable)) >= 48_000


def test_only_one_tweet_is_repeated(tweets: list[Json]) -> None:
    texts = [tweet["full_text"] for tweet in tweets]

    assert [text for text in texts if texts.count(text) > 1] == ["Good morning from under the piano. Long story."] * 2


@pytest.mark.parametrize(
    ("pattern", "at_least"),
    [
        pytest.param(r"RT @\w+: ", 25, id="retweets"),
        pytest.param(r"RT @[\s\S]{135}…$", 5, id="cut retweets"),
        pytest.param(r"@\w+ ", 40, id="replies"),
        pytest.param(r'"@\w+: ', 1, id="quotes by hand"),
        pytest.param(r"[\s\S]*https://t\.co/", 20, id="links"),
        pytest.param(r"[\s\S]*&amp;", 5, id="ampersands"),
        pytest.param(r"[\s\S]*&[lg]t;", 2, id="angle brackets"),
        pytest.param(r"[\s\S]*\n", 5, id="new lines"),
        pytest.param(r"[\s\S]*#\w", 5, id="hashtags"),
        pytest.param(r"My dream is ", 8, id="dreams"),
        pytest.param(r"\S+(?: \S+)?$", 25, id="short ones"),
    ],
)
def test_every_kind_of_tweet_is_there(tweets: list[Json], pattern: str, at_least: int) -> None:
    assert sum(bool(re.match(pattern, tweet["full_text"])) for tweet in tweets) >= at_least


def test_replies_say_whom_they_answer_and_nothing_else_does(tweets: list[Json]) -> None:
    for tweet in tweets:
        answered = tweet.get("in_reply_to_screen_name")

        assert (answered is not None) == tweet["full_text"].startswith("@")
        if answered:
            assert tweet["full_text"].startswith(f"@{answered} ")
            assert int(tweet["in_reply_to_status_id"]) < int(tweet["id"])


def test_both_versions_of_an_edited_tweet_are_there_and_know_each_other(tweets: list[Json]) -> None:
    by_id = {tweet["id"]: tweet for tweet in tweets}
    edited = [tweet for tweet in tweets if "edit" in tweet["edit_info"]]

    assert edited
    for tweet in edited:
        first = by_id[tweet["edit_info"]["edit"]["initialTweetId"]]
        assert first["edit_info"]["initial"]["editTweetIds"] == [first["id"], tweet["id"]]
        assert first["full_text"] != tweet["full_text"]


def test_a_long_note_is_cut_in_the_tweets_and_whole_beside_them(files: dict[str, str], tweets: list[Json]) -> None:
    notes = rows(files, "note-tweet")
    whole = {datetime.fromisoformat(note["createdAt"]).replace(microsecond=0): note["core"]["text"] for note in notes}
    cut = {
        datetime.strptime(tweet["created_at"], "%a %b %d %H:%M:%S %z %Y"): html.unescape(tweet["full_text"])
        for tweet in tweets
        if tweet["full_text"].endswith("…") and not tweet["full_text"].startswith("RT @")
    }

    assert whole.keys() == cut.keys()
    for at, text in whole.items():
        assert len(text) > 280
        assert text.startswith(cut[at].removesuffix("…"))
    assert not {note["noteTweetId"] for note in notes} & {tweet["id"] for tweet in tweets}


def test_entities_point_at_their_text(tweets: list[Json]) -> None:
    for tweet in tweets:
        entities = tweet["entities"]
        marked = [
            *((tag["indices"], "#" + tag["text"]) for tag in entities["hashtags"]),
            *((mention["indices"], "@" + mention["screen_name"]) for mention in entities["user_mentions"]),
            *((url["indices"], url["url"]) for url in entities["urls"]),
        ]

        for (start, end), text in marked:
            assert tweet["full_text"][int(start) : int(end)] == text
        assert len(marked) == len(re.findall(r"(?<!\w)[@#]\w|https://", tweet["full_text"]))


def test_every_link_leads_to_an_example_domain(files: dict[str, str]) -> None:
    text = "".join(files[f"data/{name}.js"] for name in ("account", "tweets", "note-tweet"))
    hosts = set(re.findall(r"https?://([^/\"\s]+)", re.sub(r'"source" : .*', "", text)))

    assert hosts == {"example.org", "example.com", "t.co"}


def test_nobody_can_own_a_handle_that_the_bird_mentions(tweets: list[Json]) -> None:
    handles = {mention["screen_name"] for tweet in tweets for mention in tweet["entities"]["user_mentions"]}

    assert len(handles) > 20
    assert {len(handle) for handle in handles} <= set(range(16, 21))  # X gives out 15 at most


def test_a_mark_with_a_typing_error_is_reported(tmp_path: Path) -> None:
    (tmp_path / "winter.txt").write_text("[dez] Snow on the line.\n", encoding="utf-8")

    with pytest.raises(SourceError, match=r"winter\.txt:1"):
        read_tweets(tmp_path)


def test_a_new_line_moves_no_other_tweet(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Mind the gap.\n", encoding="utf-8")
    before = read_tweets(tmp_path)
    (tmp_path / "a.txt").write_text("# a remark\nLate.\nMind the gap.\n", encoding="utf-8")

    assert before[0] in read_tweets(tmp_path)


@pytest.mark.parametrize(("mark", "date"), [("[dec 24]", (12, 24)), ("[feb 14]", (2, 14))], ids=["eve", "valentine"])
def test_a_mark_gives_the_day(tmp_path: Path, mark: str, date: tuple[int, int]) -> None:
    (tmp_path / "a.txt").write_text(f"{mark} The hall breathed out.\n", encoding="utf-8")

    [tweet] = read_tweets(tmp_path)

    assert (tweet.at.month, tweet.at.day) == date
    assert tweet.text == "The hall breathed out."
