from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.training.archives import of_2018, of_2024, tweet, unpacked, zipped
from training.corpus import Funnel, sift
from training.errors import SourceError
from training.sources import recognise, table

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.training.archives import Members, Pack
    from training.sources.archive import Archive

DATA = Path(__file__).parents[2] / ".." / "shared" / "data"
CORPORA = DATA / "corpora"
SPECTRUM = DATA / "csv-spectrum"

needs_corpora = pytest.mark.skipif(not CORPORA.is_dir(), reason="the corpora of shared/data are not here")
needs_spectrum = pytest.mark.skipif(not SPECTRUM.is_dir(), reason="csv-spectrum of shared/data is not here")


def written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def texts(found: Archive) -> list[str]:
    return [tweet.text for tweet in found.tweets]


COUNTS = {  # "Counts to reproduce": downloaded, retweets, short, kept
    "538-twitter-ratio/BarackObama.csv": (3207, 351, 30, 2826),
    "538-twitter-ratio/realDonaldTrump.csv": (3232, 354, 75, 2803),
    "trump-twitter-archive-condensed/condensed_2012.json": (3531, 8, 122, 3401),
    "trump-twitter-archive-condensed/condensed_2013.json": (8144, 16, 1083, 7045),
    "trump-twitter-archive-condensed/condensed_2014.json": (5784, 0, 87, 5697),
    "world-leaders-got3/jeremycorbyn.csv": (7326, 0, 45, 7281),
    "world-leaders-got3/ScottMorrisonMP.csv": (2489, 0, 40, 2449),
}


@needs_corpora
@pytest.mark.parametrize(("name", "counts"), COUNTS.items(), ids=COUNTS)
def test_the_published_counts_are_met_exactly(name: str, counts: tuple[int, int, int, int]) -> None:
    author = "someone" if name.endswith(".json") else None

    found = recognise.read(CORPORA / name, author)

    assert sift(found.author, found.tweets)[1] == Funnel(found.author, *counts)
    assert all(tweet.at for tweet in found.tweets)
    assert len({tweet.id for tweet in found.tweets}) == len(found.tweets)


# Not location_coordinates: its JSON holds another number than its CSV.
CASES = "comma_in_quotes empty empty_crlf escaped_quotes json newlines newlines_crlf quotes_and_newlines simple utf8"


@needs_spectrum
@pytest.mark.parametrize("name", [*CASES.split(), "simple_crlf"])
def test_csv_spectrum_is_read_as_it_should_be(name: str) -> None:
    text = (SPECTRUM / "csvs" / f"{name}.csv").read_text(encoding="utf-8")
    expected = (SPECTRUM / "json" / f"{name}.json").read_text(encoding="utf-8")

    rows = list(table.rows(text))

    assert rows == json.loads(expected.replace(r"\r\n", r"\n"))  # as the CSV lies there, it holds \n alone


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "id,text\n1,a bird in the rafters\n2,a train below\n"),
        ("a.csv", "\ufeffID,Text\r\n1,a bird in the rafters\n2,a train below\r\n"),
        ("a.csv", 'id;tweet\n1;"a bird in the rafters"\n2;a train below'),
        ("a.tsv", "tweet_id\tfull_text\n1\ta bird in the rafters\n2\ta train below\n"),
        ("tweets", "content,id\na bird in the rafters,1\na train below,2\n"),
        ("a.json", '[{"id_str":"1","text":"a bird in the rafters"},{"id":2,"text":"a train below"}]'),
        ("a.json", '["a bird in the rafters", "a train below"]'),
        ("a.json", '[[{"text":"a bird in the rafters"}],[{"text":"a train below"}]]'),
        ("a.json", '{"data":[{"id":"1","text":"a bird in the rafters"},{"id":"2","text":"a train below"}]}'),
        ("a.jsonl", '{"id":"1","text":"a bird in the rafters"}\r\n\r\n{"id":"2","text":"a train below"}\r\n'),
        (
            "a.jsonl",
            '{"data":[{"id":"1","text":"a bird in the rafters"}]}\n{"data":[{"id":"2","text":"a train below"}]}',
        ),
        ("tweets", '{"tweet":{"id":"1","full_text":"a bird in the rafters"}}\n{"id":"2","text":"a train below"}\n'),
        ("a.txt", "a bird in the rafters\n\na train below\n"),
        ("a.txt", "a bird in the rafters\r\n  a train below\r\n"),
        ("a.txt", "\ufeffa bird in the rafters\ra train below"),
        ("tweets", "a bird in the rafters\na train below"),
        ("a.txt", "a bird in the rafters\na train below".encode("utf-16")),
        ("a.csv", "id,text\n1,a bird in the rafters\n2,a train below\n".encode("utf-16")),
    ],
)
def test_the_kind_of_a_file_is_recognised(tmp_path: Path, name: str, content: str | bytes) -> None:
    path = written(tmp_path / name, content)

    found = recognise.read(path, author="@Magpie")

    assert found.author == "magpie"
    assert texts(found) == ["a bird in the rafters", "a train below"]
    assert found.tweets[0].id == "1"
    assert found.notes == ()


@pytest.mark.parametrize("pack", [zipped, unpacked], ids=["zip", "folder"])
@pytest.mark.parametrize("shape", [of_2018, of_2024])
def test_an_archive_is_recognised_whatever_it_is_called(
    tmp_path: Path, pack: Pack, shape: Callable[..., Members]
) -> None:
    path = pack(tmp_path / "my tweets (1)", shape([tweet(1, "a bird in the rafters")]))

    found = recognise.read(path)

    assert (found.author, texts(found)) == ("magpie", ["a bird in the rafters"])


def test_one_file_of_an_archive_is_recognised_whatever_it_is_called(tmp_path: Path) -> None:
    path = written(tmp_path / "tweets.txt", of_2024([tweet(1, "a bird in the rafters")])["data/tweets.js"])

    found = recognise.read(path, author="magpie")

    assert texts(found) == ["a bird in the rafters"]


@pytest.mark.parametrize("line", ["[thread] birds, a list", '{ "sic" } they wrote', "text, tweet, content"])
def test_a_line_of_text_is_not_taken_for_a_table(tmp_path: Path, line: str) -> None:
    path = written(tmp_path / "a.txt", f"{line}\na train below\n")

    found = recognise.read(path, author="magpie")

    assert texts(found) == [line, "a train below"]


def test_a_line_keeps_the_separators_that_a_tweet_may_hold(tmp_path: Path) -> None:
    path = written(tmp_path / "a.txt", "one\u2028two\x0bthree\x85four\nnext")

    found = recognise.read(path, author="magpie")

    assert texts(found) == ["one\u2028two\x0bthree\x85four", "next"]


def test_a_cell_keeps_its_line_breaks_and_quotes(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", 'id,text\r\n1,"he said ""caw"",\nand left"\r\n')

    found = recognise.read(path, author="magpie")

    assert texts(found) == ['he said "caw",\nand left']


def test_what_is_not_utf_8_is_read_as_windows_1252_and_said(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", b"id,text\n1,caf\xe9 \x93crumbs\x94 \x9d\n")

    found = recognise.read(path, author="magpie")

    assert texts(found) == ["café “crumbs” \ufffd"]
    assert "is not UTF-8" in found.notes[0]


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
    path = written(tmp_path / "a.csv", content)

    found = recognise.read(path, author="magpie")

    expected = ("7", "caw", kind, datetime.fromisoformat(f"{at}+00:00"))
    assert [(tweet.id, tweet.text, tweet.kind, tweet.at) for tweet in found.tweets] == [expected]


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
    path = written(tmp_path / "a.json", json.dumps([{"id": "7", **record}]))

    found = recognise.read(path, author="magpie")

    assert [(tweet.id, tweet.text, tweet.kind) for tweet in found.tweets] == [("7", text, kind)]


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
def test_a_file_that_says_whose_it_is_needs_no_name(
    tmp_path: Path, name: str, content: str | bytes, display_name: str
) -> None:
    path = written(tmp_path / name, content)

    found = recognise.read(path)

    assert (found.author, found.display_name) == ("magpie", display_name)


TWO_PEOPLE = "username,text\nmagpie,caw\nrook,croak\nmagpie,caw caw\n"


def test_of_a_table_of_several_people_only_the_named_one_is_read(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", TWO_PEOPLE)

    found = recognise.read(path, author="magpie")

    assert texts(found) == ["caw", "caw caw"]
    assert found.notes == ("Rows of other people than @magpie, left out: 1.",)


def test_rows_without_a_text_are_left_out_and_counted(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "id,text\n1,caw\n2\n")

    found = recognise.read(path, author="magpie")

    assert texts(found) == ["caw"]
    assert found.notes == ("Rows without a text, left out: 1.",)


@pytest.mark.parametrize(
    ("name", "content", "author", "complaint"),
    [
        ("a.txt", "caw", None, "name the author with --as @handle"),
        ("a.csv", "id,text\n1,caw\n", None, "name the author with --as @handle"),
        ("a.json", '[{"id":1,"text":"caw"}]', None, "name the author with --as @handle"),
        ("a.txt", "caw", "not a handle", "'not a handle' is not a handle"),
        ("a.csv", TWO_PEOPLE, None, r"tweets of 2 people \(@magpie, @rook\): choose one with --as"),
        ("a.csv", TWO_PEOPLE, "jay", "tweets of @magpie, @rook and none of @jay"),
        ("a.csv", "id,words\n1,caw\n", "magpie", "has no column named full_text, text, tweet, content"),
        ("a.csv", 'id,text\n1,"' + "caw " * 40_000, "magpie", "is no readable CSV"),
        ("a.csv", "id,text\n", "magpie", "holds no tweet of @magpie"),
        ("a.json", '[{"id":1,"text":"caw"},{"id":2,"te', "magpie", "is not whole JSON .* half downloaded"),
        ("a.jsonl", '{"id":1,"text":"caw"}\n\n{"id":2,"te', "magpie", r"a\.jsonl, line 3 is not whole JSON"),
        ("a.json", "[" * 100_000, "magpie", "holds JSON that no list of tweets has"),
        ("a.json", "[" * 500 + "]" * 500, "magpie", "holds something that is no tweet"),
        ("a.json", "[1, 2]", "magpie", "holds something that is no tweet"),
        ("a.json", "[]", "magpie", "holds no tweet of @magpie"),
        ("a.txt", b"\x89PNG\0\0\0", "magpie", "is not text"),
        ("a.txt", "\n\n", "magpie", "is empty"),
        ("a.js", "window.YTD.like.part0 = []", "magpie", "does not begin like a file of public tweets"),
        ("a.txt", "window.YTD.direct_messages.part0 = []", "magpie", "does not begin like a file of public tweets"),
    ],
)
def test_what_cannot_be_read_is_one_sentence_that_names_the_file(
    tmp_path: Path, name: str, content: str | bytes, author: str | None, complaint: str
) -> None:
    path = written(tmp_path / name, content)

    with pytest.raises(SourceError, match=complaint):
        recognise.read(path, author)
