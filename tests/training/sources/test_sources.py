from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.training.archives import of_2018, of_2024, tweet, unpacked, zipped
from training.corpus.corpus import Choices, Funnel, filter_tweets
from training.errors import SourceError
from training.library.library import Library
from training.sources import columns, recognise, records

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.training.archives import Members, Pack
    from training.sources.archive import Archive

DATA = Path(__file__).parents[3] / ".." / "shared" / "data"
CORPORA = DATA / "corpora"
SPECTRUM = DATA / "csv-spectrum"

needs_corpora = pytest.mark.skipif(not CORPORA.is_dir(), reason="the corpora of shared/data are not here")
needs_spectrum = pytest.mark.skipif(not SPECTRUM.is_dir(), reason="csv-spectrum of shared/data is not here")


def write_file(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def texts(result: Archive) -> list[str]:
    return [tweet.text for tweet in result.tweets]


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
def test_the_published_counts_are_met_exactly_also_by_way_of_the_library(
    tmp_path: Path, name: str, counts: tuple[int, int, int, int]
) -> None:
    author = "someone" if name.endswith(".json") else None

    result = recognise.read(CORPORA / name, author)

    with Library.open(tmp_path / "library.db") as library:
        library.add(result, source=name, at=datetime(2026, 11, 20, tzinfo=UTC))
        from_library = library.archive(result.author)
    downloaded, retweets, short, kept = counts
    expected = Funnel(result.author, downloaded, {"retweet": retweets, "short": short}, kept)
    for archive in (result, from_library):
        assert filter_tweets(archive.author, archive.tweets, Choices(rules="huggingtweets")).funnel == expected
        assert all(tweet.at for tweet in archive.tweets)
        assert len({tweet.id for tweet in archive.tweets}) == downloaded


# Not location_coordinates: its JSON holds another number than its CSV.
CASES = "comma_in_quotes empty empty_crlf escaped_quotes json newlines newlines_crlf quotes_and_newlines simple utf8"


@needs_spectrum
@pytest.mark.parametrize("name", [*CASES.split(), "simple_crlf"])
def test_csv_spectrum_is_read_as_it_should_be(name: str) -> None:
    text = (SPECTRUM / "csvs" / f"{name}.csv").read_text(encoding="utf-8")
    expected = (SPECTRUM / "json" / f"{name}.json").read_text(encoding="utf-8")

    rows = list(columns.rows(text, "a table"))

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
    path = write_file(tmp_path / name, content)

    result = recognise.read(path, author="@Magpie")

    assert result.author == "magpie"
    assert texts(result) == ["a bird in the rafters", "a train below"]
    assert [tweet.id for tweet in result.tweets] in (["1", "2"], ["", ""])
    assert result.notes == ()


@pytest.mark.parametrize("pack", [zipped, unpacked], ids=["zip", "folder"])
@pytest.mark.parametrize("shape", [of_2018, of_2024])
def test_an_archive_is_recognised_whatever_it_is_called(
    tmp_path: Path, pack: Pack, shape: Callable[..., Members]
) -> None:
    path = pack(tmp_path / "my tweets (1)", shape([tweet(1, "a bird in the rafters")]))

    result = recognise.read(path)

    assert (result.author, texts(result)) == ("magpie", ["a bird in the rafters"])


def test_one_file_of_an_archive_is_recognised_whatever_it_is_called(tmp_path: Path) -> None:
    path = write_file(tmp_path / "tweets.txt", of_2024([tweet(1, "a bird in the rafters")])["data/tweets.js"])

    result = recognise.read(path, author="magpie")

    assert texts(result) == ["a bird in the rafters"]


@pytest.mark.parametrize("line", ["[thread] birds, a list", '{ "sic" } they wrote', "text, tweet, content"])
def test_a_line_of_text_is_not_taken_for_a_table(tmp_path: Path, line: str) -> None:
    path = write_file(tmp_path / "a.txt", f"{line}\na train below\n")

    result = recognise.read(path, author="magpie")

    assert texts(result) == [line, "a train below"]


def test_a_line_keeps_the_separators_that_a_tweet_may_hold(tmp_path: Path) -> None:
    path = write_file(tmp_path / "a.txt", "one\u2028two\x0bthree\x85four\nnext")

    result = recognise.read(path, author="magpie")

    assert texts(result) == ["one\u2028two\x0bthree\x85four", "next"]


def test_a_cell_keeps_its_line_breaks_and_quotes(tmp_path: Path) -> None:
    path = write_file(tmp_path / "a.csv", 'id,text\r\n1,"he said ""caw"",\nand left"\r\n')

    result = recognise.read(path, author="magpie")

    assert texts(result) == ['he said "caw",\nand left']


def test_a_quote_in_the_middle_of_a_cell_is_kept(tmp_path: Path) -> None:
    path = write_file(tmp_path / "a.csv", 'id,text\n1,a 5" pipe\n2,"he said ""caw"""\n')

    result = recognise.read(path, author="magpie")

    assert texts(result) == ['a 5" pipe', 'he said "caw"']


def test_text_that_is_not_utf_8_is_read_as_windows_1252_with_a_warning(tmp_path: Path) -> None:
    path = write_file(tmp_path / "a.csv", b"id,text\n1,caf\xe9 \x93crumbs\x94 \x9d\n")

    result = recognise.read(path, author="magpie")

    assert texts(result) == ["café “crumbs” \ufffd"]
    assert "is not UTF-8" in result.notes[0]


TWO_PEOPLE = "username,text\nmagpie,caw\nrook,croak\nmagpie,caw caw\n"


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
        ("a.csv", 'id,text\n1,"' + "caw " * 40_000, "magpie", "is not a readable CSV"),
        ("a.csv", "id,text\n", "magpie", "holds no tweet of @magpie"),
        ("a.json", '[{"id":1,"text":"caw"},{"id":2,"te', "magpie", "is not whole JSON .* half downloaded"),
        ("a.jsonl", '{"id":1,"text":"caw"}\n\n{"id":2,"te', "magpie", r"a\.jsonl .*breaks at line 3, column 9"),
        ("a.json", "[" * 100_000, "magpie", "holds JSON that no list of tweets has"),
        ("a.json", "[" * 500 + "]" * 500, "magpie", "holds something that is not a tweet"),
        ("a.json", "[1, 2]", "magpie", "holds something that is not a tweet"),
        ("a.json", "[]", "magpie", "holds no tweet of @magpie"),
        ("a.csv", 'id,text\n1,"a quote that nobody closes\n2,b\n', "magpie", "ends inside a quoted cell"),
        ("a.txt", b"\x89PNG\0\0\0", "magpie", "is not text"),
        ("a.txt", "\n\n", "magpie", "is empty"),
        ("a.txt", "caw " * 60_000, "magpie", "has no line that is short enough for a tweet"),
        ("a.js", "window.YTD.like.part0 = []", "magpie", "does not begin like a file of public tweets"),
        ("a.txt", "window.YTD.direct_messages.part0 = []", "magpie", "does not begin like a file of public tweets"),
    ],
)
def test_an_unreadable_file_is_one_error_message_that_names_it(
    tmp_path: Path, name: str, content: str | bytes, author: str | None, complaint: str
) -> None:
    path = write_file(tmp_path / name, content)

    with pytest.raises(SourceError, match=complaint):
        recognise.read(path, author)


ODD: list[Any] = [{}, [], [[]], {"type": {}}, [{"type": {}}], [{"type": []}], 7, 1e400, True, None, "\0"]
NAMES = [
    name for names in vars(records).values() if isinstance(names, tuple) for name in names if isinstance(name, str)
]


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_a_field_of_unknown_shape_is_ignored(odd: Any) -> None:
    for name in {*NAMES, "lang", "entities", "extended_tweet", "edit_info"} - set(records.TEXT_NAMES):
        tweet = records.tweet_of({"text": "caw", name: odd}, "magpie")

        assert tweet
        assert tweet.text == "caw"
