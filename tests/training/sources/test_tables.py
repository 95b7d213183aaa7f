"""What the columns of a CSV and the fields of a JSON object mean, in the spelling of every tool and year."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from training.sources import recognise

if TYPE_CHECKING:
    from pathlib import Path

    from training.sources.archive import Archive


def write_file(path: Path, content: str) -> Path:
    path.write_text(content, encoding="utf-8")
    return path


def texts(result: Archive) -> list[str]:
    return [tweet.text for tweet in result.tweets]


GRAILBIRD = "tweet_id,in_reply_to_status_id,timestamp,source,text,retweeted_status_id\n"
GOT3 = "date,username,to,text,id,permalink\n"
LINKED = "created_at,text,url\n"
FLAGGED = "date,text,id,isRetweet\n"


@pytest.mark.parametrize(
    ("content", "kind", "at"),
    [
        (f"{GRAILBIRD}7,,2013-01-02 03:04:05 +0000,web,caw,\n", "original", "2013-01-02 03:04:05"),
        (f"{GRAILBIRD}7,6,2013-01-02 03:04:05 +0000,web,caw,\n", "reply", "2013-01-02 03:04:05"),
        (f"{GRAILBIRD}7,,2013-01-02 03:04:05 +0000,web,caw,5\n", "retweet", "2013-01-02 03:04:05"),
        (f"{GOT3}2019-12-30 10:59:10,magpie,rook,caw,7,\n", "reply", "2019-12-30 10:59:10"),
        (f"{LINKED}10/16/17 22:59,caw,https://twitter.com/magpie/status/7\n", "original", "2017-10-16 22:59:00"),
        (f"{FLAGGED}16/10/2017 22:59,caw,7,TRUE\n", "retweet", "2017-10-16 22:59:00"),
        (f"{FLAGGED}2011-08-02 18:07:48 UTC,caw,7,f\n", "original", "2011-08-02 18:07:48"),
    ],
    ids=["grailbird", "grailbird reply", "grailbird retweet", "got3 reply", "id in a link", "day first", "f for false"],
)
def test_the_columns_of_known_tables_are_understood(tmp_path: Path, content: str, kind: str, at: str) -> None:
    path = write_file(tmp_path / "a.csv", content)

    result = recognise.read(path, author="magpie")

    expected = ("7", "caw", kind, datetime.fromisoformat(f"{at}+00:00"))
    assert [(tweet.id, tweet.text, tweet.kind, tweet.at) for tweet in result.tweets] == [expected]


@pytest.mark.parametrize(
    ("record", "text", "kind"),
    [
        ({"full_text": "caw", "text": "c…", "retweeted_status": {}}, "caw", "original"),
        ({"full_text": "caw", "retweeted_status": {"id": 6}}, "caw", "retweet"),
        ({"text": "c…", "extended_tweet": {"full_text": "caw"}, "in_reply_to_user_id": 5}, "caw", "reply"),
        ({"text": "c…", "note_tweet": {"text": "caw"}, "referenced_tweets": [{"type": "quoted"}]}, "caw", "quote"),
        ({"text": "c…", "note_post": {"text": "caw"}, "referenced_posts": [{"type": "replied_to"}]}, "caw", "reply"),
        ({"text": "caw", "referenced_tweets": [{"type": "retweeted"}]}, "caw", "retweet"),
        ({"text": "RT @rook: caw", "is_retweet": False}, "RT @rook: caw", "retweet"),
        ({"rawContent": "caw", "quotedTweet": {"id": 6}}, "caw", "quote"),
    ],
    ids=["v1.1", "v1.1 retweet", "v1.1 long", "v2 long", "v2 of 2026", "v2 retweet", "manual retweet", "snscrape"],
)
def test_objects_of_every_api_are_understood(tmp_path: Path, record: dict[str, Any], text: str, kind: str) -> None:
    path = write_file(tmp_path / "a.json", json.dumps([{"id": "7", **record}]))

    result = recognise.read(path, author="magpie")

    assert [(tweet.id, tweet.text, tweet.kind) for tweet in result.tweets] == [("7", text, kind)]


def test_only_the_last_version_of_an_edited_post_is_kept_and_lists_the_others(tmp_path: Path) -> None:
    versions = [
        {"id": "10", "text": "a wurm", "edit_history_tweet_ids": ["10", "12"]},
        {"id": "12", "text": "a worm", "edit_history_tweet_ids": ["10", "12"]},
        {"id": "11", "text": "meanwhile", "edit_history_post_ids": ["11"]},
    ]
    path = write_file(tmp_path / "a.json", json.dumps({"data": versions}))

    result = recognise.read(path, author="magpie")

    assert [(tweet.id, tweet.text, tweet.edits) for tweet in result.tweets] == [
        ("12", "a worm", ("10",)),
        ("11", "meanwhile", ()),
    ]


def test_a_post_without_a_date_gets_that_of_its_id(tmp_path: Path) -> None:
    path = write_file(tmp_path / "a.csv", "id,text\n1211602623461122055,a bird in the rafters\n7,a train below\n")

    result = recognise.read(path, author="magpie")

    at = datetime(2019, 12, 30, 10, 59, 10, tzinfo=UTC)
    assert result.tweets[0].at is not None
    assert timedelta(0) <= result.tweets[0].at - at < timedelta(seconds=1)
    assert result.tweets[1].at is None


def test_ids_rounded_by_a_spreadsheet_are_not_used(tmp_path: Path) -> None:
    rows = "1211602623461122000,a bird in the rafters\n1211602623461122000,a train below\n1211615351831699500,one more"
    path = write_file(tmp_path / "a.csv", f"id,text\n{rows}\n")

    result = recognise.read(path, author="magpie")

    assert [(tweet.id, tweet.text) for tweet in result.tweets] == [
        ("", "a bird in the rafters"),
        ("", "a train below"),
        ("", "one more"),
    ]
    assert result.notes == (f"{path} was saved by a program that rounds long numbers: its ids are not used.",)


PAGE = {
    "data": [{"id": "1", "text": "caw", "author_id": "44"}],
    "includes": {"users": [{"id": "44", "username": "Magpie", "name": "Ms Magpie"}]},
}


@pytest.mark.parametrize(
    ("name", "content", "display_name"),
    [
        ("a.csv", "username,text\nMagpie,caw\nMagpie,caw caw\n", "magpie"),
        ("a.csv", "user,text\n@Magpie,caw\n", "magpie"),
        ("a.json", json.dumps([{"text": "caw", "user": {"screen_name": "Magpie", "name": "Ms Magpie"}}]), "Ms Magpie"),
        ("a.json", json.dumps(PAGE), "Ms Magpie"),
    ],
    ids=["username", "user", "v1.1", "v2"],
)
def test_a_file_that_names_its_author_needs_no_handle(
    tmp_path: Path, name: str, content: str | bytes, display_name: str
) -> None:
    path = write_file(tmp_path / name, content)

    result = recognise.read(path)

    assert (result.author, result.display_name) == ("magpie", display_name)


TWO_PEOPLE = "username,text\nmagpie,caw\nrook,croak\nmagpie,caw caw\n"


def test_only_the_chosen_author_of_a_table_is_read(tmp_path: Path) -> None:
    path = write_file(tmp_path / "a.csv", TWO_PEOPLE)

    result = recognise.read(path, author="magpie")

    assert texts(result) == ["caw", "caw caw"]
    assert result.notes == ("Rows of other people than @magpie, left out: 1.",)


def test_rows_without_a_text_are_left_out_and_counted(tmp_path: Path) -> None:
    path = write_file(tmp_path / "a.csv", "id,text\n1,caw\n2\n")

    result = recognise.read(path, author="magpie")

    assert texts(result) == ["caw"]
    assert result.notes == ("Rows without a text, left out: 1.",)
