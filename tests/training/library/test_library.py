from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.training.holding import NOW, THEN, A, B, C, add, counts, line, some, texts, tweet, whole
from training.errors import LibraryError
from training.library.library import Library
from training.sources.archive import Archive

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from training.sources.tweets import Tweet


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "library.db"


@pytest.fixture
def library(path: Path) -> Iterator[Library]:
    with Library.open(path) as library:
        yield library


def test_tweets_are_read_back_whole_and_the_oldest_first(library: Library) -> None:
    second = tweet(2, "second &amp; last ☔\nhere", kind="reply", lang="en", edits=("1",), parent="7")
    first = tweet(-400, "first", kind="retweet")

    added = add(library, some(second, first))

    assert library.archive("@Magpie") == Archive("magpie", "Ms Magpie", (first, second), kind="CSV")
    assert counts(added) == (2, 0, 0)
    assert (added.first, added.last) == (first.at, second.at)


def test_a_later_import_says_which_tweet_was_answered(library: Library) -> None:
    answer = tweet(1, "quite so", kind="reply")
    add(library, some(answer))

    added = add(library, some(replace(answer, parent="7")))
    add(library, some(answer))

    assert counts(added) == (0, 1, 0)
    assert library.archive("magpie").tweets == (replace(answer, parent="7"),)


def test_the_last_avatar_is_kept_until_the_author_is_forgotten(library: Library) -> None:
    add(library, some(A, avatar=b"\xff\xd8 old"))
    add(library, some(A, avatar=b"\xff\xd8 new"))
    add(library, some(B))

    assert library.archive("magpie").avatar == b"\xff\xd8 new"
    library.forget("magpie")
    add(library, some(A))
    assert library.archive("magpie").avatar == b""


def test_an_author_has_counts(library: Library) -> None:
    add(
        library,
        some(
            tweet(1, "a", lang="en"),
            tweet(2, "b", lang="pt", kind="reply"),
            tweet(3, "c", lang="en"),
        ),
    )
    add(library, some(tweet(4, "d", lang="en", author="rook"), author="rook", name="rook"))

    magpie, rook = library.authors()

    assert (magpie.handle, magpie.display_name, magpie.tweets) == ("magpie", "Ms Magpie", 3)
    assert (magpie.first, magpie.last) == (THEN + timedelta(days=1), THEN + timedelta(days=3))
    assert magpie.kinds == {"original": 2, "reply": 1}
    assert magpie.languages == {"en": 2, "pt": 1}
    (brought,) = magpie.imports
    assert (brought.at, brought.source, brought.kind, brought.found, brought.new) == (NOW, "tweets.zip", "CSV", 3, 3)
    assert (rook.handle, rook.display_name, rook.tweets) == ("rook", "rook", 1)


def test_importing_the_same_again_adds_nothing(library: Library) -> None:
    archive = whole(tweet(1, "a"), tweet(2, "b"))
    add(library, archive)

    again = library.add(archive, source="the same", at=NOW)

    assert counts(again) == (0, 0, 2)
    assert texts(library) == ["a", "b"]
    assert [one.new for one in library.authors()[0].imports] == [2, 0]


def test_the_pages_of_one_walk_are_one_import(library: Library) -> None:
    add(library, whole(tweet(1, "a")))
    add(library, whole(tweet(2, "b")))

    assert [one.new for one in library.authors()[0].imports] == [2]


def test_a_newer_archive_adds_what_is_new(library: Library) -> None:
    add(library, whole(tweet(1, "a"), tweet(2, "b")))

    added = add(library, whole(tweet(1, "a"), tweet(2, "b"), tweet(3, "c")))

    assert counts(added) == (1, 0, 2)
    assert added.missing == 0
    assert texts(library) == ["a", "b", "c"]


def test_the_name_is_that_of_the_last_import_that_has_one(library: Library) -> None:
    add(library, some(tweet(1, "a"), name="Magpie of Old"))
    add(library, some(tweet(1, "a"), name="Ms Magpie"))
    add(library, some(tweet(1, "a"), name="magpie"))

    assert library.archive("magpie").display_name == "Ms Magpie"


# Edits: each version has an id of its own, and the later ones know the earlier ones

WURM, WORM, EDITED = (
    tweet(1, "a wurm"),
    tweet(3, "a worm", edits=("1",)),
    tweet(5, "the worm", edits=("1", "3")),
)


@pytest.mark.parametrize(
    ("imports", "expected"),
    [
        ([WURM, WORM], (0, 1, 0)),
        ([WURM, WORM, EDITED], (0, 1, 0)),
        ([WURM, EDITED], (0, 1, 0)),
        ([WORM, WURM], (0, 0, 1)),
        ([EDITED, WORM], (0, 0, 1)),
        ([WURM, EDITED, WORM, WURM], (0, 0, 1)),
    ],
)
def test_the_last_version_of_an_edited_tweet_is_kept_in_any_order(
    library: Library, imports: list[Tweet], expected: tuple[int, int, int]
) -> None:
    for one in imports[:-1]:
        add(library, whole(one))

    added = add(library, whole(imports[-1]))

    newest = max(imports, key=lambda tweet: len(tweet.edits))
    assert counts(added) == expected
    assert library.archive("magpie").tweets == (newest,)


def test_two_versions_that_came_as_two_tweets_become_one(library: Library) -> None:
    add(library, some(WURM, tweet(2, "b"), tweet(3, "a worm")))

    added = add(library, whole(tweet(2, "b"), EDITED))

    assert counts(added) == (0, 1, 1)
    assert texts(library) == ["b", "the worm"]


# The same tweet in two sources that know different things about it

CUT = "a long thought about trains that goes on and on until it is…"
WHOLE = CUT.removesuffix("…") + " quite long indeed"


@pytest.mark.parametrize(
    ("before", "after", "better"),
    [
        (tweet(1, CUT), tweet(1, WHOLE), tweet(1, WHOLE)),
        (tweet(1, WHOLE), tweet(1, CUT), tweet(1, WHOLE)),
        (tweet(1, CUT + " https://t.co/x"), tweet(1, WHOLE), tweet(1, WHOLE)),
        (tweet(1, "caf?"), tweet(1, "café"), tweet(1, "café")),
        (tweet(1, "a &amp; b"), tweet(1, "a & b"), tweet(1, "a &amp; b")),
        (tweet(1, "a"), tweet(1, "a", kind="reply", lang="en"), tweet(1, "a", kind="reply", lang="en")),
        (tweet(1, "a", kind="reply", lang="en"), tweet(1, "a"), tweet(1, "a", kind="reply", lang="en")),
        (tweet(1, "a", at=None), tweet(1, "a"), tweet(1, "a")),
        (tweet(1, "a"), tweet(1, "a", at=None), tweet(1, "a")),
        (tweet(1, "a", at=(THEN + timedelta(days=1)).replace(hour=0)), tweet(1, "a"), tweet(1, "a")),
    ],
    ids=["made whole", "cut again", "cut with a link", "mended", "only escaped", "kind and language", "kind is kept",
         "date", "date is kept", "midnight"],
)  # fmt: skip
def test_the_better_text_of_two_sources_is_kept(library: Library, before: Tweet, after: Tweet, better: Tweet) -> None:
    add(library, some(before))

    added = add(library, some(after))

    assert library.archive("magpie").tweets == (better,)
    assert counts(added) == ((0, 0, 1) if better == before else (0, 1, 0))


def test_the_text_of_a_whole_archive_is_not_changed_by_a_table(library: Library) -> None:
    add(library, some(tweet(1, "caf?")))
    add(library, whole(tweet(1, "café")))

    added = add(library, some(tweet(1, "caf\ufffd")))

    assert counts(added) == (0, 0, 1)
    assert texts(library) == ["café"]


def test_an_id_twice_in_one_source_is_kept_once(library: Library) -> None:
    added = add(library, some(tweet(1, "a"), tweet(1, "a")))

    assert counts(added) == (1, 0, 1)


# Tweets without an id


def test_lines_keep_their_order_and_are_recognised(library: Library) -> None:
    lines = some(*map(line, ["zebra", "ant", "moth", "ant"]))
    add(library, lines)

    again = add(library, lines)

    assert counts(again) == (0, 0, 4)
    assert texts(library) == ["zebra", "ant", "moth", "ant"]
    assert {tweet.id for tweet in library.archive("magpie").tweets} == {""}


def test_a_line_is_new_only_if_it_occurs_more_often_than_before(library: Library) -> None:
    add(library, some(line("good morning"), line("ant")))

    added = add(library, some(*map(line, ["good morning", "good  morning", "good morning"])))

    assert counts(added) == (2, 0, 1)


def test_a_line_that_exists_with_an_id_is_not_added(library: Library) -> None:
    add(library, whole(tweet(1, "tick &amp; tock"), tweet(2, "b")))

    added = add(library, some(line("tick & tock"), line("new")))

    assert counts(added) == (1, 0, 1)
    assert texts(library) == ["new", "tick &amp; tock", "b"]


def test_a_line_gets_the_id_and_the_date_that_come_later(library: Library) -> None:
    add(library, some(line("ant"), line("b")))

    added = add(library, whole(tweet(1, "b"), tweet(2, "ant")))

    assert counts(added) == (0, 2, 0)
    assert library.archive("magpie").tweets == (tweet(1, "b"), tweet(2, "ant"))


def test_of_equal_texts_the_one_of_the_same_day_gets_the_id(library: Library) -> None:
    mornings = [tweet(day, "good morning", id="") for day in (1, 2, 3)]
    add(library, some(*mornings))

    add(library, some(tweet(2, "good morning")))

    assert library.archive("magpie").tweets == (mornings[0], tweet(2, "good morning"), mornings[2])


# What was deleted on X


@pytest.mark.parametrize(
    ("older", "newer", "missing"),
    [
        (whole(A, B), whole(A, C), 1),
        (whole(A, B), whole(B, C), 1),
        (whole(A, B, C), whole(A, B, day=9), 1),
        (whole(A, B), whole(A, B, C), 0),
        (some(A, B), whole(A, C), 0),
        (whole(A, B), some(A, C), 0),
    ],
    ids=["in between", "the first", "the last", "none", "a table before", "a table after"],
)
@pytest.mark.parametrize("older_first", [True, False])
def test_tweets_missing_from_a_newer_archive_are_counted_and_dropped_on_request(
    path: Path, older: Archive, newer: Archive, missing: int, *, older_first: bool
) -> None:
    texts_of = {}
    for drop in (False, True):
        with Library.open(path.with_name(f"{drop}.db")) as library:
            add(library, older if older_first else newer)
            added = add(library, newer if older_first else older, drop_missing=drop)
            assert (added.missing, added.dropped) == (missing, missing if drop else 0)
            texts_of[drop] = texts(library)

    texts_of_newer = {tweet.text for tweet in newer.tweets}
    assert set(texts_of[False]) == texts_of_newer | {tweet.text for tweet in older.tweets}
    assert set(texts_of[True]) == (texts_of_newer if missing else set(texts_of[False]))


# Two accounts


def test_authors_who_share_tweets_are_reported(library: Library) -> None:
    add(library, whole(A, B, C))

    added = add(library, some(tweet(2, "b", author="jackdaw"), tweet(9, "z", author="jackdaw"), author="jackdaw"))

    assert added.relatives == {"magpie": 1}
    assert texts(library, "jackdaw") == ["b", "z"]


def test_an_unknown_author_is_an_error_in_one_sentence(library: Library) -> None:
    add(library, some(A))

    for question in (library.archive, library.forget):
        with pytest.raises(LibraryError, match=r"@rook is not in the library \(@magpie\): `mynah import`"):
            question("rook")


def test_a_forgotten_author_is_no_longer_in_the_file(path: Path) -> None:
    with Library.open(path) as library:
        add(library, some(*(tweet(day, f"a secret {day} " + "of the rafters " * 9) for day in range(500))))
        add(library, some(tweet(1, "what rook said", author="rook"), author="rook", name="rook"))
        library.note("magpie", "place", "a secret mark")

        count = library.forget("@Magpie")

        assert count == 500
        assert [author.handle for author in library.authors()] == ["rook"]
        assert library.noted("magpie", "place") == ""
    left = path.read_bytes()
    assert b"secret" not in left
    assert b"magpie" not in left.lower()
    assert b"what rook said" in left


def test_a_note_of_an_author_is_kept(library: Library) -> None:
    add(library, some(A))
    library.note("magpie", "place", "12")
    library.note("magpie", "place", "13")

    assert library.noted("magpie", "place") == "13"
    assert library.noted("magpie", "other") == ""


def test_a_tweet_dated_in_the_future_does_not_make_later_archives_older(library: Library) -> None:
    add(library, whole(A, B, tweet(9_999, "z")))

    added = add(library, whole(A, C, day=2_515))  # NOW

    assert (added.missing, added.new) == (1, 1)
