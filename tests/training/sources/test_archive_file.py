from __future__ import annotations

import io
import json
import os
import stat
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.archives import NOON, of_2024, tweet, unpacked, zipped
from training.errors import SourceError
from training.sources import archive, archive_file, recognise

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from tests.training.archives import Pack

TWO = of_2024([tweet(1, "first light on the wire"), tweet(2, "second thoughts about worms")])
ONE = TWO["data/tweets.js"]


def zip_bytes(
    members: Iterable[tuple[str | zipfile.ZipInfo, str | bytes]], compression: int = zipfile.ZIP_DEFLATED
) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


def encrypted() -> bytes:
    """The flag is set by hand: Python reads such zips, but cannot write them."""
    data = bytearray(zip_bytes(TWO.items()))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        index = data.find(mark)
        while index >= 0:
            data[index + offset] |= 1
            index = data.find(mark, index + 1)
    return bytes(data)


def damaged() -> bytes:
    return zip_bytes(TWO.items(), zipfile.ZIP_STORED).replace(b"first light", b"first night")


def tweets_js(payload: str | bytes) -> bytes:
    return zip_bytes((TWO | {"data/tweets.js": payload}).items())


HEAD = "window.YTD.tweets.part0 = "
HOSTILE = {
    "cut in half": (lambda: zip_bytes(TWO.items())[:400], "damaged or half-downloaded zip"),
    "its second half": (lambda: zip_bytes(TWO.items())[600:], "damaged or half-downloaded zip"),
    "a web page": (lambda: b"<html>log in to download</html>", "damaged or half-downloaded zip"),
    "a wrong checksum": (damaged, "damaged or half-downloaded zip"),
    "a password": (encrypted, "locked with a password"),
    "odd compression": (lambda: zip_bytes(TWO.items(), zipfile.ZIP_LZMA), "in an unusual way"),
    "a bomb": (
        lambda: tweets_js(HEAD.encode() + b"[" + b" " * (64 << 20)),
        r"tweets\.js unpacks to far more than tweets do",
    ),
    "nothing inside": (lambda: zip_bytes([]), "holds no public tweets"),
    "no tweets inside": (lambda: zip_bytes([("readme.txt", "hello")]), "holds no public tweets"),
    "an empty list": (lambda: tweets_js(f"{HEAD}[]"), "holds no public tweets"),
    "no JSON": (lambda: tweets_js(f"{HEAD}[{{"), r"tweets\.js is not whole JSON"),
    "a program": (lambda: tweets_js("window.alert('hello')"), r"tweets\.js does not begin like"),
    "a program in the list": (lambda: tweets_js(f"{HEAD}[alert()]"), r"tweets\.js is not whole JSON"),
    "deep JSON": (lambda: tweets_js(HEAD + "[" * 100_000), r"tweets\.js holds JSON that no list"),
    "an endless number": (lambda: tweets_js(f"{HEAD}[{'9' * 5_000}]"), r"tweets\.js holds JSON that no list"),
    "no UTF-8": (lambda: tweets_js(HEAD.encode() + b'["\xff"]'), r"tweets\.js is damaged: byte 28"),
    "an object": (lambda: tweets_js(HEAD + "{}"), r"tweets\.js holds no list"),
    "bare numbers": (lambda: tweets_js(f"{HEAD}[1, 2]"), r"tweets\.js holds something that is not a record"),
}


@pytest.mark.parametrize(("make", "complaint"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_zip_is_one_error_message_that_names_it(
    tmp_path: Path, make: Callable[[], bytes], complaint: str
) -> None:
    path = tmp_path / "archive.zip"
    path.write_bytes(make())

    with pytest.raises(SourceError, match=rf"archive\.zip.*{complaint}"):
        archive.read(path)


def test_a_zip_with_a_member_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "archive.zip"
    with pytest.warns(UserWarning, match="Duplicate name"):
        path.write_bytes(zip_bytes([*TWO.items(), ("data/tweets.js", ONE)]))

    with pytest.raises(SourceError, match=r"holds data/tweets\.js twice"):
        archive.read(path)


@pytest.mark.parametrize(
    "name",
    [
        "../data/tweets.js",
        "../../data/tweets.js",
        "/data/tweets.js",
        "//data/tweets.js",
        "./data/tweets.js",
        "a/../data/tweets.js",
        "a/b/data/tweets.js",
        "C:/data/tweets.js",
        "data\\tweets.js",
        "data/tweets.js/",
        "data/tweets.js\n",
        "data/tweets.JS.exe",
    ],
)
def test_a_hostile_member_name_is_ignored_and_nothing_is_written(tmp_path: Path, name: str) -> None:
    path = zipped(tmp_path / "archive.zip", TWO | {name: "not even JavaScript"})

    result = archive.read(path)

    assert len(result.tweets) == 2
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_in_a_zip_is_ignored(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("data/tweets-part1.js")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    path = tmp_path / "archive.zip"
    path.write_bytes(zip_bytes([*TWO.items(), (link, "/etc/passwd")]))

    result = archive.read(path)

    assert len(result.tweets) == 2


def test_a_link_that_leads_out_of_the_folder_is_ignored(tmp_path: Path) -> None:
    outside = tmp_path / "elsewhere.js"
    outside.write_text("not even JavaScript", encoding="utf-8")
    folder = unpacked(tmp_path / "archive", TWO)
    (folder / "data/tweets-part1.js").symlink_to(outside)

    result = archive.read(folder)

    assert len(result.tweets) == 2


@pytest.mark.parametrize("pack", [zipped, unpacked], ids=["zip", "folder"])
def test_more_bytes_than_the_limit_are_refused(tmp_path: Path, pack: Pack) -> None:
    path = pack(tmp_path / "archive", TWO)
    size = sum(len(text.encode()) for text in TWO.values())

    whole = {one.name: b"".join(one.chunks).decode() for one in archive_file.members(path, archive.PUBLIC, limit=size)}

    assert whole == TWO
    with pytest.raises(SourceError, match="holds more tweets than can be read at once"):
        [list(member.chunks) for member in archive_file.members(path, archive.PUBLIC, limit=size - 1)]


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("nothing.zip", "does not exist"),
        ("nothing", "does not exist"),
        ("x" * 5000, "cannot be read"),
        ("a\0b", "does not exist"),
        ("pipe", "neither a file nor a folder"),
        ("folder", "holds no public tweets"),
        ("empty", "is empty"),
    ],
    ids=["no zip", "no file", "too long a name", "no name", "a pipe", "an empty folder", "an empty file"],
)
def test_a_path_without_tweets_is_one_error_message(tmp_path: Path, name: str, complaint: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty").touch()

    with pytest.raises(SourceError, match=complaint):
        recognise.read(tmp_path / name, author="magpie")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


def is_read_or_refused(path: Path) -> bool:
    """Whether the result is an archive with valid texts, or an error message that names the file."""
    try:
        result = recognise.read(path, author="magpie")
    except SourceError as error:
        return str(path) in str(error)
    return bool(result.tweets) and all(tweet.text.encode() is not None for tweet in result.tweets)


STARTS = [
    b"",
    b"PK\x03\x04",
    HEAD.encode(),
    b"Grailbird.data.tweets_2013_01 =",
    b"[{",
    b'{"',
    b"id,text\n",
    b"\xff\xfe",
]


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(STARTS), st.binary(), st.sampled_from(["zip", "js", "json", "csv", "txt", "dat"]))
def test_any_bytes_give_an_archive_or_a_source_error(folder: Path, start: bytes, rest: bytes, suffix: str) -> None:
    path = folder / f"bytes.{suffix}"
    path.write_bytes(start + rest)

    assert is_read_or_refused(path)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_zip_with_wrong_bytes_gives_an_archive_or_a_source_error(folder: Path, data: st.DataObject) -> None:
    content = bytearray(zip_bytes(TWO.items()))
    for index in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=5)):
        content[index] = data.draw(st.integers(0, 255))
    path = folder / "wrong.zip"
    path.write_bytes(content)

    assert is_read_or_refused(path)


NAMES = ["id_str", "id", "full_text", "text", "tweet", "data", "created_at", "entities", "urls", "edit_info", "edit"]
NAMES += ["initial", "editTweetIds", "user", "users", "includes", "referenced_tweets", "note_tweet", "lang", "core"]
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(["12", NOON])
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
    max_leaves=8,
)
RECORDS = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=4).map(lambda wrong: tweet(7, "caw") | wrong)


@settings(max_examples=200, deadline=None)
@given(st.lists(RECORDS, min_size=1, max_size=3), st.sampled_from(["js", "json"]))
def test_records_of_any_shape_give_an_archive_or_a_source_error(
    folder: Path, records: list[dict[str, Any]], suffix: str
) -> None:
    path = folder / f"records.{suffix}"
    path.write_text((HEAD if suffix == "js" else "") + json.dumps(records), encoding="utf-8")

    assert is_read_or_refused(path)
