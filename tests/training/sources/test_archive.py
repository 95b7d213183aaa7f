from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.training import archives
from tests.training.archives import edit_of, edits, grailbird, of_2018, of_2020, of_2024, tweet, unpacked, zipped
from training.errors import SourceError
from training.sources import archive, records

if TYPE_CHECKING:
    from pathlib import Path

    from tests.training.archives import Members, Pack

TWO = [tweet(1, "first light on the wire"), tweet(2, "second thoughts about worms")]
GRAILBIRD = {
    "2013_01": [{"id": 1, "id_str": "1", "created_at": "2013-01-01 00:00:00 +0000", "text": "first light on the wire"}],
    "2018_12": [
        {"id": 2, "id_str": "2", "created_at": "2018-12-31 04:50:27 +0000", "text": "second thoughts about worms"}
    ],
}
MONTHS = [one for month in GRAILBIRD.values() for one in month]
IN_PARTS = of_2024(TWO[:1], count=2) | {
    "data/tweets-part1.js": archives.js("window.YTD.tweets.part1", [{"tweet": TWO[1]}])
}
SHAPES = {
    "2024": of_2024(TWO),
    "2020": of_2020(TWO),
    "2018": of_2018(TWO),
    "grailbird": grailbird(GRAILBIRD),
    "in parts": IN_PARTS,
    "an inner folder": {f"twitter-2024-01-02/{name}": text for name, text in of_2024(TWO).items()},
    "grailbird with its table": grailbird(GRAILBIRD) | {"tweets.csv": archives.table(MONTHS)},
    "grailbird without its JavaScript": {
        name: text for name, text in grailbird(GRAILBIRD).items() if "/tweets/" not in name
    }
    | {"tweets.csv": archives.table(MONTHS)},
    "a table in an inner folder": {f"old/{name}": text for name, text in grailbird(GRAILBIRD).items()}
    | {"old/tweets.csv": archives.table(MONTHS)},
    "a semicolon at the end": {name: text + ";\n" for name, text in of_2024(TWO).items()},
    "a byte order mark": {name: "\ufeff" + text for name, text in of_2024(TWO).items()},
}


def texts(result: archive.Archive) -> list[str]:
    return [tweet.text for tweet in result.tweets]


@pytest.mark.parametrize("members", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("pack", [zipped, unpacked], ids=["zip", "folder"])
def test_an_archive_of_any_year_is_read(tmp_path: Path, pack: Pack, members: Members) -> None:
    path = pack(tmp_path / "archive", members)

    result = archive.read(path)

    assert (result.author, result.display_name) == ("magpie", "Ms Magpie")
    assert sorted(texts(result)) == ["first light on the wire", "second thoughts about worms"]
    assert result.notes == ()


@pytest.mark.parametrize("name", ["data/tweets.js", "data/tweet.js", "data/js/tweets/2018_12.js"])
def test_the_one_file_of_tweets_is_enough_when_the_author_is_named(tmp_path: Path, name: str) -> None:
    folder = unpacked(tmp_path, of_2024(TWO) | of_2020(TWO) | grailbird(GRAILBIRD))

    result = archive.read(folder / name, author="@Magpie")

    assert result.author == "magpie"
    assert "second thoughts about worms" in texts(result)


def test_a_single_file_without_an_author_needs_the_handle(tmp_path: Path) -> None:
    file = unpacked(tmp_path, of_2024(TWO)) / "data/tweets.js"
    for name in ("account.js", "manifest.js"):
        file.with_name(name).unlink()

    with pytest.raises(SourceError, match=r"tweets\.js does not say whose tweets it holds: .*--as @handle"):
        archive.read(file)


def test_a_single_file_finds_its_account_and_its_count_beside_it(tmp_path: Path) -> None:
    file = unpacked(tmp_path, of_2024(TWO)) / "data/tweets.js"

    result = archive.read(file)

    assert (result.author, result.spelling, result.display_name) == ("magpie", "Magpie", "Ms Magpie")
    assert (result.counted, result.entries, result.kind) == (True, len(result.tweets), "one file of an X archive")


def test_a_file_beside_it_that_is_none_of_xs_is_not_used(tmp_path: Path) -> None:
    file = unpacked(tmp_path, of_2024(TWO)) / "data/tweets.js"
    file.with_name("manifest.js").write_text("self.addEventListener('install', () => {})")

    result = archive.read(file)

    assert (result.author, result.counted) == ("magpie", False)
    assert result.notes == (f"{file.with_name('manifest.js')} is none of X's, or is damaged: it is not used.",)


def test_an_archive_of_somebody_else_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "archive.zip", of_2024(TWO))

    with pytest.raises(SourceError, match="holds tweets of @magpie and none of @rook"):
        archive.read(path, author="rook")


def test_an_old_tweet_names_its_author(tmp_path: Path) -> None:
    mine = {"id_str": "1", "text": "first light", "user": {"screen_name": "Magpie", "name": "Ms Magpie"}}
    file = unpacked(tmp_path, grailbird({"2013_01": [mine]})) / "data/js/tweets/2013_01.js"

    result = archive.read(file)

    assert (result.author, result.display_name) == ("magpie", "Ms Magpie")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("Sat Feb 18 12:33:11 +0000 2023", datetime(2023, 2, 18, 12, 33, 11, tzinfo=UTC)),
        ("Sat Feb 18 12:33:11 +0130 2023", datetime(2023, 2, 18, 11, 3, 11, tzinfo=UTC)),
        ("2019-01-01 04:50:27 +0000", datetime(2019, 1, 1, 4, 50, 27, tzinfo=UTC)),
        ("2024-01-02T03:04:05.000Z", datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)),
    ],
)
def test_dates_of_every_year_become_utc(tmp_path: Path, written: str, meant: datetime) -> None:
    path = zipped(tmp_path / "archive.zip", of_2024([tweet(1, "what time is it", written)]))

    result = archive.read(path)

    assert result.tweets[0].at == meant


def test_a_tweet_without_a_readable_date_is_kept_and_counted(tmp_path: Path) -> None:
    path = zipped(tmp_path / "archive.zip", of_2024([tweet(1, "what time is it", "half past worm")]))

    result = archive.read(path)

    assert result.tweets[0].at is None
    assert result.notes == ("Tweets without a readable date, taken as the oldest: 1.",)


def test_the_id_is_the_string_where_a_float_has_rounded_the_number(tmp_path: Path) -> None:
    rounded = tweet("1211602623461122055", "many digits", id=1211602623461122000)
    path = zipped(tmp_path / "archive.zip", of_2024([rounded]))

    result = archive.read(path)

    assert result.tweets[0].id == "1211602623461122055"


def linking(url: str) -> dict[str, Any]:
    return {"entities": {"urls": [{"url": "https://t.co/x", "expanded_url": url}]}}


@pytest.mark.parametrize(
    ("kind", "text", "more"),
    [
        ("original", "a wire, a bird, a morning", {}),
        ("original", "look what I built https://t.co/x", linking("https://example.org/nest")),
        ("original", "a picture https://t.co/x", linking("https://twitter.com/magpie/status/1/photo/1")),
        ("original", "archives never set this", {"retweeted": True}),
        ("retweet", "RT @rook: caw", {}),
        ("retweet", "caw", {"retweeted_status": {"id_str": "7"}}),
        ("reply", "@rook quite so", {"in_reply_to_status_id_str": "7"}),
        ("reply", "@rook quite so", {"in_reply_to_user_id": "7"}),
        ("quote", "this https://t.co/x", linking("https://twitter.com/rook/status/7")),
        ("quote", "this https://t.co/x", linking("https://x.com/rook/status/7?s=20")),
        ("quote", "this", {"is_quote_status": True}),
    ],
)
def test_the_kind_is_read_from_text_and_fields(tmp_path: Path, kind: str, text: str, more: dict[str, Any]) -> None:
    path = zipped(tmp_path / "archive.zip", of_2024([tweet(1, text, **more)]))

    result = archive.read(path)

    assert result.tweets[0].kind == kind


@pytest.mark.parametrize(
    ("more", "parent"),
    [
        ({"in_reply_to_status_id_str": "7", "in_reply_to_status_id": 7.0}, "7"),
        ({"in_reply_to_status_id": 7}, "7"),
        ({"referenced_tweets": [{"type": "quoted", "id": "6"}, {"type": "replied_to", "id": "7"}]}, "7"),
        ({"in_reply_to_user_id": "7"}, ""),
        ({"in_reply_to_status_id_str": "0"}, ""),
        ({"in_reply_to_status_id_str": None, "referenced_tweets": [7, {"type": "replied_to", "id": "no"}]}, ""),
    ],
)
def test_a_reply_says_which_tweet_it_answers(more: dict[str, Any], parent: str) -> None:
    reply = records.tweet_of({"id_str": "9", "full_text": "quite so", **more}, "magpie")

    assert reply is not None
    assert reply.parent == parent


def test_only_the_last_version_of_an_edited_tweet_is_kept(tmp_path: Path) -> None:
    tweets = [
        tweet(12, "a wurm, corrected: a worm", **edit_of(10)),
        tweet(10, "a wurm", **edits(10, 12)),
        tweet(11, "meanwhile, something else", **edits(11)),
    ]
    path = zipped(tmp_path / "archive.zip", of_2024(tweets))

    result = archive.read(path)

    assert [(tweet.id, tweet.text, tweet.edits) for tweet in result.tweets] == [
        ("12", "a wurm, corrected: a worm", ("10",)),
        ("11", "meanwhile, something else", ()),
    ]
    assert result.notes == ()


def test_a_version_without_a_successor_is_kept(tmp_path: Path) -> None:
    path = zipped(tmp_path / "archive.zip", of_2024([tweet(10, "a wurm", **edits(10, 12))]))

    result = archive.read(path)

    assert [(tweet.id, tweet.edits) for tweet in result.tweets] == [("10", ())]


def test_a_tweet_edited_twice_lists_both_earlier_versions(tmp_path: Path) -> None:
    tweets = [
        tweet(14, "the worm", **edit_of(10)),
        tweet(12, "a worm", **edit_of(10)),
        tweet(10, "a wurm", **edits(10, 12, 14)),
    ]
    path = zipped(tmp_path / "archive.zip", of_2024(tweets))

    result = archive.read(path)

    assert [(tweet.id, tweet.text, tweet.edits) for tweet in result.tweets] == [("14", "the worm", ("10", "12"))]


def test_a_table_that_disagrees_with_the_javascript_adds_to_it_with_a_warning(tmp_path: Path) -> None:
    third = {"id": 3, "created_at": "2019-01-01 04:50:27 +0000", "text": "third time lucky"}
    members = grailbird(GRAILBIRD) | {"tweets.csv": archives.table([MONTHS[1], third])}
    path = zipped(
        tmp_path / "archive.zip", members | {"data/js/payload_details.js": 'var payload_details = {"tweets": 3}'}
    )

    result = archive.read(path)

    assert texts(result) == [*(one["text"] for one in MONTHS), "third time lucky"]
    assert result.counted
    only = "1 tweets are only in the one, 1 only in the other; all are taken."
    assert result.notes == (f"tweets.csv and the JavaScript files disagree: {only}",)


def test_a_table_of_something_else_is_ignored(tmp_path: Path) -> None:
    path = zipped(tmp_path / "archive.zip", grailbird(GRAILBIRD) | {"tweets.csv": "name,phone\nrook,123\n"})

    result = archive.read(path)

    assert texts(result) == [one["text"] for one in MONTHS]


MADE = archives.js(
    "window.__THAR_CONFIG",
    {"userInfo": {"userName": "Magpie"}, "archiveInfo": {"generationDate": "2024-03-01T02:03:04.000Z"}},
)
LAST = datetime(2023, 2, 18, 12, 33, 11, tzinfo=UTC)


@pytest.mark.parametrize(
    ("members", "reaches", "counted"),
    [
        (of_2024(TWO), LAST, True),
        (of_2024(TWO) | {"data/manifest.js": MADE}, datetime(2024, 3, 1, 2, 3, 4, tzinfo=UTC), False),
        (of_2018(TWO), LAST, False),
        (grailbird(GRAILBIRD), datetime(2018, 12, 31, 4, 50, 27, tzinfo=UTC), True),
        (of_2024(TWO, count=3), None, False),
    ],
    ids=["2024", "with a date", "2018", "grailbird", "incomplete"],
)
def test_a_whole_archive_has_a_date(
    tmp_path: Path, members: Members, reaches: datetime | None, *, counted: bool
) -> None:
    path = zipped(tmp_path / "archive.zip", members)

    result = archive.read(path)

    assert (result.reaches, result.counted, result.kind) == (reaches, counted, "X archive")


def test_one_file_of_an_archive_does_not_claim_to_be_whole(tmp_path: Path) -> None:
    file = unpacked(tmp_path, of_2024(TWO)) / "data/tweets.js"

    result = archive.read(file, author="magpie")

    assert (result.reaches, result.kind) == (None, "one file of an X archive")


def test_reading_is_reported_in_bytes_of_all(tmp_path: Path) -> None:
    path = zipped(tmp_path / "archive.zip", of_2024(TWO))
    size = sum(len(text.encode()) for text in of_2024(TWO).values())
    reported: list[tuple[int, int]] = []

    archive.read(path, report=lambda process, of: reported.append((process, of)))

    assert reported == sorted(reported)
    assert reported[-1] == (size, size)


def test_a_tweet_that_is_in_two_parts_is_read_once(tmp_path: Path) -> None:
    members = of_2024(TWO, count=4) | {"data/tweets-part1.js": of_2024(TWO)["data/tweets.js"]}
    path = zipped(tmp_path / "archive.zip", members)

    result = archive.read(path)

    assert len(result.tweets) == 2


@pytest.mark.parametrize("members", [of_2024(TWO, count=3), of_2024(TWO) | {"data/manifest.js": archives.manifest(3)}])
def test_a_count_that_does_not_match_the_manifest_is_a_warning(tmp_path: Path, members: Members) -> None:
    path = zipped(tmp_path / "archive.zip", members)

    result = archive.read(path)

    assert len(result.tweets) == 2
    assert result.notes == (
        f"{path} says that it holds 3 tweets, but holds 2: it may be incomplete; download it again.",
    )


@pytest.mark.parametrize("count", ["many", "-1", "9" * 5000, "²"])
def test_an_invalid_count_in_the_manifest_is_ignored(tmp_path: Path, count: str) -> None:
    path = zipped(tmp_path / "archive.zip", of_2024(TWO) | {"data/manifest.js": archives.manifest(count)})

    result = archive.read(path)

    assert result.notes == ()


def test_entries_without_id_or_text_are_left_out_and_counted(tmp_path: Path) -> None:
    path = zipped(tmp_path / "archive.zip", of_2024([*TWO, {"id_str": "3"}, {"full_text": "no id"}]))

    result = archive.read(path)

    assert len(result.tweets) == 2
    assert result.notes == ("Entries without an id or a text, left out: 2.",)


def test_half_a_surrogate_pair_is_replaced(tmp_path: Path) -> None:
    text = of_2024([tweet(1, "a broken bird HERE")])["data/tweets.js"].replace("HERE", r"\ud83d")
    path = zipped(tmp_path / "archive.zip", of_2024(TWO) | {"data/tweets.js": text})

    result = archive.read(path)

    assert texts(result) == ["a broken bird \ufffd"]


PRIVATE = {
    "data/deleted-tweets.js": "not even JavaScript",
    "data/deleted-tweet-headers.js": "not even JavaScript",
    "data/tweet-headers.js": "not even JavaScript",
    "data/twitter-circle-tweet.js": "not even JavaScript",
    "data/community-tweet.js": "not even JavaScript",
    "data/direct-messages.js": "not even JavaScript",
    "data/direct-messages-group.js": "not even JavaScript",
    "data/like.js": "not even JavaScript",
    "data/account-suspension.js": "not even JavaScript",
    "data/js/tweet_index.js": "not even JavaScript",
}


@pytest.mark.parametrize("pack", [zipped, unpacked], ids=["zip", "folder"])
def test_what_is_private_is_never_opened(tmp_path: Path, pack: Pack) -> None:
    path = pack(tmp_path / "archive", PRIVATE | of_2024(TWO))

    result = archive.read(path)

    assert len(result.tweets) == 2


@pytest.mark.parametrize("name", PRIVATE)
def test_no_private_name_matches_the_public_ones(name: str) -> None:
    assert not archive.PUBLIC.fullmatch(name)


@pytest.mark.parametrize("name", ["tweets.js", "like.js"])
def test_a_private_file_is_refused_under_whatever_name(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_text(archives.js("window.YTD.deleted_tweets.part0", [{"tweet": TWO[0]}]), encoding="utf-8")

    with pytest.raises(SourceError, match=f"{name} does not begin like a file of public tweets"):
        archive.read(file, author="magpie")


def test_two_archives_in_one_zip_are_refused(tmp_path: Path) -> None:
    members = {f"{folder}/{name}": text for folder in ("old", "new") for name, text in of_2024(TWO).items()}
    path = zipped(tmp_path / "archive.zip", members)

    with pytest.raises(SourceError, match="holds two archives"):
        archive.read(path)
